"""Rehearses a night whose events go to a queue on the event bus, and to people."""

import json
from typing import Any

import boto3

from infra.deploy.aws import wait
from infra.deploy.rehearse.terminal import DELIVERY_SECONDS, STAGE, Terminal, must

SOMEONE = "someone@example.org"
NIGHT = {"session.started", "game.added", "vote.received", "session.ended"}


def hear_a_night(terminal: Terminal) -> None:
    """Play a night, and see its events at a queue on the bus and a text for people at the topic."""
    terminal.progress.step("A night's events on the bus, and a mail about it")
    sns, events, sqs = boto3.client("sns"), boto3.client("events"), boto3.client("sqs")
    heard, mailed = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("heard", "mailed"))
    rule = {"Name": "heard", "EventBusName": STAGE.bus}
    events.put_rule(**rule, EventPattern='{"source": ["gamenight"]}')
    of_bus = {"Rule": "heard", "EventBusName": STAGE.bus}
    events.put_targets(**of_bus, Targets=[{"Id": "1", "Arn": _arn(sqs, heard)}])
    terminal.gamenight("stage", "notify", "add", "--email", SOMEONE)
    [topic] = [one["TopicArn"] for one in sns.list_topics()["Topics"]]
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=mailed, Attributes={"Policy": policy})
    told = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=_arn(sqs, mailed))["SubscriptionArn"]

    night = terminal.asked("night", "start", "Friday Game Night")["id"]
    for words in (
        ["game", "add", "Tee K.O.", "--night"],
        ["vote", "alice", "up", "--night"],
        ["night", "end"],
    ):
        terminal.gamenight(*words, str(night))
    found: dict[str, Any] = {}

    def look() -> bool | None:
        found.update((one["detail-type"], one["detail"]) for one in _taken(sqs, heard) if _of(one) == night)
        return True if found.keys() >= NIGHT else None

    wait("the night's events on the bus", look, within=DELIVERY_SECONDS, every=0.5)
    started = found["session.started"]
    must(started["data"]["session"]["notes"] == "Friday Game Night", f"the bus had {started}")
    mails = [one["Message"] for one in _taken(sqs, mailed)]
    text = f'"Game night {night} has started: Friday Game Night"'
    must(text in mails, f"people were told {mails}")
    terminal.progress.detail(f"{', '.join(found)}; {text}")

    must(SOMEONE in terminal.gamenight("stage", "notify", "list"), "nobody is told of anything")
    sns.unsubscribe(SubscriptionArn=told)
    terminal.gamenight("stage", "notify", "remove", "--email", SOMEONE)
    must(not sns.list_topics()["Topics"], "the topic of nobody is still there")
    events.remove_targets(**of_bus, Ids=["1"])
    events.delete_rule(**rule)
    for url in (heard, mailed):
        sqs.delete_queue(QueueUrl=url)


def _arn(sqs: Any, url: str) -> str:
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(found["Attributes"]["QueueArn"])


def _taken(sqs: Any, url: str) -> list[Any]:
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ())
    for one in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return [json.loads(one["Body"]) for one in found]


def _of(event: Any) -> int:
    """Return the id of an event's night: late ones of other nights are on the bus too."""
    return int(event["detail"]["data"]["session"]["id"])
