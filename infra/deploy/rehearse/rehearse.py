"""The rehearsal: a copy of the project deployed, tried, changed and taken down, in an emulated account.

Everything is done by the commands that a person would type. The other modules here each do a part of it.
"""

import json
import re
import sys

from infra.deploy.clock import Clock
from infra.deploy.rehearse.changes import Changes
from infra.deploy.rehearse.connections import Connections
from infra.deploy.rehearse.documented import Documented
from infra.deploy.rehearse.host import Host
from infra.deploy.rehearse.long_replay import miss_more_than_there_is_time_for
from infra.deploy.rehearse.permissions import Grant, calls_of, findings, grants_of
from infra.deploy.rehearse.terminal import DELIVERY_SECONDS, STAGE, Terminal, must
from infra.deploy.rehearse.unreadable import set_aside_and_redrive

TOKEN = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}")
"""What every JWT looks like."""


STAGES = {"answered", "appended", "received", "broadcast", "posted"}
"""What the logs tell of an event that few hear. The lines of different functions arrive in any order."""


class Rehearsal:
    """One run, at a terminal in the copy of the project."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._host = Host(terminal)
        self._changes = Changes(terminal)
        self._connections = Connections(terminal, self._host)
        self._documented = Documented(terminal)

    def run(self) -> None:
        """Go through all of it. Raises RehearsalFailed at the first thing that is not as it should be."""
        self._changes.fail_half_way_and_go_on()
        self._connections.resume_from_nothing()
        ghosts = self._connections.leave_ghosts()
        stuck = self._connections.leave_one_that_cannot_be_caught_up()
        with self._connections.silent_connection() as silent:
            due = self._connections.leave_due_ghosts()
            self._conform("tests/conformance")
            self._connections.wait_until_gone(ghosts)
            self._connections.wait_until_swept(silent, due)
        set_aside_and_redrive(self._terminal, self._host)
        miss_more_than_there_is_time_for(self._terminal, self._host)
        self._connections.deliver_to_many_and_to_those_behind()
        self._follow_an_event()
        self._rotate_secret()
        self._look_for_tokens_in_the_logs()
        self._changes.deploy_again_from_another_machine()
        self._connections.wait_until_closed(stuck)
        self._compare_permissions()
        self._changes.change_everything_that_is_hard_to_change()
        self._connections.resume_from_nothing()
        self._documented.type_what_is_left()
        self._conform("tests/conformance/test_delivery.py")
        self._changes.destroy()

    def _conform(self, *what: str) -> None:
        self._terminal.progress.step(f"Conformance: {what[0]}")
        status = self._terminal.infra("status", "--stage", STAGE.name)
        urls = re.findall(r"(https?://\S+/api|wss?://\S+)", status)
        token = f"{sys.executable} -m infra token --stage {STAGE.name}"
        target = [
            "--rest-url",
            urls[0].removesuffix("/api"),
            "--websocket-url",
            urls[1],
            "--token-command",
            token,
        ]
        self._terminal.run([sys.executable, "-m", "pytest", *what, *target, "-p", "no:cacheprovider"])

    def _follow_an_event(self) -> None:
        """Have an event traced through what the functions have logged."""
        self._terminal.progress.step("An event, followed through the logs")
        session_id = self._host.post("sessions")["id"]

        def followed() -> bool | None:
            self._host.post("sessions")  # the emulator has late lines of a function once it runs again
            said = self._terminal.infra(
                "trace", f"{session_id}/1", "--stage", STAGE.name, "--json", expect=None
            )
            found = json.loads(said).get("stages", ()) if said.startswith("{") else ()
            return True if {one["stage"] for one in found} >= STAGES else None

        Clock().wait("each stage of the event in the logs", followed, within=DELIVERY_SECONDS, every=1)

    def _rotate_secret(self) -> None:
        self._terminal.progress.step("Another token secret, on functions that know the old one")
        old = self._host.token()
        self._host.post("sessions", token=old)
        self._terminal.infra("rotate-secret", "--stage", STAGE.name)
        for token in (self._host.token(), old):
            self._host.post("sessions", token=token)
        self._terminal.progress.detail("a token of the new secret and one of the old are accepted")
        self._terminal.infra("rotate-secret", "--stage", STAGE.name, "--finish")

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
