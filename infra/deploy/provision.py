"""Provisions the stack and the token secret, and tells Chalice about them."""

from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from chalicelib.auth.secrets import TokenSecrets
from infra.budget import CONCURRENCY
from infra.deploy import events
from infra.deploy.aws import Aws
from infra.deploy.chalice.config import ChaliceConfig, stage_entry
from infra.deploy.output import DeploymentError, code_of
from infra.deploy.stage import Stage
from infra.deploy.status import deployed_function, existing_tables
from infra.deploy.target import Target
from infra.template import sent, tables
from infra.token_secrets import new_secrets

UNRESERVED_MINIMUM = 100
"""The concurrency that AWS leaves unreserved in every account."""

ANY_API = "*"


class Provisioned(NamedTuple):
    """What is around the functions now: the sessions table's stream, and whether AWS had to change."""

    stream_arn: str
    changed: bool


def provision(target: Target) -> Provisioned:
    """Create or update everything around the functions."""
    aws, stage, progress, options = target.aws, target.stage, target.progress, target.options
    check_place(aws, stage, target.config)
    live = target.websocket_api
    rest = target.rest_api if options.push_endpoint else ""
    progress.step(f"Stack {stage.stack}")
    if kept := options.kept():
        progress.detail(f"kept as the stage has it: {' '.join(kept)}")
    parameters = {"Stage": stage.name, "WebSocketApiId": live or ANY_API, **options.parameters}
    template = sent(stage.name, target.project / "infra" / "deploy" / "stack.yaml")
    was_there, kept_tables = bool(target.stack.outputs()), existing_tables(target)
    changed = target.stack.apply(template, parameters)
    progress.detail("is as declared now" if changed else "unchanged")
    nights = tables(stage.name)["SessionsTable"].name
    for name in existing_tables(target) if was_there else ():
        if name not in kept_tables:
            hint = ": see docs/operations.md, Restore" if name == nights else ""
            progress.warning(f"{name} had been deleted and is empty now{hint}")
    stream_arn = _stream_arn(aws, target.stack.outputs()["SessionsTableName"])
    changed |= events.apply(target, stream_arn)
    progress.step(f"Token secret {stage.secret_parameter}")
    made = ensure_secret(aws.client("ssm"), stage.secret_parameter)
    progress.detail("created, and shown to nobody" if made else "unchanged")
    if made and was_there:
        progress.warning("the old one was gone: tokens that were made before are refused from now on")
    progress.step("Chalice's configuration, .chalice/config.json")
    outputs = target.stack.outputs()
    entry = stage_entry(
        stage,
        target.functions,
        options,
        outputs,
        stream_arn,
        websocket_url=target.websocket_url(live) if live else "",
        rest_url=target.url(rest) if rest else "",
        reserve_concurrency=_can_reserve(target),
    )
    recorded = target.config.record(stage, entry)
    progress.detail(f"the entry of {stage.name} is written" if recorded else "unchanged")
    return Provisioned(stream_arn, changed or made)


def ensure_secret(ssm: Any, name: str) -> bool:
    """Create the SecureString unless it is there; return whether it was created."""
    try:
        # Overwrite=False makes two runs at once agree on one secret.
        ssm.put_parameter(
            Name=name,
            Description="Signs the tokens of Game Night Live. Anyone who can read it can act as any user.",
            Type="SecureString",
            Value=new_secrets().document(),
            Overwrite=False,
        )
    except ClientError as error:
        if code_of(error) == "ParameterAlreadyExists":
            return False
        raise
    return True


def check_place(aws: Aws, stage: Stage, config: ChaliceConfig) -> None:
    """Raise DeploymentError if the stage's entry names another Region or account."""
    arn = config.entry(stage).get("environment_variables", {}).get("SESSIONS_STREAM_ARN", "")
    if not arn:
        return
    region, account = arn.split(":")[3:5]
    moved = f"(If {stage.name} has really moved, remove its entry from {config.path}.)"
    if region != aws.region:
        raise DeploymentError(
            f"The stage {stage.name} is in {region}, and the Region chosen is {aws.region}. "
            f"Set AWS_REGION={region}, or take another --stage name. {moved}"
        )
    if account != aws.account:
        raise DeploymentError(
            f"The stage {stage.name} is in account {account}, and these are credentials of {aws.account}. "
            f"Choose the right ones with AWS_PROFILE. {moved}"
        )


def _stream_arn(aws: Aws, table: str) -> str:
    # The table is asked: after a restore or a change by hand, the stack's output is the old stream.
    described = aws.client("dynamodb").describe_table(TableName=table)["Table"]
    arn: str | None = described.get("LatestStreamArn")
    if arn is None or not described.get("StreamSpecification", {}).get("StreamEnabled"):
        raise DeploymentError(
            f"The table {table} has no stream, so nothing would be delivered. Switch it on: "
            f"aws dynamodb update-table --table-name {table} "
            "--stream-specification StreamEnabled=true,StreamViewType=NEW_IMAGE"
        )
    return arn


def _can_reserve(target: Target) -> bool:
    posting = CONCURRENCY.keys() & target.functions.keys()
    wanted = sum(CONCURRENCY[name] for name in posting)
    held = [deployed_function(target, name).get("Concurrency", {}) for name in posting]
    limits = target.aws.client("lambda").get_account_settings()["AccountLimit"]
    unreserved: int = limits["UnreservedConcurrentExecutions"]
    unreserved += sum(one.get("ReservedConcurrentExecutions", 0) for one in held)
    if unreserved - wanted >= UNRESERVED_MINIMUM:
        return True
    target.progress.warning(
        f"the account may run {limits['ConcurrentExecutions']} functions at once, too few to keep {wanted} "
        "free for delivery. Ask for more under Service Quotas, Lambda, Concurrent executions; deploy again."
    )
    return False


class SecretParameter:
    """A ``SecretKeeper`` on SSM. SSM has no conditional writes, so a collision is only noticed afterwards."""

    def __init__(self, ssm: Any, name: str) -> None:
        self._ssm = ssm
        self._name = name
        self._version = 0

    def read(self) -> TokenSecrets:
        """See the port. Raises DeploymentError where there is nothing."""
        try:
            parameter = self._ssm.get_parameter(Name=self._name, WithDecryption=True)["Parameter"]
        except ClientError as error:
            if code_of(error) == "ParameterNotFound":
                raise DeploymentError(
                    f"There is no secret {self._name} in this account and Region. `gamenight stage deploy` "
                    "makes it; is this the right stage?"
                ) from error
            raise
        self._version = parameter["Version"]
        return TokenSecrets.parse(parameter["Value"])

    def replace(self, secrets: TokenSecrets) -> None:
        """See the port. Raises DeploymentError where somebody else has written since ``read``."""
        answer = self._ssm.put_parameter(
            Name=self._name, Type="SecureString", Value=secrets.document(), Overwrite=True
        )
        if answer["Version"] != self._version + 1:
            raise DeploymentError(
                f"Somebody else has changed {self._name} at the same moment, and what they wrote is lost: "
                "tokens of the last seconds may be refused, and have to be made again."
            )
