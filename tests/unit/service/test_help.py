"""The help of every command: whole sentences, and what can be typed."""

import json
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from infra.__main__ import main

OF_A_SERVICE = {"demo", "game", "listen", "session", "token", "vote"}


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield (*path, name), command
            if isinstance(command, click.Group):
                yield from commands(command, (*path, name))


EVERY = dict(commands(main))


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_says_what_it_does_and_what_each_option_is_for(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(main, [*path, "--help"])

    assert shown.exit_code == 0
    assert (EVERY[path].help or "").split(".")[0] in " ".join(shown.output.split())
    options = [one for one in EVERY[path].params if isinstance(one, click.Option)]
    for option in options:
        assert option.opts[-1] in shown.output


@pytest.mark.parametrize("path", [path for path in EVERY if path[0] in OF_A_SERVICE], ids=" ".join)
def test_a_command_for_a_running_service_shows_what_can_be_typed(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(main, [*path, "--help"]).output

    examples = shown.partition("Examples:\n")[2].splitlines()
    typed = [line.strip() for line in examples if line.strip()]
    assert typed
    assert all(line.startswith(f"python -m infra {' '.join(path)}") for line in typed)


def test_the_list_of_commands_cuts_no_sentence_short() -> None:
    shown = CliRunner().invoke(main, ["--help"]).output

    assert "..." not in shown.partition("Commands:")[2]
    for (name, *below), command in EVERY.items():
        if not below:
            first = " ".join((command.help or "").partition("\n\n")[0].split())
            assert f"  {name}" in shown
            assert first in " ".join(shown.split())


def test_what_is_no_command_is_a_wrong_use() -> None:
    assert CliRunner().invoke(main, ["dance"]).exit_code == 2


@pytest.mark.parametrize(
    ("typed", "meant"), [("sesion", "session"), ("tokn", "token"), ("session strat", "start")]
)
def test_what_is_nearly_a_command_is_answered_with_the_command(typed: str, meant: str) -> None:
    shown = CliRunner().invoke(main, typed.split())

    assert shown.exit_code == 2
    assert f"Did you mean '{meant}'?" in shown.stderr


@pytest.mark.parametrize("command", ["session list", "demo"])
def test_a_stage_and_an_address_are_two_places(command: str) -> None:
    both = ["--stage", "local", "--url", "http://localhost:5000"]

    shown = CliRunner().invoke(main, [*command.split(), *both])

    assert shown.exit_code == 2
    assert "Which one: --stage local or --url http://localhost:5000?" in shown.stderr


@pytest.mark.parametrize(
    ("typed", "code", "says"),
    [
        ("session list --json --lst 2", "usage", "No such option '--lst'"),
        ("sesion list --json", "usage", "Did you mean 'session'?"),
        ("session list --state-dir /nowhere --json", "not_running", "make run"),
    ],
)
def test_what_goes_wrong_behind_json_is_one_object_on_one_line(typed: str, code: str, says: str) -> None:
    shown = CliRunner().invoke(main, typed.split())

    error = json.loads(shown.stderr)["error"]
    assert shown.exit_code in {1, 2}
    assert shown.stdout == ""
    assert shown.stderr.count("\n") == 1
    assert error.keys() == {"code", "detail"}
    assert error["code"] == code
    assert says in error["detail"]


def test_a_text_that_looks_like_the_option_for_machines_is_none() -> None:
    shown = CliRunner().invoke(main, ["session", "start", "--nope", "--", "--json"])

    assert "Usage:" in shown.stderr
