"""The help of every command: whole sentences, and what can be typed."""

import json
from collections.abc import Iterator
from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner

from infra.cli.commands import COMMANDS, STAGE_COMMANDS, gamenight


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


EVERY = dict(commands(gamenight))


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_explains_itself_and_shows_an_example(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(gamenight, [*path, "--help"], prog_name="gamenight")

    assert shown.exit_code == 0
    assert shown.output.startswith(f"Usage: gamenight {' '.join(path)} ")
    assert (EVERY[path].help or "").split(".")[0] in " ".join(shown.output.split())
    for option in EVERY[path].params:
        assert not isinstance(option, click.Option) or option.help
    examples = shown.output.partition("Examples:\n")[2]
    assert f"gamenight {' '.join(path)}" in examples


@pytest.mark.parametrize("path", [path for path in EVERY if path != ("completion",)], ids=" ".join)
def test_every_command_speaks_json(path: tuple[str, ...]) -> None:
    command = EVERY[path]

    assert isinstance(command, click.Group) or "--json" in [one for o in command.params for one in o.opts]


def test_a_list_says_a_commands_first_sentence() -> None:
    listed: dict[tuple[str, ...], tuple[str, str]] = {}
    for group, sections in (((), COMMANDS), (("stage",), STAGE_COMMANDS)):
        for section in sections.values():
            listed |= {(*group, name): one for name, one in section.items()}

    said = {path: " ".join((EVERY[path].help or "").partition("\n\n")[0].split()) for path in listed}

    assert said == {path: summary for path, (_, summary) in listed.items()}


def test_a_shell_completes_names_and_options() -> None:
    variables = {"_GAMENIGHT_COMPLETE": "bash_complete"}

    def completed(line: str) -> str:
        words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        return CliRunner().invoke(gamenight, prog_name="gamenight", env={**variables, **words}).output.strip()

    assert completed("gamenight ni") == "plain,night"
    assert completed("gamenight stage re").split() == ["plain,rehearse", "plain,redrive", "plain,restore"]
    assert completed("gamenight night list --ac") == "plain,--active"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell: str) -> None:
    shown = CliRunner().invoke(gamenight, ["completion", shell])

    assert shown.exit_code == 0
    assert f"_GAMENIGHT_COMPLETE={shell}_complete" in shown.output


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("nigt", "'night'"),
        ("tokn", "'token'"),
        ("night strat", "'start'"),
        ("start", "'night start'"),
        ("list", "'night list' or 'game list'"),
    ],
)
def test_a_misspelled_command_is_answered_with_the_command(typed: str, meant: str) -> None:
    shown = CliRunner().invoke(gamenight, typed.split())

    assert shown.exit_code == 2
    assert f"Did you mean {meant}?" in shown.stderr


@pytest.mark.parametrize("command", ["night start", "game add"])
def test_a_title_without_quotes_is_answered_with_them(command: str) -> None:
    shown = CliRunner().invoke(
        gamenight, [*command.split(), "Friday", "Game", "Night"], prog_name="gamenight"
    )

    assert shown.exit_code == 2
    assert f'Put a text with spaces in quotes: gamenight {command} "Friday Game Night"' in shown.stderr


def test_a_game_needs_a_title() -> None:
    shown = CliRunner().invoke(gamenight, ["game", "add", " ", "--url", "http://localhost"])

    assert shown.exit_code == 2
    assert "Give the game a title." in shown.stderr


def test_it_tells_its_version() -> None:
    shown = CliRunner().invoke(gamenight, ["--version"])

    assert shown.output == f"gamenight, version {version('game-night-live')}\n"


@pytest.mark.parametrize("command", ["night list", "demo"])
def test_a_stage_and_an_address_are_two_places(command: str) -> None:
    both = ["--stage", "local", "--url", "http://localhost:5000"]

    shown = CliRunner().invoke(gamenight, [*command.split(), *both])

    assert shown.exit_code == 2
    assert "Which one: --stage local or --url http://localhost:5000?" in shown.stderr


def test_a_folder_that_is_missing_is_told_before_anything_starts() -> None:
    shown = CliRunner().invoke(gamenight, ["serve", "--ready-file", "/nowhere/ready.json"])

    assert shown.exit_code == 2
    assert "There is no folder /nowhere." in shown.stderr


@pytest.mark.parametrize(
    ("typed", "code", "says"),
    [
        ("night list --json --lst 2", "usage", "No such option '--lst'"),
        ("nigt list --json", "usage", "Did you mean 'night'?"),
        ("token --role bot --state-dir /nowhere --json", "failed", "make run"),
        ("game remove abc --json", "usage", "'abc' is not a whole number from 1 on."),
        ("serve --port 70000 --json", "usage", "'70000' is not a whole number from 0 to 65535."),
    ],
)
def test_an_error_behind_json_is_one_object_on_one_line(typed: str, code: str, says: str) -> None:
    shown = CliRunner().invoke(gamenight, typed.split())

    error = json.loads(shown.stderr)["error"]
    assert shown.exit_code in {1, 2}
    assert shown.stdout == ""
    assert shown.stderr.count("\n") == 1
    assert error.keys() == {"code", "detail"}
    assert error["code"] == code
    assert says in error["detail"]
