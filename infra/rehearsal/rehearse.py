"""The rehearsal: a copy of the project deployed, tried, changed and taken down, in an emulated account.

Everything is done by the commands that a person would type. Leaves the emulator to ``account`` and the
judgement of permissions to ``permissions``.
"""

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from click import ClickException
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from chalicelib.domain.connections import ALL_AUDIENCE, session_audience
from chalicelib.domain.deadlines import Deadline, DeadlineKind
from infra.deployment.clock import Clock
from infra.deployment.progress import Progress
from infra.deployment.stage import Stage
from infra.rehearsal.account import Account, rehearsal_account
from infra.rehearsal.ghosts import NEVER, Ghosts
from infra.rehearsal.permissions import Grant, calls_of, findings, grants_of

ROOT = Path(__file__).parents[2]
STAGE = Stage("rehearsal")
ARCHITECTURE = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
CONNECTIONS = f"{STAGE.stack}-connections"
COMMAND_SECONDS = 600.0
DELIVERY_SECONDS = 60.0
SWEEP_SECONDS = 180.0
"""Half a minute to authenticate, a minute until the schedule comes, and as much again on a busy machine."""

INLINE_AUDIENCE = 20
"""What is a small audience in the rehearsal: so that a few ghosts are a large one, and the crowds of the
conformance suite are not, since the emulator does one job at a time."""


TOKEN = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}")
"""What every JWT looks like."""


class RehearsalFailed(ClickException):
    """What would have gone wrong on AWS; the message says what."""


