"""A CloudFormation stack: created, updated through change sets, watched, deleted.

Knows nothing of what is in it.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.clock import Clock
from infra.deploy.errors import DeploymentError, code_of
from infra.deploy.progress import Progress

WITHIN = 30 * 60.0
"""Seconds. Creating takes two minutes on AWS; a table that is being restored can hold an update up."""

EMPTY = frozenset({"ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"})
"""A stack that was never made: it can only be deleted, and nothing is lost with it."""

STUCK = {
    "ROLLBACK_FAILED": "Delete it in CloudFormation's console, then run this again.",
    "UPDATE_ROLLBACK_FAILED": "First run `aws cloudformation continue-update-rollback --stack-name {name}`.",
    "DELETE_FAILED": "Run `python -m infra destroy` again; the stack's events say what stood in the way.",
}
"""States that a person has to end, and how."""

UNCHANGED = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True)
class Stack:
    """The stack called ``name``. ``cloudformation`` is a boto3 client."""

    cloudformation: Any
    name: str
    progress: Progress
    clock: Clock = field(default_factory=Clock)
    every: float = 2.0

    def status(self) -> str | None:
        """Return CloudFormation's word for the stack's state, None where there is no stack."""
        described = self._described()
        return str(described["StackStatus"]) if described else None

    def outputs(self) -> dict[str, str]:
        """Return what the stack says of itself; nothing where there is no stack."""
        described = self._described() or {}
        return {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", ())}

    def parameters(self) -> dict[str, str]:
        """Return what the stack was told last; nothing where there is no stack."""
        described = self._described() or {}
        return {one["ParameterKey"]: one["ParameterValue"] for one in described.get("Parameters", ())}

    def apply(self, template: str, parameters: Mapping[str, str]) -> bool:
        """Make the stack what the template says, and say whether anything had to be changed.

        A stack that another run is working on is waited for, one whose creation failed is made anew. Raises
        DeploymentError, with the resources that failed, where it can't be done.
        """
        status = self._settled()
        if status in STUCK:
            raise DeploymentError(
                f"The stack {self.name} is in {status}. {STUCK[status].format(name=self.name)}"
            )
        if status in EMPTY:
            self.progress.detail(f"an earlier creation failed ({status}): beginning anew")
            self.delete()
            status = None
        change_set = self._change_set("UPDATE" if status else "CREATE", template, parameters)
        if change_set is None:
            return False
        seen = self._event_ids()
        self.cloudformation.execute_change_set(StackName=self.name, ChangeSetName=change_set)
        status = self._watched(seen)
        if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            raise DeploymentError(
                f"The stack {self.name} is in {status}. What failed:\n{self._failures(seen)}"
            )
        return True

    def delete(self) -> None:
        """Delete the stack and wait until it is gone; one that is not there is fine."""
        if self._settled() is None:
            return
        seen = self._event_ids()
        # By its id, since a stack that is gone can no longer be asked for by its name.
        described = self._described() or {}
        self.cloudformation.delete_stack(StackName=self.name)
        status = self._watched(seen, described.get("StackId"))
        if status not in {None, "DELETE_COMPLETE"}:
            raise DeploymentError(
                f"The stack {self.name} could not be deleted ({status}). What failed:\n{self._failures(seen)}"
            )

    def drift(self, within: float = 120.0) -> list[str] | None:
        """Return what differs from the template by hand, or None where CloudFormation can't tell in time."""
        try:
            begun = self.cloudformation.detect_stack_drift(StackName=self.name)["StackDriftDetectionId"]

            def look() -> str | None:
                answer = self.cloudformation.describe_stack_drift_detection_status(
                    StackDriftDetectionId=begun
                )
                done = answer["DetectionStatus"] != "DETECTION_IN_PROGRESS"
                return str(answer["DetectionStatus"]) if done else None

            if (
                self.clock.wait("drift detection", look, within=within, every=self.every)
                != "DETECTION_COMPLETE"
            ):
                return None
            drifted = self.cloudformation.describe_stack_resource_drifts(
                StackName=self.name, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"]
            )["StackResourceDrifts"]
        except ClientError as error:
            self.progress.warning(f"drift could not be detected: {error}")
            return None
        return [_drifted(one) for one in drifted]

    def _described(self, stack_id: str | None = None) -> dict[str, Any] | None:
        try:
            stacks = self.cloudformation.describe_stacks(StackName=stack_id or self.name)["Stacks"]
        except ClientError as error:
            if code_of(error) == "ValidationError" and "does not exist" in str(error):
                return None
            raise
        return None if stacks[0]["StackStatus"] == "DELETE_COMPLETE" else stacks[0]

    def _settled(self) -> str | None:
        """Wait until nobody works on the stack; return its state."""
        status = self.status()
        if status and status.endswith("_IN_PROGRESS") and status not in EMPTY:
            self.progress.detail(f"another run is working on the stack ({status}): waiting for it")
            status = self._watched(self._event_ids())
        return status

    def _change_set(self, kind: str, template: str, parameters: Mapping[str, str]) -> str | None:
        name = f"deploy-{int(time.time() * 1000)}"
        self.cloudformation.create_change_set(
            StackName=self.name,
            ChangeSetName=name,
            ChangeSetType=kind,
            TemplateBody=template,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
            Tags=[{"Key": "application", "Value": "game-night-live"}],
        )

        def look() -> dict[str, Any] | None:
            answer: dict[str, Any] = self.cloudformation.describe_change_set(
                StackName=self.name, ChangeSetName=name
            )
            return answer if answer["Status"] in {"CREATE_COMPLETE", "FAILED"} else None

        change_set = self.clock.wait("the change set", look, within=WITHIN, every=self.every)
        # Where nothing but outputs follows from a parameter, CloudFormation lists no change, and yet has one.
        told_anew = kind == "UPDATE" and not parameters.items() <= self.parameters().items()
        if change_set["Status"] == "FAILED" or not (change_set["Changes"] or told_anew):
            self.cloudformation.delete_change_set(StackName=self.name, ChangeSetName=name)
            reason = change_set.get("StatusReason", "")
            if change_set["Status"] == "FAILED" and not any(one in reason for one in UNCHANGED):
                raise DeploymentError(f"CloudFormation does not accept the change of {self.name}: {reason}")
            return None
        if kind == "UPDATE":
            for change in (one["ResourceChange"] for one in change_set["Changes"]):
                replaced = ", replacing it" if change.get("Replacement") == "True" else ""
                self.progress.detail(
                    f"to {change['Action'].lower()}: {change['LogicalResourceId']}{replaced}"
                )
        return name

    def _event_ids(self) -> set[str]:
        return {event["EventId"] for event in self._events(self.name)}

    def _watched(self, seen: set[str], stack_id: str | None = None) -> str | None:
        """Show the stack's events until it is at rest; return its state then."""
        shown = set(seen)

        def look() -> tuple[str | None] | None:
            described = self._described(stack_id)
            if described is not None:
                for event in reversed(self._events(stack_id or self.name)):
                    if event["EventId"] not in shown:
                        shown.add(event["EventId"])
                        self._show(event)
            status = described["StackStatus"] if described else None
            return None if status and status.endswith("_IN_PROGRESS") else (status,)

        return self.clock.wait(f"the stack {self.name}", look, within=WITHIN, every=self.every)[0]

    def _show(self, event: dict[str, Any]) -> None:
        status: str = event["ResourceStatus"]
        if event["LogicalResourceId"] != self.name and not status.endswith("_IN_PROGRESS"):
            self.progress.detail(f"{status.lower().replace('_', ' '):16} {event['LogicalResourceId']}")

    def _failures(self, seen: set[str]) -> str:
        failed = [
            f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '(no reason given)')}"
            for event in reversed(self._events(self.name))
            if event["EventId"] not in seen and event["ResourceStatus"].endswith("_FAILED")
        ]
        return "\n".join(failed) or "  (the stack's events do not say)"

    def _events(self, name: str) -> list[dict[str, Any]]:
        """Return the newest events, newest first: more than one deployment makes."""
        try:
            events: list[dict[str, Any]] = self.cloudformation.describe_stack_events(StackName=name)[
                "StackEvents"
            ]
        except ClientError as error:
            if "does not exist" in str(error):
                return []
            raise
        return events


def _drifted(resource: Mapping[str, Any]) -> str:
    paths = [one["PropertyPath"] for one in resource.get("PropertyDifferences", ())]
    status = resource["StackResourceDriftStatus"].lower()
    return f"{resource['LogicalResourceId']} {status} {', '.join(paths)}".rstrip()
