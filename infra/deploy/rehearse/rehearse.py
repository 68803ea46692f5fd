"""The rehearsal: a copy of the project deployed, tried, changed and taken down, in an emulated account.

Everything is done by the commands that a person would type. The other modules here each do a part of it.
"""

import json
import re
import sys

from infra.deploy.aws import Clock
from infra.deploy.rehearse.changes import Changes
from infra.deploy.rehearse.connections import Connections
from infra.deploy.rehearse.long_replay import miss_more_than_there_is_time_for
from infra.deploy.rehearse.permissions import Grant, calls_of, findings, grants_of
from infra.deploy.rehearse.terminal import DELIVERY_SECONDS, PROCESSOR, STAGE, Terminal, must
from infra.deploy.rehearse.unreadable import set_aside_and_redrive

TOKEN = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}")
"""What every JWT looks like."""


STAGES = {"answered", "appended", "received", "broadcast", "posted"}
"""What the logs tell of an event that few hear. The lines of different functions arrive in any order."""


DOCUMENTED = (
    "stage provision",
    "stage redrive",
    "stage redrive --dry-run",
    "stage restore",
    "stage trace 1/1",
    "token --role bot",
    "night list",
)
"""The commands for a stage that the documents show and nothing else here has typed."""


class Rehearsal:
    """One run, at a terminal in the copy of the project."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._changes = Changes(terminal)
        self._connections = Connections(terminal)

    def run(self) -> None:
        """Go through all of it. Raises RehearsalFailed at the first thing that is not as it should be."""
        self._changes.fail_half_way_and_go_on()
        self._connections.resume_from_nothing()
        gone = self._connections.leave_gone()
        stuck = self._connections.leave_one_that_cannot_be_caught_up()
        with self._connections.silent_connection() as silent:
            due = self._connections.leave_due()
            self._conform("tests/conformance")
            self._connections.wait_until_gone(gone)
            self._connections.wait_until_swept(silent, due)
        set_aside_and_redrive(self._terminal)
        miss_more_than_there_is_time_for(self._terminal)
        self._connections.deliver_to_many_and_to_those_behind()
        self._follow_an_event()
        self._rotate_secret()
        self._look_for_tokens_in_the_logs()
        self._changes.deploy_again_from_another_machine()
        self._connections.wait_until_closed(stuck)
        self._compare_permissions()
        self._changes.change_everything_that_is_hard_to_change()
        self._connections.resume_from_nothing()
        self._type_what_else_is_documented()
        self._conform("tests/conformance/test_delivery.py")
        self._changes.destroy()

    def _conform(self, *what: str) -> None:
        self._terminal.progress.step(f"Conformance: {what[0]}")
        rest, websocket = self._terminal.urls()
        target = ["--rest-url", rest.removesuffix("/api"), "--websocket-url", websocket]
        target += ["--token-command", f"{sys.executable} -m infra.cli token --stage {STAGE.name}"]
        self._terminal.run([sys.executable, "-m", "pytest", *what, *target, "-p", "no:cacheprovider"])

    def _type_what_else_is_documented(self) -> None:
        self._terminal.progress.step("The other commands of the documents")
        for words in DOCUMENTED:
            self._terminal.gamenight(*words.split(), answer="y\n" if words == "stage restore" else "")
        self._terminal.run([sys.executable, "-m", "infra.cli", "stage", "package", *PROCESSOR])

    def _follow_an_event(self) -> None:
        """Have an event traced through what the functions have logged."""
        self._terminal.progress.step("An event, followed through the logs")
        session_id = self._terminal.post("sessions")["id"]

        def followed() -> bool | None:
            self._terminal.post("sessions")  # the emulator has late lines of a function once it runs again
            said = self._terminal.gamenight("stage", "trace", f"{session_id}/1", "--json", expect=None)
            found = json.loads(said).get("stages", ()) if said.startswith("{") else ()
            return True if {one["stage"] for one in found} >= STAGES else None

        Clock().wait("each stage of the event in the logs", followed, within=DELIVERY_SECONDS, every=1)

    def _rotate_secret(self) -> None:
        self._terminal.progress.step("Another token secret, on functions that know the old one")
        old = self._terminal.token()
        self._terminal.post("sessions", token=old)
        self._terminal.gamenight("stage", "rotate-secret")
        for token in (self._terminal.token(), old):
            self._terminal.post("sessions", token=token)
        self._terminal.progress.detail("a token of the new secret and one of the old are accepted")
        self._terminal.gamenight("stage", "rotate-secret", "--finish")

    def _look_for_tokens_in_the_logs(self) -> None:
        self._terminal.progress.step("What the functions logged, tokens looked for")
        log = self._terminal.account.log()
        must("[WebSocket] Broadcasted" in log, "nothing of the functions is in the log that was looked into")
        must(not TOKEN.search(log), f"there is a token in {self._terminal.account.folder / 'emulator.log'}")
        self._terminal.progress.detail("none")

    def _compare_permissions(self) -> None:
        self._terminal.progress.step("What the functions did, against what their roles allow")
        iam = self._terminal.account.client("iam")
        grants: list[Grant] = []
        for function, (_, role_arn, _) in self._changes.functions().items():
            role = role_arn.rpartition("/")[2]
            for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
                grants += grants_of(function, document)
        calls = calls_of(self._terminal.account.calls())
        found = findings(grants, calls)
        must(not found, "the roles are not what the functions need:\n  " + "\n  ".join(found))
        self._terminal.progress.detail(
            f"{len(grants)} grants, {len(calls)} different calls: nothing denied, nothing unused"
        )
