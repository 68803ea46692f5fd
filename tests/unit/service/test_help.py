"""The help of every command: whole sentences, and what can be typed."""

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
