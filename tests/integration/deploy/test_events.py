"""Who is told of events, on moto's event bus and topics."""

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.nights.events import EventType
from infra.deploy.events import notified, notify, parts, stop_notifying
from infra.deploy.output import DeploymentError
from infra.deploy.target import Target

SOMEONE, ANOTHER = "someone@example.org", "another@example.org"


@pytest.fixture
def bus(target: Target) -> Target:
    target.aws.client("events").create_event_bus(Name=target.stage.bus)
    return replace(target, options=replace(target.options, events=True))


def told(target: Target) -> list[tuple[str, str]]:
    return [(one["event"], one["email"]) for one in notified(target)]


def test_people_are_told_of_what_they_ask_for(bus: Target) -> None:
    notify(bus, SOMEONE, EventType.SESSION_STARTED)
    notify(bus, SOMEONE, EventType.SESSION_STARTED)
    notify(bus, ANOTHER, EventType.SESSION_ENDED)

    assert told(bus) == [("session.started", SOMEONE), ("session.ended", ANOTHER)]
    name = "game-night-live-dev-notify-session-started"
    events: Any = bus.aws.client("events")
    rule = events.describe_rule(Name=name, EventBusName=bus.stage.bus)
    assert json.loads(rule["EventPattern"]) == {"source": ["gamenight"], "detail-type": ["session.started"]}
    [target] = events.list_targets_by_rule(Rule=name, EventBusName=bus.stage.bus)["Targets"]
    attributes = bus.aws.client("sns").get_topic_attributes(TopicArn=target["Arn"])["Attributes"]
    [statement] = json.loads(attributes["Policy"])["Statement"]
    assert statement["Resource"] == target["Arn"]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": rule["Arn"]}}


def test_a_topic_goes_with_the_last_who_was_told(bus: Target) -> None:
    for email in (SOMEONE, ANOTHER):
        notify(bus, email, EventType.SESSION_STARTED)

    assert stop_notifying(bus, SOMEONE) == ["session.started"]
    assert told(bus) == [("session.started", ANOTHER)]
    assert stop_notifying(bus, ANOTHER) == ["session.started"]
    assert stop_notifying(bus, ANOTHER) == []
    assert bus.aws.client("sns").list_topics()["Topics"] == []


@pytest.mark.filterwarnings("ignore:Tried to parse AWS")  # moto can't make alarms from a template
def test_without_a_bus_the_error_names_the_command(stack: Target) -> None:
    with pytest.raises(DeploymentError, match=r"stage deploy --stage dev --events"):
        notify(stack, SOMEONE, EventType.SESSION_STARTED)


def test_a_stage_that_is_not_deployed_notifies_nobody(target: Target) -> None:
    with pytest.raises(DeploymentError, match="The stage dev is not deployed"):
        [*notified(target)]


def test_nothing_of_a_stage_without_a_bus_is_removed(target: Target) -> None:
    assert [*parts(target)] == []
