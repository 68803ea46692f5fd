"""Creates, updates, waits for and deletes a CloudFormation stack."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from infra.deploy.aws import wait
from infra.deploy.output import AGAIN, DeploymentError, Progress, code_of

WITHIN = 30 * 60.0
"""Seconds. Creating takes two minutes on AWS; a table that is being restored can hold an update up."""

UNUSABLE = frozenset(
    {"REVIEW_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}
)
"""States in which a stack can only be deleted. Its tables stay."""

UNCHANGED = ("didn't contain changes", "No updates are to be performed")
"""How CloudFormation says that a change set would change nothing."""

UNTOLD = "CloudFormation can't tell what was changed by hand"

Events = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Stack:
    """The stack called ``name``. ``cloudformation`` is a boto3 client."""

    cloudformation: Any
    name: str
    progress: Progress

    def status(self) -> str:
        """Return CloudFormation's word for the stack's state, an empty text where there is no stack."""
        status: str = self._described().get("StackStatus", "")
        return status

    def outputs(self) -> dict[str, str]:
        """Return the stack's outputs; nothing where there is no stack."""
        return {one["OutputKey"]: one["OutputValue"] for one in self._described().get("Outputs", ())}

    def parameters(self) -> dict[str, str]:
        """Return the stack's parameters; nothing where there is no stack."""
        return _parameters(self._described())

    def parameters_of_deleted(self) -> dict[str, str]:
        """Return the parameters of the last deleted stack of this name, which AWS knows for 90 days."""
        pages = self.cloudformation.get_paginator("list_stacks")
        for page in pages.paginate(StackStatusFilter=["DELETE_COMPLETE"]):
            for one in page["StackSummaries"]:  # the newest first
                if one["StackName"] == self.name:
                    found = self.cloudformation.describe_stacks(StackName=one["StackId"])
                    return _parameters(found["Stacks"][0])
        return {}

    def apply(self, template: str, parameters: Mapping[str, str]) -> bool:
        """Make the stack what the template says, and say whether anything had to be changed.

        It restores what somebody has deleted or changed, and a new stack takes over existing tables. It waits
        while another run works on the stack, and replaces a stack that can only be deleted. Raises
        DeploymentError, with the resources that failed.
        """
        status = self._at_rest()
        if status == "UPDATE_ROLLBACK_FAILED":
            self._roll_back_again()
        elif status in UNUSABLE:
            self.progress.detail(f"it is in {status}: it is deleted without its tables, and created again")
            self.delete()
            status = ""
        change_set = self._change_set(template, parameters, new=not status)
        if change_set is None:
            return False
        status, events = self._changed(self.cloudformation.execute_change_set, ChangeSetName=change_set)
        if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            raise self._failed(f"is in {status}", events)
        for event in events:
            if event["LogicalResourceId"] != self.name and event["ResourceStatus"].endswith("_COMPLETE"):
                done = event["ResourceStatus"].lower().replace("_", " ")
                self.progress.detail(f"{done:16} {event['LogicalResourceId']}")
        return True

    def delete(self) -> None:
        """Delete the stack and wait until it is gone; one that is not there is fine."""
        if not self._at_rest():
            return
        status, events = self._changed(self.cloudformation.delete_stack)
        if status:
            raise self._failed(f"could not be deleted ({status})", events)

    def drift(self, within: float = 120.0) -> list[str]:
        """Return what was changed by hand, as far as CloudFormation can tell in time."""
        aws = self.cloudformation
        try:
            begun = aws.detect_stack_drift(StackName=self.name)["StackDriftDetectionId"]

            def look() -> Any:
                found = aws.describe_stack_drift_detection_status(StackDriftDetectionId=begun)
                return found if found["DetectionStatus"] != "DETECTION_IN_PROGRESS" else None

            wait("drift detection", look, within=within)
            drifted = aws.describe_stack_resource_drifts(
                StackName=self.name, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"]
            )["StackResourceDrifts"]
        except ClientError as error:
            return [f"{UNTOLD}: {error}"]
        return [
            f"{one['LogicalResourceId']} {one['StackResourceDriftStatus'].lower()} "
            + ", ".join(difference["PropertyPath"] for difference in one.get("PropertyDifferences", ()))
            for one in drifted
        ]

    def _described(self) -> dict[str, Any]:
        try:
            stack: dict[str, Any] = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if code_of(error) == "ValidationError" and "does not exist" in str(error):
                return {}
            raise
        return {} if stack["StackStatus"] == "DELETE_COMPLETE" else stack

    def _change_set(self, template: str, parameters: Mapping[str, str], *, new: bool) -> str | None:
        """Create a change set and return its id, None if nothing would change."""
        aws = self.cloudformation
        # Only a change set compares with what is really there, and takes over what is there already.
        create, update = {"ImportExistingResources": True}, {"DeploymentMode": "REVERT_DRIFT"}
        try:
            made: str = aws.create_change_set(
                StackName=self.name,
                ChangeSetName=f"deploy-{uuid4().hex}",
                ChangeSetType="CREATE" if new else "UPDATE",
                TemplateBody=template,
                Parameters=[{"ParameterKey": key, "ParameterValue": one} for key, one in parameters.items()],
                Capabilities=["CAPABILITY_IAM"],
                Tags=[{"Key": "application", "Value": "game-night-live"}],
                **(create if new else update),
            )["Id"]

            def look() -> Any:
                found = aws.describe_change_set(StackName=self.name, ChangeSetName=made)
                return None if found["Status"] in {"CREATE_PENDING", "CREATE_IN_PROGRESS"} else found

            found = wait(f"the change set of the stack {self.name}", look, within=WITHIN)
            if found["Status"] == "CREATE_COMPLETE":
                return made
            refusal = found.get("StatusReason", "")
            aws.delete_change_set(StackName=self.name, ChangeSetName=made)
        except ClientError as error:
            if code_of(error) != "ValidationError":
                raise
            refusal = str(error)
        if any(text in refusal for text in UNCHANGED):
            return None
        raise DeploymentError(f"CloudFormation does not accept the stack {self.name}: {refusal}\n{AGAIN}")

    def _roll_back_again(self) -> None:
        """Try once more to roll an update back. Raises DeploymentError if that fails again."""
        self.progress.detail("an earlier update could not be rolled back: trying again")
        status, events = self._changed(self.cloudformation.continue_update_rollback)
        if status != "UPDATE_ROLLBACK_COMPLETE":
            skip = "aws cloudformation continue-update-rollback --resources-to-skip NAME --stack-name"
            raise self._failed(
                f"is in {status}. If need be, leave out what fails: {skip} {self.name}", events
            )

    def _changed(self, change: Callable[..., object], **arguments: Any) -> tuple[str, Events]:
        """Make a change and wait for its end; return the stack's new state, and the events of the change."""
        last = next(self._events(), {}).get("EventId")
        change(StackName=self.name, **arguments)

        def look() -> str | None:
            status = self.status()
            # A change that CloudFormation was asked for begins a little later, with an event.
            begun = next(self._events(), {}).get("EventId") != last
            return None if status and (not begun or status.endswith("_IN_PROGRESS")) else status

        status = wait(f"the stack {self.name}", look, within=WITHIN)
        return status, [*takewhile(lambda one: one["EventId"] != last, self._events())][::-1]

    def _at_rest(self) -> str:
        """Wait until nobody works on the stack; return its state."""

        def look() -> str | None:
            status = self.status()
            return None if status.endswith("_IN_PROGRESS") and status not in UNUSABLE else status

        return wait(f"the stack {self.name}", look, within=WITHIN)

    def _events(self) -> Iterator[dict[str, Any]]:
        """Yield what has happened to the stack, the newest first."""
        try:
            pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=self.name)
            for page in pages:
                yield from page["StackEvents"]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise

    def _failed(self, how: str, events: Events) -> DeploymentError:
        reasons = [
            f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '(no reason given)')}"
            for event in events
            if event["ResourceStatus"].endswith("_FAILED")
        ]
        said = "\n".join(reasons) or "  (the stack's events do not say)"
        return DeploymentError(f"The stack {self.name} {how}. What failed:\n{said}\n{AGAIN}")


def _parameters(described: Mapping[str, Any]) -> dict[str, str]:
    return {one["ParameterKey"]: one["ParameterValue"] for one in described.get("Parameters", ())}
