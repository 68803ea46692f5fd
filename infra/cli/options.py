"""Options that many commands share, examples below the help, and the output of ``--json``."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from infra.local.state import DEFAULT_STATE_DIR

Run = TypeVar("Run", bound=Callable[..., Any])

JSON = click.option(
    "--json",
    "json_only",
    is_flag=True,
    help="Print JSON, one object a line. An error is one object on standard error.",
)

STATE_DIR = click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_STATE_DIR,
    help="Folder of the local gateway's state.  [default: .local/state]",
)

STAGE = click.option(
    "--stage",
    metavar="NAME",
    default="local",
    show_default=True,
    help="The stage on AWS. local is the gateway on this machine.",
)


class Number(click.IntRange):
    """A whole number within bounds, with an error message in plain words."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number. Raises BadParameter."""
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            to = "on" if self.max is None else f"to {self.max}"
            self.fail(f"{str(value)!r} is not a whole number from {self.min} {to}.", param, ctx)


def text_argument(name: str, *, required: bool) -> Callable[[Run], Run]:
    """Return an argument that takes one text. Several words are an error that asks for quotes."""

    def joined(ctx: click.Context, _param: click.Parameter, words: tuple[str, ...]) -> str | None:
        if len(words) > 1:
            quoted = f'{ctx.command_path} "{" ".join(words)}"'
            raise click.UsageError(f"Put a text with spaces in quotes: {quoted}", ctx)
        return words[0] if words else None

    metavar = name.upper() if required else f"[{name.upper()}]"
    return click.argument(name, nargs=-1, required=required, metavar=metavar, callback=joined)


UNESCAPED = re.compile(r"[\x7f-\x9f\u2028\u2029]")
"""Control characters and line ends that ``json.dumps`` does not escape."""


def examples(*arguments: str) -> str:
    """Return a help epilog with one line for each example. The backspace stops click from joining them."""
    return "\n".join(["\b", "Examples:", *(f"  gamenight {one}" for one in arguments)])


def as_json(value: Any) -> str:
    """Return a value as one line of JSON without control characters."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return UNESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def answer(value: Any, *lines: str, json_only: bool) -> None:
    """Print a command's result: the value for programs, or the lines for people."""
    for line in [as_json(value)] if json_only else lines:
        click.echo(line)
