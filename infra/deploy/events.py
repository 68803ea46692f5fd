"""Publishes a stage's events on an event bus of its own, and tells people of them by mail.

The bus and what fills it are a stack, ``events.yaml``. The recipients are not part of it: each type of event
that somebody gets by mail has a rule on the bus and a topic.
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.nights.events import EventType
from infra.deploy.aws import if_there
from infra.deploy.output import DeploymentError, code_of
from infra.deploy.stack import Stack
from infra.deploy.target import Part, Target, remove
from infra.template import EVENTS, sent

DEAD_LETTERS = "{}-events-dead"
PENDING = "PendingConfirmation"
"""SNS has this in place of a subscription's ARN until somebody clicks on the link in the first mail."""


def stack_of(target: Target) -> Stack:
    """Return the stack of a stage's bus."""
    return Stack(target.aws.client("cloudformation"), f"{target.stage.stack}-events", target.progress)


def apply(target: Target, stream_arn: str) -> bool:
    """Create or update the bus and what fills it, or remove them if the stage should have none.

    Return whether anything was changed.
    """
    stack = stack_of(target)
    if target.options.events:
        target.progress.step(f"Stack {stack.name}")
        topic = target.options.alarm_topic_arn
        parameters = {"Stage": target.stage.name, "StreamArn": stream_arn, "AlarmTopicArn": topic}
        changed = stack.apply(sent(target.stage.name, EVENTS), parameters)
        target.progress.detail("is as declared now" if changed else "unchanged")
        return changed
    return remove(parts(target), target.progress)


def parts(target: Target) -> Iterator[Part]:
    """Yield the notifications, then the stack: a bus with rules can't be deleted."""
    stack = stack_of(target)
    if status := stack.status():
        for rule in _rules(target) or ():
            yield f"notifications of {rule['Name']}", partial(_remove, target, rule["Name"])
        yield f"stack {stack.name} ({status})", stack.delete


def differences(target: Target) -> list[str]:
    """Return a line for each thing that is not as declared."""
    stack, wanted = stack_of(target), target.options.events
    if bool(stack.status()) != wanted:
        return [f"stack {stack.name}: {'is not there' if wanted else 'is there'}"]
    return [f"stack {stack.name}: {line}" for line in stack.drift()] if wanted else []


def lines(target: Target) -> Iterator[str]:
    """Yield what ``status`` shows of the bus."""
    pipe = stack_of(target).outputs().get("PipeName", "")
    found = if_there(target.aws.client("pipes").describe_pipe, Name=pipe) if pipe else {}
    state = found.get("CurrentState", "is not there")
    yield f"bus {target.stage.bus}, filled by the pipe {pipe}: {state}"
    for one in notified(target) if _rules(target) else ():
        yield f"{one['email']} is told of {one['event']}"


def notify(target: Target, email: str, event: EventType) -> None:
    """Mail a person each event of a type. Raises DeploymentError if the stage has no bus."""
    _rules_of_the_bus(target)
    events, sns, stage = target.aws.client("events"), target.aws.client("sns"), target.stage
    name = f"{stage.notifications}{event.replace('.', '-')}"
    pattern = json.dumps({"source": ["gamenight"], "detail-type": [event]})
    rule = events.put_rule(Name=name, EventBusName=stage.bus, EventPattern=pattern)["RuleArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": rule.replace(":events:", ":sns:").replace(f":rule/{stage.bus}/", ":"),
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    attributes = {"Policy": policy, "DisplayName": "Game nights"}
    topic = sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
    # EventBridge takes only JSON as a template, so the mail's text stands in quotation marks.
    text = {"InputPathsMap": {"text": "$.detail.text"}, "InputTemplate": '"<text>"'}
    told = [{"Id": "1", "Arn": topic, "InputTransformer": text}]
    events.put_targets(Rule=name, EventBusName=stage.bus, Targets=told)
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=email)


def notified(target: Target) -> Iterator[dict[str, str]]:
    """Yield who is mailed which event: ``event``, ``email``, and ``subscription``, an ARN or PENDING."""
    for rule in _rules_of_the_bus(target):
        event = json.loads(rule["EventPattern"])["detail-type"][0]
        for one in _subscriptions(target, rule["Name"]):
            yield {"event": event, "email": one["Endpoint"], "subscription": one["SubscriptionArn"]}


def stop_notifying(target: Target, email: str) -> list[str]:
    """Stop telling a person of events; return the types that they were told of."""
    stopped = []
    for rule in _rules_of_the_bus(target):
        found = _subscriptions(target, rule["Name"])
        theirs = [one for one in found if one["Endpoint"] == email]
        if len(theirs) == len(found):
            _remove(target, rule["Name"])
        for one in theirs:
            stopped += json.loads(rule["EventPattern"])["detail-type"]
            if len(theirs) < len(found) and one["SubscriptionArn"] != PENDING:
                target.aws.client("sns").unsubscribe(SubscriptionArn=one["SubscriptionArn"])
    return stopped


def _rules_of_the_bus(target: Target) -> list[Any]:
    if (rules := _rules(target) if target.options.events else None) is not None:
        return rules
    name = target.stage.name
    if not target.stack.status():
        raise DeploymentError(f"The stage {name} is not deployed in this account and Region.")
    raise DeploymentError(
        f"The stage {name} has no event bus. `gamenight stage deploy --stage {name} --events` makes it."
    )


def _rules(target: Target) -> list[Any] | None:
    """Return the rules that mail people, None if there is no bus."""
    bus, prefix = target.stage.bus, target.stage.notifications
    try:
        return [*target.aws.pages("events", "list_rules", "Rules", EventBusName=bus, NamePrefix=prefix)]
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return None


def _topics(target: Target, rule: str) -> list[str]:
    found = target.aws.client("events").list_targets_by_rule(Rule=rule, EventBusName=target.stage.bus)
    return [one["Arn"] for one in found["Targets"]]


def _subscriptions(target: Target, rule: str) -> list[Any]:
    return [
        one
        for topic in _topics(target, rule)
        for one in target.aws.pages("sns", "list_subscriptions_by_topic", "Subscriptions", TopicArn=topic)
    ]


def _remove(target: Target, rule: str) -> None:
    events, of_bus = target.aws.client("events"), {"EventBusName": target.stage.bus}
    for topic in _topics(target, rule):
        target.aws.client("sns").delete_topic(TopicArn=topic)
        events.remove_targets(Rule=rule, **of_bus, Ids=["1"])
    events.delete_rule(Name=rule, **of_bus)
