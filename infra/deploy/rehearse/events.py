"""Rehearses a night whose events go to a queue on the event bus, and to people."""

import json
from typing import Any

import boto3

from infra.deploy.aws import wait
from infra.deploy.rehearse.terminal import DELIVERY_SECONDS, STAGE, Terminal, must
from infra.local.engine.queues import EngineQueue

SOMEONE = "someone@example.org"
NIGHT = {"session.started", "game.added", "vote.received", "session.ended"}


def hear_a_night(terminal: Terminal) -> None:
    """Play a night, and see its events at a queue on the bus and a text for people at the topic."""
    terminal.progress.step("A night's events on the bus, and a mail about it")
    sns, events, sqs = boto3.client("sns"), boto3.client("events"), boto3.client("sqs")
    heard, mailed = _made(sqs, "heard"), _made(sqs, "mailed")
    rule = {"Name": "heard", "EventBusName": STAGE.bus}
    events.put_rule(**rule, EventPattern='{"source": ["gamenight"]}')
    of_bus = {"Rule": "heard", "EventBusName": STAGE.bus}
    events.put_targets(**of_bus, Targets=[{"Id": "1", "Arn": heard.arn}])
    terminal.gamenight("stage", "notify", "add", "--email", SOMEONE)
    [topic] = [one["TopicArn"] for one in sns.list_topics()["Topics"]]
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=mailed.url, Attributes={"Policy": policy})
    told = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=mailed.arn)["SubscriptionArn"]

    night = terminal.asked("night", "start", "Friday Game Night")["id"]
    for words in (
        ["game", "add", "Tee K.O.", "--night"],
        ["vote", "alice", "up", "--night"],
        ["night", "end"],
    ):
        terminal.gamenight(*words, str(night))
    found: dict[str, Any] = {}

    def look() -> bool | None:
        found.update((one["detail-type"], one["detail"]) for one in _taken(heard) if _of(one) == night)
        return True if found.keys() >= NIGHT else None

    wait("the night's events on the bus", look, within=DELIVERY_SECONDS, every=0.5)
    started = found["session.started"]
    must(started["data"]["session"]["notes"] == "Friday Game Night", f"the bus had {started}")
    mails = [one["Message"] for one in _taken(mailed)]
    text = f'"Game night {night} has started: Friday Game Night"'
    must(text in mails, f"people were told {mails}")
    terminal.progress.detail(f"{', '.join(found)}; {text}")

    must(SOMEONE in terminal.gamenight("stage", "notify", "list"), "nobody is told of anything")
    sns.unsubscribe(SubscriptionArn=told)
    terminal.gamenight("stage", "notify", "remove", "--email", SOMEONE)
    must(not sns.list_topics()["Topics"], "the topic of nobody is still there")
    events.remove_targets(**of_bus, Ids=["1"])
    events.delete_rule(**rule)
    for queue in (heard, mailed):
        sqs.delete_queue(QueueUrl=queue.url)


def _made(sqs: Any, name: str) -> EngineQueue:
    sqs.create_queue(QueueName=name)
    return EngineQueue.named(sqs, name)


def _taken(queue: EngineQueue) -> list[Any]:
    found = queue.receive(10)
    for one in found:
        queue.delete(one)
    return [json.loads(one["Body"]) for one in found]


def _of(event: Any) -> int:
    """Return the id of an event's night: late ones of other nights are on the bus too."""
    return int(event["detail"]["data"]["session"]["id"])
