import pytest

from infra.deploy.chalice.state import adopt
from infra.deploy.destroy import NOTHING_LEFT, destroy, table_with_nights
from infra.deploy.target import Target
from infra.template import tables
from tests.fakes.progress import said

# moto can't make alarms and metric filters from a template, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS")

RULE = "game-night-live-dev-sweep-event"
OF_ANOTHER_STAGE = "game-night-live-dev2-sweep-event"


@pytest.fixture
def scheduled(stack: Target, functions: dict[str, str]) -> Target:
    """A stage with a schedule, as Chalice makes it, and another stage's beside it."""
    events = stack.aws.client("events")
    for rule in (RULE, OF_ANOTHER_STAGE):
        events.put_rule(Name=rule, ScheduleExpression="rate(1 minute)")
        events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": functions["broadcast"]}])
    return stack


def test_an_unrecorded_schedule_is_recorded(scheduled: Target) -> None:
    adopt(scheduled.aws, scheduled.record, "", scheduled.progress)

    assert scheduled.record.value("cloudwatch_event", "rule_name") == RULE


def test_an_unrecorded_schedule_is_removed_with_the_stage(scheduled: Target) -> None:
    destroy(scheduled)

    rules = scheduled.aws.client("events").list_rules()["Rules"]
    assert [one["Name"] for one in rules] == [OF_ANOTHER_STAGE]
    assert said(scheduled.progress)[-1] == NOTHING_LEFT


def test_only_nights_are_data_that_would_be_lost(stack: Target) -> None:
    def put(table: str) -> None:
        keys = {"PK": {"S": "sweep"}, "SK": {"S": "head"}}
        stack.aws.client("dynamodb").put_item(TableName=tables("dev")[table].name, Item=keys)

    put("ConnectionsTable")
    assert table_with_nights(stack) is None
    put("SessionsTable")
    assert table_with_nights(stack) == "game-night-live-dev-sessions"


def test_a_stage_without_tables_has_no_nights(target: Target) -> None:
    assert table_with_nights(target) is None
