from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.deploy.output import DeploymentError
from infra.deploy.stack import Stack
from tests.fakes.progress import SilentProgress

FAILED = {
    "EventId": "1",
    "LogicalResourceId": "Table",
    "ResourceStatus": "CREATE_FAILED",
    "ResourceStatusReason": "it already exists",
}


def refusal(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "UpdateStack")


class FakeCloudFormation:
    """One stack that goes through scripted states: the next one each time that it is looked at."""

    def __init__(self, states: Sequence[str], refused: str = "") -> None:
        self._states = list(states)
        self._refused = refused
        self.done: list[str] = []

    def describe_stacks(self, *, StackName: str) -> Any:  # noqa: N803 - boto3's name
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        if state == "(none)":
            raise refusal(f"Stack with id {StackName} does not exist")
        return {"Stacks": [{"StackStatus": state}]}

    def create_stack(self, **_: Any) -> None:
        self.done.append("create")

    def update_stack(self, **_: Any) -> None:
        if self._refused:
            raise refusal(self._refused)
        self.done.append("update")

    def delete_stack(self, **_: Any) -> None:
        self.done.append("delete")

    def describe_stack_events(self, **_: Any) -> Any:
        return {"StackEvents": [FAILED] * bool(self.done)}


def stack(cloudformation: FakeCloudFormation) -> Stack:
    return Stack(cloudformation, "s", SilentProgress())


@pytest.fixture(autouse=True)
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.deploy.aws.time.sleep", lambda _: None)


@pytest.mark.parametrize(
    ("states", "done"),
    [
        (["(none)", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"], ["create"]),
        (["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"], ["update"]),
        (["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_COMPLETE"], ["update"]),  # another run's
        (["ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE", "(none)", "CREATE_COMPLETE"], ["delete", "create"]),
    ],
)
def test_a_stack_is_applied_from_any_state(states: Sequence[str], done: Sequence[str]) -> None:
    aws = FakeCloudFormation(states)

    assert stack(aws).apply("{}", {})
    assert aws.done == done


def test_an_unchanged_stack_is_left_alone() -> None:
    aws = FakeCloudFormation(["UPDATE_COMPLETE"], refused="No updates are to be performed.")

    assert not stack(aws).apply("{}", {})


@pytest.mark.parametrize("state", ["UPDATE_ROLLBACK_FAILED", "ROLLBACK_FAILED", "DELETE_FAILED"])
def test_a_stuck_stack_needs_a_person(state: str) -> None:
    aws = FakeCloudFormation([state])

    with pytest.raises(DeploymentError, match=f"is in {state}"):
        stack(aws).apply("{}", {})

    assert aws.done == []


def test_a_failure_names_the_resource_and_the_reason() -> None:
    aws = FakeCloudFormation(["(none)", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"])

    with pytest.raises(DeploymentError, match="Table: it already exists"):
        stack(aws).apply("{}", {})


def test_a_refused_template_is_told_of() -> None:
    aws = FakeCloudFormation(["CREATE_COMPLETE"], refused="Template error: no such resource")

    with pytest.raises(DeploymentError, match="no such resource"):
        stack(aws).apply("{}", {})
