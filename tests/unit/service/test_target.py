"""What is told of a service that can't be reached, or that refuses."""

import json
import ssl
from urllib.error import URLError

import pytest
from click.testing import CliRunner
from gamenight import Refused, TokenRefused, WrongAddress

from infra.cli.commands import gamenight
from infra.cli.service.target import ServiceProblem, translated

NOBODY = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("typed", "token", "code", "says"),
    [
        ("night list --state-dir /nowhere", "", "not_running", "`make run`"),
        ("listen --state-dir /nowhere", "", "not_running", "`make run`"),
        ("night list --stage neverland", "", "not_deployed", "gamenight stage deploy --stage neverland"),
        (f"night list --url {NOBODY}", "", "no_token", "GAMENIGHT_TOKEN"),
        (f"night list --url {NOBODY}", "a\nb", "no_token", "a space or a line break"),
        (f"night list --url {NOBODY}", "a", "unreachable", "Check the address"),
        (f"night list --url {NOBODY}", "'Bearer a'", "unreachable", "Check the address"),
        ("night list --url 127.0.0.1", "a", "not_possible", "Pass one such as http://localhost:5000"),
    ],
)
def test_where_nothing_is_reached_it_says_what_to_do(typed: str, token: str, code: str, says: str) -> None:
    environment = {"GAMENIGHT_TOKEN": token}

    for_people = CliRunner().invoke(gamenight, typed.split(), env=environment)
    for_machines = CliRunner().invoke(gamenight, [*typed.split(), "--json"], env=environment)

    assert for_people.exit_code == for_machines.exit_code == 1
    assert says in for_people.stderr
    assert json.loads(for_machines.stderr)["error"]["code"] == code


@pytest.mark.parametrize(
    ("error", "code", "status", "says"),
    [
        (
            Refused(409, "session_closed", "Session 3 has ended. POST /api/sessions starts a new one."),
            "session_closed",
            409,
            "Night #3 has ended. `gamenight night start` starts a new one.",
        ),
        (
            Refused(409, "no_game", "Session 3 has no game yet. Vote once game.added has come."),
            "no_game",
            409,
            "Night #3 has no game yet. `gamenight game add TITLE` adds one.",
        ),
        (
            Refused(404, "vote_not_found", "ana has no vote for game 1 of session 3."),
            "vote_not_found",
            404,
            "ana has no vote for game 1 of night #3.",
        ),
        (WrongAddress("Give another address."), "not_possible", None, "Give another address."),
        (
            Refused(400, "invalid_request", "Expected text of 200 characters at most, in title."),
            "invalid_request",
            400,
            "The title can have 200 characters at most.",
        ),
        (
            URLError(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")),
            "unreachable",
            None,
            "does not speak https. Try http.",
        ),
        (Refused(503, "unknown", "Busy."), "unknown", 503, "Busy."),
        (TokenRefused("Get a new one."), "token_refused", 401, "Get a new one."),
    ],
)
def test_a_refusal_has_a_code_and_names_commands(
    error: Exception, code: str, status: int | None, says: str
) -> None:
    with pytest.raises(ServiceProblem) as told, translated("http://localhost"):
        raise error

    assert (told.value.code, told.value.status) == (code, status)
    assert says in told.value.detail


def test_a_title_may_begin_with_a_dash() -> None:
    typed = ["game", "add", "-5 Degrees", "--state-dir", "/nowhere"]

    assert "Write -- before a text that begins with a dash." in CliRunner().invoke(gamenight, typed).stderr


def test_a_stage_that_does_not_answer_is_named() -> None:
    with pytest.raises(ServiceProblem, match=r"stage status --stage dev"), translated("http://r1", "dev"):
        raise WrongAddress("Give another address.")
