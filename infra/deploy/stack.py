"""A CloudFormation stack: created, updated, waited for, deleted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.aws import wait
from infra.deploy.output import DeploymentError, Progress, code_of

WITHIN = 30 * 60.0
"""Seconds. Creating takes two minutes on AWS; a table that is being restored can hold an update up."""

EMPTY = frozenset({"ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"})
"""A stack that was never made: it can only be deleted, and nothing is lost with it."""

STUCK = {
    "ROLLBACK_FAILED": "Delete it in CloudFormation's console, then run this again.",
    "UPDATE_ROLLBACK_FAILED": "First run `aws cloudformation continue-update-rollback --stack-name {name}`.",
    "DELETE_FAILED": "Run `gamenight stage destroy` again; the stack's events say what stood in the way.",
}
"""States that a person has to end, and how."""

Events = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Stack:
    """The stack called ``name``. ``cloudformation`` is a boto3 client."""

    cloudformation: Any
    name: str
    progress: Progress

    def status(self) -> str | None:
        """Return CloudFormation's word for the stack's state, None where there is no stack."""
        status: str | None = self._described().get("StackStatus")
        return status

    def outputs(self) -> dict[str, str]:
        """Return what the stack says of itself; nothing where there is no stack."""
        return {one["OutputKey"]: one["OutputValue"] for one in self._described().get("Outputs", ())}

    def parameters(self) -> dict[str, str]:
        """Return what the stack was told last; nothing where there is no stack."""
        return {one["ParameterKey"]: one["ParameterValue"] for one in self._described().get("Parameters", ())}

    def apply(self, template: str, parameters: Mapping[str, str]) -> bool:
        """Make the stack what the template says, and say whether anything had to be changed.

        A stack that another run is working on is waited for, one whose creation failed is made anew. Raises
        DeploymentError, with the resources that failed, where it can't be done.
        """
        status = self._at_rest()
        if status in STUCK:
            raise DeploymentError(
                f"The stack {self.name} is in {status}. {STUCK[status].format(name=self.name)}"
            )
        if status in EMPTY:
            self.progress.detail(f"an earlier creation failed ({status}): beginning anew")
            self.delete()
            status = None
        try:
            status, events = self._changed(
                self.cloudformation.update_stack if status else self.cloudformation.create_stack,
                TemplateBody=template,
                Parameters=[
                    {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
                ],
                Capabilities=["CAPABILITY_IAM"],
                Tags=[{"Key": "application", "Value": "game-night-live"}],
            )
        except ClientError as error:
            if "No updates are to be performed" in str(error):
                return False
            if code_of(error) != "ValidationError":
                raise
            raise DeploymentError(f"CloudFormation does not accept the stack {self.name}: {error}") from error
        if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            raise DeploymentError(f"The stack {self.name} is in {status}. What failed:\n{_failures(events)}")
        for event in events:
            if event["LogicalResourceId"] != self.name and event["ResourceStatus"].endswith("_COMPLETE"):
                done = event["ResourceStatus"].lower().replace("_", " ")
                self.progress.detail(f"{done:16} {event['LogicalResourceId']}")
        return True

    def delete(self) -> None:
        """Delete the stack and wait until it is gone; one that is not there is fine."""
        if self._at_rest() is None:
            return
        status, events = self._changed(self.cloudformation.delete_stack)
        if status is not None:
            raise DeploymentError(
                f"The stack {self.name} could not be deleted ({status}). What failed:\n{_failures(events)}"
            )

    def drift(self, within: float = 120.0) -> list[str]:
        """Return what differs from the template by hand, as far as CloudFormation can tell in time."""
        aws = self.cloudformation
        try:
            begun = aws.detect_stack_drift(StackName=self.name)["StackDriftDetectionId"]

            def look() -> Any:
                found = aws.describe_stack_drift_detection_status(StackDriftDetectionId=begun)
                return found if found["DetectionStatus"] != "DETECTION_IN_PROGRESS" else None

            found = wait("drift detection", look, within=within)
            if found["DetectionStatus"] != "DETECTION_COMPLETE":
                return []
            drifted = aws.describe_stack_resource_drifts(
                StackName=self.name, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"]
            )["StackResourceDrifts"]
        except ClientError as error:
            self.progress.warning(f"drift could not be detected: {error}")
            return []
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

    def _changed(self, change: Callable[..., object], **arguments: Any) -> tuple[str | None, Events]:
        """Begin a change and wait for its end; return the stack's state then, and what has happened."""
        seen = {event["EventId"] for event in self._events()}
        change(StackName=self.name, **arguments)
        status = self._at_rest()
        return status, [event for event in self._events() if event["EventId"] not in seen]

    def _at_rest(self) -> str | None:
        """Wait until nobody works on the stack; return its state."""

        def look() -> tuple[str | None] | None:
            status = self.status()
            return None if status and status.endswith("_IN_PROGRESS") and status not in EMPTY else (status,)

        return wait(f"the stack {self.name}", look, within=WITHIN)[0]

    def _events(self) -> Events:
        """Return the newest events, oldest first: more than one deployment makes."""
        try:
            events = self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        except ClientError as error:
            if "does not exist" in str(error):
                return []
            raise
        return [*reversed(events)]


def _failures(events: Events) -> str:
    failed = [
        f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '(no reason given)')}"
        for event in events
        if event["ResourceStatus"].endswith("_FAILED")
    ]
    return "\n".join(failed) or "  (the stack's events do not say)"