class Rehearsal:
    """One run, on the copy of the project in ``project``."""

    def __init__(self, account: Account, project: Path, progress: Progress) -> None:
        self._account = account
        self._project = project
        self._progress = progress

    def run(self) -> None:
        """Go through all of it. Raises RehearsalFailed at the first thing that is not as it should be."""
        self._fail_half_way_and_go_on()
        ghosts = self._leave_ghosts()
        with self._silent_connection() as silent:
            due = self._leave_due_ghosts()
            self._conform("tests/conformance")
            self._wait_until_gone(ghosts)
            self._wait_until_swept(silent, due)
        self._deliver_to_many_and_to_stragglers()
        self._follow_an_event()
        self._rotate_secret()
        self._look_for_tokens_in_the_logs()
        self._deploy_again_from_another_machine()
        self._compare_permissions()
        self._change_everything_that_is_hard_to_change()
        self._conform("tests/conformance/test_delivery.py")
        self._destroy()

    def _fail_half_way_and_go_on(self) -> None:
        self._progress.step("A deployment that fails half way, and the same command again")
        # By then Chalice has made two functions and the REST API, and has recorded nothing.
        self._account.deny_once("lambda:AddPermission")
        failed = self._infra("deploy", *self._shape, expect=1)
        _must("AccessDenied" in failed, f"the failure does not say what was denied:\n{failed}")
        done = self._infra("deploy", *self._shape)
        _must("Deployed." in done, f"the second run did not deploy:\n{done}")
        apis = self._account.client("apigateway").get_rest_apis()["items"]
        _must(len(apis) == 1, f"there should be one REST API, and there are {len(apis)}")

    def _deploy_again_from_another_machine(self) -> None:
        self._progress.step("The same again, with nothing changed, and without Chalice's own record")
        before = self._functions()
        (self._project / ".chalice" / "deployed" / f"{STAGE.name}.json").unlink()
        done = self._infra("deploy", *self._shape)
        _must("Nothing had changed." in done, f"something was changed:\n{done}")
        _must(self._functions() == before, "functions were updated though nothing had changed")
        self._infra("status", "--stage", STAGE.name, "--check")

    def _change_everything_that_is_hard_to_change(self) -> None:
        self._progress.step("New code, a renamed handler, more memory, and a table that was replaced")
        code = self._project / "app.py"
        code.write_text(
            re.sub(r"^def broadcast\(", "def broadcast_renamed(", code.read_text(), flags=re.MULTILINE)
        )
        init = self._project / "chalicelib" / "__init__.py"
        init.write_text(re.sub(r'__version__ = "(.*)"', r'__version__ = "\1+changed"', init.read_text()))
        config = self._project / ".chalice" / "config.json"
        config.write_text(
            config.read_text().replace('"lambda_memory_size": 512', '"lambda_memory_size": 640')
        )
        self._replace_sessions_table()
        done = self._infra("deploy", *self._shape)
        for expected in ("broadcast_renamed", "+changed", "mapping is removed"):
            _must(expected in done, f"{expected!r} is not in what the deployment said:\n{done}")
        _must(self._functions()[STAGE.function("websocket_connect")][0] == 640, "the memory did not change")  # noqa: PLR2004
        self._infra("status", "--stage", STAGE.name, "--check")

    def _replace_sessions_table(self) -> None:
        client = self._account.client("dynamodb")
        name = f"{STAGE.stack}-sessions"
        old = client.describe_table(TableName=name)["Table"]
        tags = client.list_tags_of_resource(ResourceArn=old["TableArn"])["Tags"]
        client.delete_table(TableName=name)
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=old["KeySchema"],
            AttributeDefinitions=old["AttributeDefinitions"],
            StreamSpecification=old["StreamSpecification"],
            Tags=tags,
        )
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"AttributeName": "expires_at", "Enabled": True}
        )
        client.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )

    def _leave_ghosts(self) -> Ghosts:
        """Put ghosts where a delivery to few will find them, one of them lagging."""
        ghosts = self._ghosts()
        ghosts.put("ghost=", ALL_AUDIENCE)
        session_id = self._hosted("session", "start")["id"]
        ghosts.put("inline=", session_audience(session_id))
        ghosts.put("lagging=", session_audience(session_id), lags=True)
        self._hosted("game", "add", "Tee K.O.", "--session", str(session_id))
        return ghosts

    def _ghosts(self) -> Ghosts:
        api_id = self._account.client("apigatewayv2").get_apis()["Items"][0]["ApiId"]
        return Ghosts(self._account.client("dynamodb"), CONNECTIONS, api_id, STAGE.name)

    def _wait_until_gone(self, ghosts: Ghosts) -> None:
        self._progress.step(
            "Connections that ended without a word are removed by the delivery that meets them"
        )
        Clock().wait(
            "the removal of connections that are gone",
            lambda: True if ghosts.are_gone() else None,
            within=DELIVERY_SECONDS,
            every=0.5,
        )
        self._progress.detail("removed")

    @contextmanager
    def _silent_connection(self) -> Iterator[ClientConnection]:
        """Open a connection that never authenticates."""
        [url] = re.findall(r"wss?://\S+", self._infra("status", "--stage", STAGE.name))
        with connect(url) as silent:
            yield silent

    def _leave_due_ghosts(self) -> Ghosts:
        """Put ghosts where the sweep will find them: one has to go, one has to be told something."""
        ghosts, now = self._ghosts(), int(time.time())
        ghosts.put_due("speechless=", Deadline(now, DeadlineKind.AUTHENTICATE), now - 60)
        known = {"subject": {"S": "ghost"}, "role": {"S": "bot"}, "token_expires_at": NEVER}
        ghosts.put_due(
            "old=", Deadline(now, DeadlineKind.MAX_AGE), now - 7000, **known, wants_cursor={"BOOL": True}
        )
        return ghosts

    def _wait_until_swept(self, silent: ClientConnection, due: Ghosts) -> None:
        self._progress.step("Connections whose time has come are told so and closed by the sweep")
        said = json.loads(silent.recv(timeout=SWEEP_SECONDS))
        _must(said.get("code") == "auth_timeout", f"a connection that is silent was told {said}")
        try:
            after = silent.recv(timeout=SWEEP_SECONDS)
        except ConnectionClosed:
            self._progress.detail("told and closed")
        else:
            _must(holds=False, otherwise=f"after its end a connection was told {after!r}")
        Clock().wait(
            "the sweep of connections that are gone",
            lambda: True if due.are_gone() else None,
            within=SWEEP_SECONDS,
            every=0.5,
        )
        self._progress.detail("removed")

    def _deliver_to_many_and_to_stragglers(self) -> None:
        """Have events delivered by jobs, and jobs made for those who lag; all of them turn out to be gone."""
        self._progress.step("A large audience, stragglers, and a job that nobody can read")
        ghosts = self._ghosts()
        for number in range(INLINE_AUDIENCE + 1):
            ghosts.put(f"crowd{number}=", ALL_AUDIENCE, lags=number < 2)  # noqa: PLR2004 - a few of them
        self._post("sessions")
        sqs = self._account.client("sqs")
        sqs.send_message(
            QueueUrl=sqs.get_queue_url(QueueName=f"{STAGE.stack}-delivery.fifo")["QueueUrl"],
            MessageBody="junk",
            MessageGroupId="junk",
            MessageDeduplicationId="junk",
        )
        self._wait_until_gone(ghosts)
        dead = sqs.get_queue_url(QueueName=f"{STAGE.stack}-delivery-dead.fifo")["QueueUrl"]
        letters = Clock().wait(
            "the dead letter",
            lambda: sqs.receive_message(QueueUrl=dead).get("Messages"),
            within=DELIVERY_SECONDS,
            every=0.5,
        )
        _must([one["Body"] for one in letters] == ["junk"], f"other jobs failed as well: {letters}")
        self._post("sessions")  # to few again, now that the jobs are done

    def _rotate_secret(self) -> None:
        self._progress.step("Another token secret, on functions that know the old one")
        old = self._admin_token()
        self._post("sessions", token=old)
        self._infra("rotate-secret", "--stage", STAGE.name)
        for token in (self._admin_token(), old):
            self._post("sessions", token=token)
        self._progress.detail("a token of the new secret and one of the old are accepted")
        self._infra("rotate-secret", "--stage", STAGE.name, "--finish")

    def _look_for_tokens_in_the_logs(self) -> None:
        self._progress.step("What the functions logged, tokens looked for")
        log = self._account.log()
        _must("[WebSocket] Broadcasted" in log, "nothing of the functions is in the log that was looked into")
        _must(not TOKEN.search(log), f"there is a token in {self._account.folder / 'emulator.log'}")
        self._progress.detail("none")

    def _admin_token(self) -> str:
        return self._infra("token", "--stage", STAGE.name, "--role", "admin").strip()

    def _follow_an_event(self) -> None:
        """Have an event traced through what the functions have logged."""
        self._progress.step("An event, followed through the logs")
        session_id = self._post("sessions")["id"]

        def followed() -> Any:
            said = self._infra("trace", f"{session_id}/1", "--stage", STAGE.name, "--json", expect=None)
            timeline = json.loads(said) if said.startswith("{") else {"hops": ()}
            return timeline if "posted" in {hop["hop"] for hop in timeline["hops"]} else None

        timeline = Clock().wait("the event in the logs", followed, within=DELIVERY_SECONDS, every=1)
        hops = [hop["hop"] for hop in timeline["hops"]]
        for hop in ("answered", "appended", "received", "broadcast"):
            _must(hop in hops, f"{hop!r} is not among the hops of an event: {hops}")

    def _hosted(self, *arguments: str) -> Any:
        """Do something as a host at a terminal, and return what came of it."""
        return json.loads(self._infra(*arguments, "--stage", STAGE.name, "--json"))

    def _post(self, path: str, token: str | None = None) -> Any:
        """Post to the REST API as a host, with a token of its own where none is given."""
        request = urllib.request.Request(  # noqa: S310 - the URL is the emulator's
            f"{self._rest_url}/{path}",
            method="POST",
            data=b"{}",
            headers={
                "Authorization": f"Bearer {token or self._admin_token()}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - likewise
            return json.load(answer)

    @property
    def _rest_url(self) -> str:
        return str(re.findall(r"https?://\S+/api", self._infra("status", "--stage", STAGE.name))[0])

    def _compare_permissions(self) -> None:
        self._progress.step("What the functions did, against what their roles allow")
        iam = self._account.client("iam")
        grants: list[Grant] = []
        for function, (_, role_arn, _) in self._functions().items():
            role = role_arn.rpartition("/")[2]
            for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
                grants += grants_of(function, document)
        calls = calls_of(self._account.calls())
        found = findings(grants, calls)
        _must(not found, "the roles are not what the functions need:\n  " + "\n  ".join(found))
        self._progress.detail(
            f"{len(grants)} grants, {len(calls)} different calls: nothing denied, nothing unused"
        )

    def _destroy(self) -> None:
        self._progress.step("Taking it down")
        refused = self._infra("destroy", "--stage", STAGE.name, "--yes", expect=1)
        _must("--delete-data" in refused, f"tables with data were not protected:\n{refused}")
        self._infra("destroy", "--stage", STAGE.name, "--yes", "--delete-data")
        left = self._account.inventory()
        _must(not left, "something is left:\n  " + "\n  ".join(left))
        self._progress.detail("nothing is left in the account")

    def _conform(self, *what: str) -> None:
        self._progress.step(f"Conformance: {what[0]}")
        status = self._infra("status", "--stage", STAGE.name)
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
        self._run([sys.executable, "-m", "pytest", *what, *target, "-p", "no:cacheprovider"])

    def _functions(self) -> dict[str, tuple[int, str, str]]:
        functions = self._account.client("lambda").list_functions()["Functions"]
        return {
            one["FunctionName"]: (one["MemorySize"], one["Role"], one["LastModified"]) for one in functions
        }

    @property
    def _shape(self) -> tuple[str, ...]:
        return "--stage", STAGE.name, "--architecture", ARCHITECTURE[platform.machine()]

    def _infra(self, *arguments: str, expect: int | None = 0) -> str:
        return self._run([sys.executable, "-m", "infra", *arguments], expect)

    def _run(self, command: list[str], expect: int | None = 0) -> str:
        """Run a command in the copy, show what it says, and return it. ``expect`` is its status, None any."""
        self._progress.detail(
            "$ " + " ".join(["python", *command[1:]] if command[0] == sys.executable else command)
        )
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "GAMENIGHT_"))
        }
        with subprocess.Popen(
            command,
            cwd=self._project,
            env={
                **inherited,
                **self._account.environment,
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONUNBUFFERED": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A group of its own, so that it can be ended together with what it has started.
            start_new_session=True,
        ) as process:
            limit = threading.Timer(COMMAND_SECONDS, _kill, [process])
            limit.start()
            lines = []
            try:
                for line in process.stdout or ():
                    lines.append(line)
                    self._progress.detail(f"  {line.rstrip()}")
                status = process.wait()
            except BaseException:
                _kill(process)
                raise
            finally:
                limit.cancel()
        said = "".join(lines)
        if expect is not None and status != expect:
            log = self._account.log().splitlines()[-40:]
            raise RehearsalFailed(
                f"It ended with {status}, not {expect}. The functions said last:\n" + "\n".join(log)
            )
        return said


@contextmanager
def rehearsal(progress: Progress) -> Iterator[Rehearsal]:
    """Set the stage for a rehearsal; nothing of it is left at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="game-night-live-rehearsal-") as scratch:
        project = Path(scratch) / "project"
        progress.step("A copy of the project, and an account")
        copy(ROOT, project)
        config = project / ".chalice" / "config.json"
        content = json.loads(config.read_text())
        content["environment_variables"] = {"INLINE_AUDIENCE": str(INLINE_AUDIENCE)}
        config.write_text(json.dumps(content, indent=2))
        with rehearsal_account(Path(scratch) / "account") as account:
            progress.detail(account.url)
            yield Rehearsal(account, project, progress)


def copy(project: Path, to: Path) -> None:
    """Copy what git knows or would know of the project: what is worked on, without what was installed."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=project, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (project / name).is_file():  # else it was deleted and the deletion is not committed yet
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project / name, to / name)


def _must(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise RehearsalFailed(otherwise[0].upper() + otherwise[1:])


def _kill(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
