from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.deploy.clock import Clock
from infra.deploy.errors import DeploymentError
from infra.deploy.stack import Stack
from tests.fakes.progress import SilentProgress

NO_TIME = Clock(monotonic=lambda: 0.0, sleep=lambda _: None)


class FakeCloudFormation:
    """One stack that goes through scripted states: the next one each time that it is looked at."""

    def __init__(self, states: Sequence[str], changes: Sequence[str] = ("Table",), reason: str = "") -> None:
        self._states = list(states)
        self._changes = changes
        self._reason = reason
        self.done: list[str] = []
        self.events: list[dict[str, Any]] = []

    def describe_stacks(self, *, StackName: str) -> Any:  # noqa: N803 - boto3's name
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        if state == "(none)":
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        return {"Stacks": [{"StackStatus": state, "StackId": "id"}]}

    def create_change_set(self, **asked: Any) -> None:
        self.done.append(asked["ChangeSetType"])

    def describe_change_set(self, **_: Any) -> Any:
        changes = [
            {"ResourceChange": {"Action": "Modify", "LogicalResourceId": one}} for one in self._changes
        ]
        status = "FAILED" if self._reason else "CREATE_COMPLETE"
        return {"Status": status, "StatusReason": self._reason, "Changes": changes}

    def delete_change_set(self, **_: Any) -> None:
        self.done.append("delete change set")

    def execute_change_set(self, **_: Any) -> None:
        self.done.append("execute")
        self.events.insert(
            0,
            {
                "EventId": "1",
                "LogicalResourceId": "Table",
                "ResourceStatus": "CREATE_FAILED",
                "ResourceStatusReason": "it already exists",
            },
        )

    def delete_stack(self, **_: Any) -> None:
        self.done.append("delete stack")

    def describe_stack_events(self, **_: Any) -> Any:
        return {"StackEvents": self.events}


def stack(cloudformation: FakeCloudFormation) -> Stack:
    return Stack(cloudformation, "s", SilentProgress(), NO_TIME)


def test_a_stack_that_is_missing_is_created() -> None:
    aws = FakeCloudFormation(["(none)", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"])

    changed = stack(aws).apply("{}", {})

    assert changed
    assert aws.done == ["CREATE", "execute"]


def test_a_stack_that_is_as_declared_is_left_alone() -> None:
    aws = FakeCloudFormation(["UPDATE_COMPLETE"], reason="The submitted information didn't contain changes.")

    changed = stack(aws).apply("{}", {})

    assert not changed
    assert aws.done == ["UPDATE", "delete change set"]


def test_a_stack_that_was_never_made_is_made_anew() -> None:
    aws = FakeCloudFormation(
        ["ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE", "(none)", "CREATE_COMPLETE"]
    )

    stack(aws).apply("{}", {})

    assert aws.done == ["delete stack", "CREATE", "execute"]


def test_a_stack_that_another_run_works_on_is_waited_for() -> None:
    aws = FakeCloudFormation(["UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"])

    stack(aws).apply("{}", {})

    assert aws.done == ["UPDATE", "execute"]


@pytest.mark.parametrize("state", ["UPDATE_ROLLBACK_FAILED", "ROLLBACK_FAILED", "DELETE_FAILED"])
def test_a_stack_that_a_person_has_to_free_is_told_of(state: str) -> None:
    aws = FakeCloudFormation([state])

    with pytest.raises(DeploymentError, match=f"is in {state}"):
        stack(aws).apply("{}", {})

    assert aws.done == []


def test_a_failure_names_the_resource_and_the_reason() -> None:
    aws = FakeCloudFormation(["(none)", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"])

    with pytest.raises(DeploymentError, match="Table: it already exists"):
        stack(aws).apply("{}", {})


def test_a_change_that_is_not_accepted_is_told_of() -> None:
    aws = FakeCloudFormation(["CREATE_COMPLETE"], reason="Template error: no such resource")

    with pytest.raises(DeploymentError, match="no such resource"):
        stack(aws).apply("{}", {})
