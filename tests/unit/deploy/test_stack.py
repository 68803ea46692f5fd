from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.deploy.output import DeploymentError
from infra.deploy.stack import UNUSABLE, Stack
from tests.fakes.progress import SilentProgress

NO_CHANGES = "The submitted information didn't contain changes."


def event(number: int) -> dict[str, str]:
    return {
        "EventId": str(number),
        "LogicalResourceId": "Table",
        "ResourceStatus": "CREATE_FAILED",
        "ResourceStatusReason": "it already exists",
    }


def refusal(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "CreateChangeSet")


class FakeCloudFormation:
    """One stack that goes through scripted states: the next one each time that it is looked at."""

    def __init__(self, states: Sequence[str], *, unmade: str = "", refused: str = "") -> None:
        self._states = list(states)
        self._unmade = unmade
        self._refused = refused
        self.done: list[str] = []
        self.change_set: dict[str, Any] = {}

    def describe_stacks(self, *, StackName: str) -> Any:  # noqa: N803 - boto3's name
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        if state == "(none)":
            raise refusal(f"Stack with id {StackName} does not exist")
        return {"Stacks": [{"StackStatus": state}]}

    def create_change_set(self, **how: Any) -> Any:
        if self._refused:
            raise refusal(self._refused)
        self.change_set = how
        return {"Id": "arn"}

    def describe_change_set(self, **_: Any) -> Any:
        if self._unmade:
            return {"Status": "FAILED", "StatusReason": self._unmade}
        return {"Status": "CREATE_COMPLETE"}

    def delete_change_set(self, **_: Any) -> None:
        self.done.append("delete change set")

    def execute_change_set(self, **_: Any) -> None:
        self.done.append(self.change_set["ChangeSetType"].lower())

    def delete_stack(self, **_: Any) -> None:
        self.done.append("delete")

    def continue_update_rollback(self, **_: Any) -> None:
        self.done.append("roll back")

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **_: Any) -> Any:
        numbers = range(len(self.done))
        return [{"StackEvents": [event(one)]} for one in reversed(numbers)]


def stack(cloudformation: FakeCloudFormation) -> Stack:
    return Stack(cloudformation, "s", SilentProgress())


@pytest.fixture(autouse=True)
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.deploy.aws.time.sleep", lambda _: None)


@pytest.mark.parametrize(
    ("states", "done"),
    [
        (["(none)", "REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"], ["create"]),
        (["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"], ["update"]),
        (["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_COMPLETE"], ["update"]),  # another run's
        (["DELETE_IN_PROGRESS", "(none)", "CREATE_COMPLETE"], ["create"]),
        (
            ["UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE"],
            ["roll back", "update"],
        ),
        *(
            ([unusable, unusable, "DELETE_IN_PROGRESS", "(none)", "CREATE_COMPLETE"], ["delete", "create"])
            for unusable in UNUSABLE
        ),
    ],
)
def test_a_stack_is_applied_from_any_state(states: Sequence[str], done: Sequence[str]) -> None:
    aws = FakeCloudFormation(states)

    assert stack(aws).apply("{}", {})
    assert aws.done == done


def test_what_is_there_is_imported_by_a_new_stack() -> None:
    aws = FakeCloudFormation(["(none)", "CREATE_COMPLETE"])

    stack(aws).apply("{}", {})

    assert aws.change_set["ImportExistingResources"]


def test_what_was_changed_by_hand_is_changed_back() -> None:
    aws = FakeCloudFormation(["UPDATE_COMPLETE"])

    stack(aws).apply("{}", {})

    assert aws.change_set["DeploymentMode"] == "REVERT_DRIFT"


def test_an_unchanged_stack_is_left_alone() -> None:
    aws = FakeCloudFormation(["UPDATE_COMPLETE"], unmade=NO_CHANGES)

    assert not stack(aws).apply("{}", {})
    assert aws.done == ["delete change set"]


@pytest.mark.parametrize(
    ("states", "advice"),
    [
        (["UPDATE_ROLLBACK_FAILED"], "--resources-to-skip NAME"),
        (["DELETE_FAILED"], "could not be deleted"),
        (["(none)", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"], "Table: it already exists"),
    ],
)
def test_a_failure_says_what_failed_and_what_to_do(states: Sequence[str], advice: str) -> None:
    with pytest.raises(DeploymentError, match=advice) as failure:
        stack(FakeCloudFormation(states)).apply("{}", {})

    assert "Table: it already exists" in failure.value.message
    assert "run the same command again" in failure.value.message


@pytest.mark.parametrize("how", ["refused", "unmade"])
def test_a_refused_template_is_told_of(how: str) -> None:
    aws = FakeCloudFormation(["CREATE_COMPLETE"], **{how: "Template error: no such resource"})

    with pytest.raises(DeploymentError, match="no such resource"):
        stack(aws).apply("{}", {})


def test_what_a_deleted_stack_was_told_is_asked_of_aws() -> None:
    told = [{"ParameterKey": "AccountRate", "ParameterValue": "2500"}]

    class Deleted(FakeCloudFormation):
        def describe_stacks(self, **_: Any) -> Any:
            return {"Stacks": [{"StackStatus": "DELETE_COMPLETE", "Parameters": told}]}

        def paginate(self, **_: Any) -> Any:
            names = ("another", "s", "s")
            yield {"StackSummaries": [{"StackName": one, "StackId": f"arn:{one}"} for one in names]}

    assert stack(Deleted([])).parameters() == {}
    assert stack(Deleted([])).parameters_of_deleted() == {"AccountRate": "2500"}
