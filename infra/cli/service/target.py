"""Finds a running service and its tokens: on this machine, on a stage, or at a given address.

The client library ``gamenight`` makes the requests. Errors become messages that say what to do.
"""

import asyncio
import json
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

import click
from announcements import on_one_line
from gamenight import CursorStore, GameNight, GameNightError, Refused, Token, TokenRefused, WrongAddress

from chalicelib.auth.claims import Role
from infra import ROOT
from infra.cli.options import JSON, STATE_DIR, Number
from infra.local.state import StateDir
from infra.stage_secrets import LOCAL, minted

SUBJECT = "command-line"
TOKEN_SECONDS = 60 * 60
PROBE_SECONDS = 5.0

HOSTS_WORDS = (
    (r"\bPOST /api/sessions\b", "`gamenight night start`"),
    (r"Vote once game\.added has come\.", "`gamenight game add TITLE` adds one."),
    (r"Expected text of (\d+) characters at most, in (\w+)\.", r"The \2 can have \1 characters at most."),
    (r"\bSession (\d+)", r"Night #\1"),
    (r"\bsession (\d+)", r"night #\1"),
)
"""Patterns in the service's messages, and the words that a host uses instead."""


class ServiceProblem(click.ClickException):
    """The service can't be reached, or has refused. ``code`` is the service's, or one of this module's.

    ``status`` is the HTTP status of a refusal, or None. With a status the message includes the code, so that
    people can search the specification for it.
    """

    def __init__(self, code: str, detail: str, status: int | None = None) -> None:
        super().__init__(detail if status is None else f"{detail} ({code})")
        self.code = code
        self.detail = detail
        self.status = status


@dataclass(frozen=True, slots=True)
class ServiceTarget:
    """A service. ``url`` is its address without ``/api``; ``token`` returns a role's token.

    ``stage`` is the stage on AWS that it was found by, if any.
    """

    url: str
    token: Callable[[Role], Token]
    stage: str | None = None

    def night(self, role: Role, cursors: CursorStore | Path | None = None) -> GameNight:
        """Return a client for the service. Raises ServiceProblem if the address is invalid."""
        with translated(self.url, self.stage):
            return GameNight(self.url, self.token(role), cursors=cursors)

    def ask(self, role: Role, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Make one request and return its answer. Raises ServiceProblem."""
        with translated(self.url, self.stage):
            return asyncio.run(self.night(role).request(method, path, body))


NIGHT = click.argument("number", metavar="[NIGHT]", type=Number(min=1), required=False)

STAGE = click.option(
    "--stage",
    metavar="NAME",
    help="A stage that was deployed from here. local is the gateway on this machine.  [default: local]",
)
URL = click.option(
    "--url",
    metavar="URL",
    help="A service's address without /api, instead of --stage. GAMENIGHT_TOKEN has its token.",
)


def on_a_service(run: Callable[..., None]) -> Callable[..., None]:
    """Give a command --stage, --url, --state-dir and --json, and call it with the service that they name."""

    @STAGE
    @URL
    @STATE_DIR
    @JSON
    @wraps(run)
    def command(stage: str | None, url: str | None, state_dir: Path, **options: Any) -> None:
        run(named_service(stage, state_dir, url), **options)

    return command


def named_service(stage: str | None, state_dir: Path, url: str | None) -> ServiceTarget:
    """Return the service that the options name. Raises ServiceProblem, and UsageError if they name two."""
    if url is not None:
        if stage is not None:
            raise click.UsageError(f"Which one: --stage {stage} or --url {url}? Leave out the other.")
        return ServiceTarget(url, lambda _role: _given_token())

    def token(role: Role) -> Token:
        return lambda: minted(stage or LOCAL, state_dir, SUBJECT, role, TOKEN_SECONDS)

    if stage and stage != LOCAL:
        return ServiceTarget(_stage_url(stage), token, stage)
    return ServiceTarget(_local_url(state_dir), token)


@contextmanager
def translated(url: str, stage: str | None = None) -> Iterator[None]:
    """Raise ServiceProblem for whatever the library raises."""
    try:
        yield
    except Refused as refused:
        detail = on_one_line(refused.detail)
        for said, words in HOSTS_WORDS:
            detail = re.sub(said, words, detail)
        raise ServiceProblem(refused.code, detail, refused.status) from refused
    except TokenRefused as refused:
        raise ServiceProblem("token_refused", str(refused), HTTPStatus.UNAUTHORIZED) from refused
    except WrongAddress as error:
        said = f"The stage {stage} does not answer at {url}. Run `gamenight stage status --stage {stage}`."
        raise ServiceProblem("not_possible", said if stage else str(error)) from error
    except GameNightError as error:
        raise ServiceProblem("not_possible", str(error)) from error
    except BrokenPipeError:
        raise  # this is about the output's reader, not the service
    except OSError as error:
        reason = error.reason if isinstance(error, URLError) else error
        if "WRONG_VERSION_NUMBER" in str(reason):
            reason = "what answers there does not speak https. Try http"
        check = f"Run `gamenight stage status --stage {stage}`" if stage else "Check the address"
        raise ServiceProblem(
            "unreachable",
            f"{url} can't be reached: {reason}. {check}, and see that this machine is online.",
        ) from error


def _local_url(state_dir: Path) -> str:
    try:
        addresses = json.loads(StateDir(state_dir).addresses.read_text())
        # An invite's link has to work on a guest's phone.
        url: str = addresses.get("network_url") or addresses["rest_url"]
        at = urlsplit(url)
        socket.create_connection((at.hostname or "", at.port or 0), timeout=PROBE_SECONDS).close()
    except (OSError, ValueError, KeyError) as error:
        raise ServiceProblem(
            "not_running",
            "No gateway is running here. Start one with `make run` in another terminal, or name a stage on "
            "AWS with --stage.",
        ) from error
    return url


def _stage_url(name: str) -> str:
    # Imported here, because commands for the local gateway don't need the AWS SDK.
    from infra.deploy.chalice.state import ChaliceState
    from infra.deploy.stage import Stage

    record = ChaliceState(ROOT, Stage(name))
    api_id, url = record.value("rest_api", "rest_api_id"), record.value("rest_api", "rest_api_url")
    if api_id is None or url is None:
        raise ServiceProblem(
            "not_deployed",
            f"The stage {name} has not been deployed from here. `gamenight stage deploy --stage {name}` "
            "deploys it, or finds it if it exists. Or give its address with --url.",
        )
    if emulator := os.environ.get("PUSH_ENDPOINT"):
        return Stage(name).url(api_id, template=emulator)
    return url.rstrip("/")


def _given_token() -> str:
    token = os.environ.get("GAMENIGHT_TOKEN", "").strip().strip("'\"").removeprefix("Bearer ").strip()
    if len(token.split()) > 1:
        raise ServiceProblem(
            "no_token",
            "The token in GAMENIGHT_TOKEN has a space or a line break in it. Copy it again, as one line.",
        )
    if not token:
        raise ServiceProblem(
            "no_token",
            "There is no token for this address. Put one in the variable GAMENIGHT_TOKEN: an admin's to "
            "host, a bot's to listen and vote.",
        )
    return token
