"""Provisioning: the stack, the token secret, and what Chalice is told about them."""

from collections.abc import Sequence

from infra.budget import CONCURRENCY
from infra.deploy.aws import Aws
from infra.deploy.chalice.config import ChaliceConfig, Provisioned, stage_entry
from infra.deploy.chalice.state import rest_api_ids, websocket_api_ids
from infra.deploy.errors import DeploymentError
from infra.deploy.secret import ensure_secret
from infra.deploy.stage import Stage
from infra.deploy.target import Target
from infra.template import sent

UNRESERVED_MINIMUM = 100
"""What AWS insists on leaving without a reservation."""

ANY_API = "*"


def provision(target: Target) -> str:
    """Bring everything around the functions to the declared state; return the sessions stream's ARN."""
    aws, stage, progress, shape = target.aws, target.stage, target.progress, target.shape
    check_place(aws, stage, target.config)
    live = _known(target.record.websocket_api, websocket_api_ids(aws, stage))
    rest = _known(target.record.rest_api, rest_api_ids(aws, stage)) if shape.push_endpoint else None
    progress.step(f"Stack {stage.stack}")
    if kept := shape.kept(target.stack.parameters()):
        progress.detail(f"kept as the stage has it: {' '.join(kept)}")
    parameters = {"Stage": stage.name, "WebSocketApiId": live or ANY_API, **shape.parameters}
    changed = target.stack.apply(sent(target.project / "infra" / "deploy" / "stack.yaml"), parameters)
    progress.detail("is as declared now" if changed else "unchanged")
    progress.step(f"Token secret {stage.secret_parameter}")
    made = ensure_secret(aws.client("ssm"), stage.secret_parameter)
    progress.detail("made; nobody has seen it" if made else "unchanged")
    progress.step("Chalice's configuration, .chalice/config.json")
    outputs = target.stack.outputs()
    provisioned = Provisioned(
        outputs,
        _stream_arn(aws, outputs["SessionsTableName"]),
        shape,
        websocket_url=target.addresses.websocket(live) if live else "",
        rest_url=target.addresses.base(rest) if rest else "",
        reserve_concurrency=_can_reserve(target),
    )
    recorded = target.config.record(stage, stage_entry(stage, list(target.functions), provisioned))
    progress.detail(f"the entry of {stage.name} is written" if recorded else "unchanged")
    return provisioned.stream_arn


def check_place(aws: Aws, stage: Stage, config: ChaliceConfig) -> None:
    """Raise DeploymentError where the stage is known to be in another Region or account."""
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


def _known(recorded: str | None, found: Sequence[str]) -> str | None:
    """Choose the API that Chalice has recorded; without its record, the one that is there."""
    return recorded if recorded in found else next(iter(found), None)


def _stream_arn(aws: Aws, table: str) -> str:
    # Asked of the table: after a restore or a change by hand, the stack still knows the stream of before.
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
    wanted = sum(CONCURRENCY.get(name, 0) for name in target.functions)
    limits = target.aws.client("lambda").get_account_settings()["AccountLimit"]
    unreserved: int = limits["UnreservedConcurrentExecutions"]
    if unreserved + _reserved(target) - wanted >= UNRESERVED_MINIMUM:
        return True
    target.progress.warning(
        f"the account may run {limits['ConcurrentExecutions']} functions at once, too few to keep {wanted} "
        "free for delivery. Ask for more under Service Quotas, Lambda, Concurrent executions; deploy again."
    )
    return False


def _reserved(target: Target) -> int:
    """Return what the stage's functions hold already."""
    client = target.aws.client("lambda")
    held = 0
    for name in CONCURRENCY.keys() & target.functions.keys():
        try:
            answer = client.get_function_concurrency(FunctionName=target.stage.function(name))
        except client.exceptions.ResourceNotFoundException:
            continue
        held += answer.get("ReservedConcurrentExecutions", 0)
    return held
