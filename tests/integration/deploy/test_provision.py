from dataclasses import replace
from typing import Any

import pytest

from chalicelib.auth.secrets import TokenSecrets
from infra.budget import CONCURRENCY, posts_per_second
from infra.deploy.output import DeploymentError
from infra.deploy.provision import check_place, provision
from infra.deploy.rehearse.changes import replace_table
from infra.deploy.stage import StageConfig
from infra.deploy.target import Target
from infra.template import tables
from tests.fakes.progress import said

# moto can't make alarms and metric filters from a template, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS")


def asked(target: Target, **options: Any) -> Target:
    """Return a target as the commands make it when they are given these options."""
    return replace(target, options=StageConfig.of(target.stack.parameters(), **options))


def test_chalice_is_told_what_the_stack_made(stack: Target) -> None:
    stream = provision(stack).stream_arn

    entry = stack.config.entry(stack.stage)
    assert entry["environment_variables"]["SESSIONS_TABLE"] == "game-night-live-dev-sessions"
    assert entry["environment_variables"]["SESSIONS_STREAM_ARN"] == stream
    assert entry["environment_variables"]["DELIVERY_QUEUE_ARN"].endswith(":game-night-live-dev-delivery.fifo")
    roles = {one["iam_role_arn"] for one in entry["lambda_functions"].values()}
    assert len(roles) == len(stack.functions)
    assert entry["lambda_functions"]["broadcast"]["reserved_concurrency"] == CONCURRENCY["broadcast"]


def test_the_secret_is_made_once_and_never_shown(stack: Target) -> None:
    provision(stack)
    ssm = stack.aws.client("ssm")
    first = ssm.get_parameter(Name=stack.stage.secret_parameter, WithDecryption=True)["Parameter"]
    provision(stack)
    second = ssm.get_parameter(Name=stack.stage.secret_parameter, WithDecryption=True)["Parameter"]

    assert first["Type"] == "SecureString"
    assert second["Value"] == first["Value"]
    secret = TokenSecrets.parse(first["Value"]).current.secret
    assert len(secret) >= 43
    assert secret not in "\n".join(said(stack.progress))
    assert secret not in stack.config.path.read_text()


def test_options_not_given_stay_as_they_are(stack: Target) -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:alarms"
    provision(
        asked(stack, architecture="x86_64", alarm_topic_arn=topic, log_retention_days=90, account_rate=2500)
    )
    before = stack.config.path.read_text()
    said(stack.progress).clear()

    provision(asked(stack))

    # Secret and configuration; moto updates a stack that has not changed, where AWS refuses to.
    assert said(stack.progress).count("unchanged") == 2
    assert (
        f"kept as the stage has it: --architecture x86_64 --log-retention-days 90 --alarm-topic-arn {topic} "
        "--account-rate 2500"
    ) in said(stack.progress)
    assert stack.config.path.read_text() == before
    assert stack.config.entry(stack.stage)["lambda_architecture"] == "x86_64"
    provision(asked(stack, account_rate=5000, alarm_topic_arn=""))
    kept, entry = stack.stack.parameters(), stack.config.entry(stack.stage)
    assert (kept["Architecture"], kept["AlarmTopicArn"], kept["AccountRate"]) == ("x86_64", "", "5000")
    for one in CONCURRENCY:
        variables = entry["lambda_functions"][one]["environment_variables"]
        assert variables == {"POSTS_PER_SECOND": str(posts_per_second(5000))}


def test_a_young_account_is_deployed_to_without_a_reservation(stack: Target) -> None:
    few = {"AccountLimit": {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}}
    stack.aws.client("lambda").get_account_settings = lambda: few

    provision(stack)

    assert "reserved_concurrency" not in stack.config.entry(stack.stage)["lambda_functions"]["broadcast"]
    assert any("Service Quotas" in line for line in said(stack.progress))


def test_a_replaced_table_is_seen(stack: Target) -> None:
    old = provision(stack).stream_arn
    replace_table(stack.aws.client("dynamodb"), tables("dev")["SessionsTable"])

    new = provision(stack).stream_arn

    assert new != old
    assert stack.config.entry(stack.stage)["environment_variables"]["SESSIONS_STREAM_ARN"] == new


def test_what_is_lost_with_a_table_and_a_secret_is_told(stack: Target, aws: Any) -> None:
    provision(stack)
    stack.aws.client("dynamodb").delete_table(TableName="game-night-live-dev-connections")
    stack.aws.client("ssm").delete_parameter(Name=stack.stage.secret_parameter)
    real = aws.execute_change_set

    def execute(**how: str) -> None:
        stack.aws.client("dynamodb").create_table(**tables("dev")["ConnectionsTable"].create)
        real(**how)

    stack.aws.client("cloudformation").execute_change_set = execute
    provision(stack)

    lines = "\n".join(said(stack.progress))
    assert "game-night-live-dev-connections had been deleted and is empty now\n" in lines
    assert "tokens that were made before are refused from now on" in lines


def test_a_table_whose_stream_was_switched_off_is_told_of(stack: Target) -> None:
    stack.aws.client("dynamodb").update_table(
        TableName="game-night-live-dev-sessions", StreamSpecification={"StreamEnabled": False}
    )

    with pytest.raises(DeploymentError, match="aws dynamodb update-table"):
        provision(stack)


@pytest.mark.parametrize(
    ("arn", "advice"),
    [
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/x", "AWS_REGION=eu-west-1"),
        ("arn:aws:dynamodb:us-east-1:999999999999:table/t/stream/x", "AWS_PROFILE"),
    ],
)
def test_a_stage_that_is_elsewhere_is_left_alone(target: Target, arn: str, advice: str) -> None:
    target.config.record(target.stage, {"environment_variables": {"SESSIONS_STREAM_ARN": arn}})

    with pytest.raises(DeploymentError, match=advice):
        check_place(target.aws, target.stage, target.config)
