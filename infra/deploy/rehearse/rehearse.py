"""Deploys, tries, changes and removes a copy of the project in an emulated account.

It types the commands that a person would type.
"""

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3

from infra import ROOT
from infra.deploy.aws import wait
from infra.deploy.output import Progress
from infra.deploy.rehearse import changes
from infra.deploy.rehearse.account import new_deployer, rehearsal_account
from infra.deploy.rehearse.connections import INLINE_AUDIENCE, Connections
from infra.deploy.rehearse.deletions import bring_back_what_was_deleted, look_for_what_nothing_deletes
from infra.deploy.rehearse.events import hear_a_night
from infra.deploy.rehearse.permissions import findings
from infra.deploy.rehearse.terminal import DELIVERY_SECONDS, PROCESSOR, STAGE, Terminal, must
from infra.deploy.verify.finding import Verdict
from infra.deploy.verify.measures import suite_options
from infra.deploy.verify.verify import TOKEN

STAGES = {"answered", "appended", "received", "broadcast", "posted"}
"""The stages that the logs show of an event with a small audience."""

DOCUMENTED = ("stage provision", "stage restore", "stage trace 1/1")
"""The commands for a stage that the documents show and nothing else here has typed."""


def rehearse(progress: Progress) -> None:
    """Rehearse in a temporary copy and account. Raises RehearsalFailed."""
    with tempfile.TemporaryDirectory(prefix="game-night-live-rehearsal-") as scratch:
        project = Path(scratch) / "project"
        progress.step("A copy of the project, and an account")
        _copy(ROOT, project)
        config = project / ".chalice" / "config.json"
        content = json.loads(config.read_text())
        content["environment_variables"] = {"INLINE_AUDIENCE": str(INLINE_AUDIENCE)}
        config.write_text(json.dumps(content, indent=2))
        with rehearsal_account(Path(scratch) / "account") as account:
            progress.detail(account.url)
            account.enter()
            _run(Terminal(account, project, progress, new_deployer()))


def _copy(project: Path, to: Path) -> None:
    """Copy the files that git tracks, and the new ones that it does not ignore."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=project, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (project / name).is_file():  # else it was deleted and the deletion is not committed yet
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project / name, to / name)


def _run(terminal: Terminal) -> None:
    changes.fail_half_way_and_go_on(terminal)
    look_for_what_nothing_deletes(terminal)
    terminal.account.hurry()
    connections = Connections(terminal)
    connections.resume_from_nothing()
    with connections.stuck():
        with connections.due(), connections.gone():
            _verify(terminal)
        connections.set_aside_and_redrive()
        connections.deliver_to_many_and_to_those_behind()
        hear_a_night(terminal)
        _follow_an_event(terminal)
        _rotate_secret(terminal)
        _look_for_tokens_in_the_logs(terminal)
        changes.deploy_again_from_another_machine(terminal)
    _compare_permissions(terminal)
    bring_back_what_was_deleted(terminal)
    changes.change_everything_that_is_hard_to_change(terminal)
    Connections(terminal).resume_from_nothing()  # the APIs have other addresses now
    _type_what_else_is_documented(terminal)
    _conform(terminal, "tests/conformance/test_delivery.py")
    changes.destroy(terminal)
    _look_for_wrong_calls(terminal)


def _verify(terminal: Terminal) -> None:
    """Run the whole conformance suite, and take each measure that an emulator can answer."""
    terminal.progress.step("Verification, with the conformance suite")
    report = terminal.gamenight("stage", "verify", "--yes")
    unmeasured = re.findall(rf"^\| ([\w-]+) .*\| {Verdict.NOT_MEASURED} \|", report, re.MULTILINE)
    must({*unmeasured} == {"missing-path", "protocol-pings"}, f"not measured were {unmeasured}")


def _conform(terminal: Terminal, what: str) -> None:
    terminal.progress.step(f"Conformance: {what}")
    terminal.run(["-m", "pytest", what, *suite_options(*terminal.urls(), STAGE.name)])


def _follow_an_event(terminal: Terminal) -> None:
    """Have an event traced through what the functions have logged."""
    terminal.progress.step("An event, followed through the logs")
    session_id = terminal.start_night()

    def followed() -> bool | None:
        terminal.start_night()  # the emulator has late lines of a function once it runs again
        said = terminal.gamenight("stage", "trace", f"{session_id}/1", "--json", expect=None)
        found = json.loads(said).get("stages", ()) if said.startswith("{") else ()
        return True if {one["stage"] for one in found} >= STAGES else None

    wait("each stage of the event in the logs", followed, within=DELIVERY_SECONDS, every=1)


def _rotate_secret(terminal: Terminal) -> None:
    terminal.progress.step("Another token secret, on functions that know the old one")
    terminal.start_night()
    old = terminal.token()
    terminal.gamenight("stage", "rotate-secret")
    url = terminal.urls()[0].removesuffix("/api")
    for token in (terminal.token(), old):
        holder = replace(terminal, user={"GAMENIGHT_TOKEN": token})
        holder.run(["-m", "infra.cli", "night", "start", "--url", url])
    terminal.progress.detail("a token of the new secret and one of the old are accepted")
    terminal.gamenight("stage", "rotate-secret", "--finish")


def _look_for_tokens_in_the_logs(terminal: Terminal) -> None:
    terminal.progress.step("Tokens in what the functions logged")
    log = terminal.account.log()
    must("[WebSocket] Broadcasted" in log, "the log has no line of the functions")
    must(not TOKEN.search(log), f"there is a token in {terminal.account.folder / 'emulator.log'}")
    terminal.progress.detail("none")


def _look_for_wrong_calls(terminal: Terminal) -> None:
    terminal.progress.step("All calls, compared with AWS's own models")
    wrong = terminal.account.wrong_calls()
    must(not wrong, "AWS would have refused calls:\n  " + "\n  ".join(wrong))
    terminal.progress.detail("nothing that AWS would refuse")


def _compare_permissions(terminal: Terminal) -> None:
    terminal.progress.step("What the functions did, compared with what their roles allow")
    iam = boto3.client("iam")

    def policies(role: str) -> list[Any]:
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        return [iam.get_role_policy(RoleName=role, PolicyName=one)["PolicyDocument"] for one in names]

    roles = {name: one["Role"].rpartition("/")[2] for name, one in changes.functions().items()}
    found = findings({name: policies(role) for name, role in roles.items()}, terminal.account.calls())
    must(not found, "the roles are not what the functions need:\n  " + "\n  ".join(found))
    terminal.progress.detail("nothing denied, nothing unused")


def _type_what_else_is_documented(terminal: Terminal) -> None:
    terminal.progress.step("The other commands of the documents")
    for words in DOCUMENTED:
        terminal.gamenight(*words.split(), answer="y\n" if words == "stage restore" else "")
    terminal.run(["-m", "infra.cli", "stage", "package", *PROCESSOR])
