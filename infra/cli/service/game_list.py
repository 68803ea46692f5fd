"""Reads a list of games from a spreadsheet's CSV file, by the same rules as ``chalicelib/page/list.js``."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import click
from announcements import on_one_line

from chalicelib.limits import MAX_PACK_NAME_CHARACTERS, MAX_PLAYERS, MAX_TITLE_CHARACTERS

NAMES = {
    "title": ("title", "game", "name", "objectname"),
    "pack_name": ("packname", "pack"),
    "min_players": ("minplayers", "min", "minimumplayers"),
    "max_players": ("maxplayers", "max", "maximumplayers"),
}
PLAYERS = ("min_players", "max_players")
LONGEST = {"title": MAX_TITLE_CHARACTERS, "pack_name": MAX_PACK_NAME_CHARACTERS}
TOO_MANY = "it has more cells than the first line. Put quotes around a text with a separator in it."
SHOWN = 20
"""How many wrong lines are shown at once."""


def read_list(path: Path) -> list[dict[str, Any]]:
    """Return the games of a file, as the service takes them. Raises ClickException with all mistakes.

    Prints on standard error which columns are ignored.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise click.ClickException(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise click.ClickException(
            f"{path} is not a text in UTF-8. Save it as “CSV UTF-8” in the spreadsheet."
        ) from error
    games, problems, notes = games_in(text)
    if problems:
        more = [f"And {len(problems) - SHOWN} more."] if len(problems) > SHOWN else []
        told = "\n  ".join([*problems[:SHOWN], *more])
        raise click.ClickException(f"Nothing is added. Correct {path} and try again:\n  {told}")
    if not games:
        raise click.ClickException(f"{path} has no games: nothing comes after its first line.")
    for note in notes:
        click.echo(on_one_line(note), err=True)
    return games


def games_in(text: str) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    """Return a list's games, a sentence for each wrong line, and a sentence about unknown columns."""
    text = text.removeprefix("\ufeff")
    # The first line has only names, so counting separators is safer than csv.Sniffer.
    first = re.split(r"[\r\n]", text, maxsplit=1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    rows, line = [], 1
    try:
        for cells in reader:
            rows.append((line, [cell.strip() for cell in cells]))
            line = reader.line_num + 1
    except csv.Error:
        unclosed = 'a quote mark is not closed, or a text goes on after it. Within quotes, write "" for one.'
        return [], [f"Line {line}: {unclosed}"], []
    named = rows[0][1] if rows else []
    plain = [re.sub("[^a-z]", "", cell.lower()) for cell in named]
    columns = {
        name: next((at for at, one in enumerate(plain) if one in known), None)
        for name, known in NAMES.items()
    }
    if columns["title"] is None:
        names = ", ".join(NAMES)
        return [], [f"Line 1: no column is called title. The first line names the columns: {names}."], []
    every = [one for known in NAMES.values() for one in known]
    unknown = [name for name, one in zip(named, plain, strict=True) if name and one not in every]
    games, problems = [], []
    for line, cells in rows[1:]:
        if not any(cells):
            continue
        said = {name: cells[at] for name, at in columns.items() if at is not None and at < len(cells)}
        game: dict[str, Any] = {name: value for name, value in said.items() if value}
        wrong = TOO_MANY if any(cells[len(plain) :]) else _wrong(game)
        if wrong is not None:
            problems.append(f"Line {line}: {wrong}")
        else:
            games.append(game | {name: int(game[name]) for name in PLAYERS if name in game})
    return games, problems, [_passed_over(unknown)] if unknown else []


def _passed_over(columns: list[str]) -> str:
    if len(columns) > 1:
        return f"The columns {', '.join(columns)} are not known and are passed over."
    return f"The column {columns[0]} is not known and is passed over."


def _wrong(game: dict[str, str]) -> str | None:
    if "title" not in game:
        return "there is no title. Write one, or remove the line."
    for name, longest in LONGEST.items():
        if (length := len(game.get(name, ""))) > longest:
            return f"{name} has {length} characters. Shorten it to {longest}."
    for name in PLAYERS:
        said = game.get(name, "1")
        if not (re.fullmatch("[0-9]{1,9}", said) and 1 <= int(said) <= MAX_PLAYERS):
            return f"{name} is “{said}”. Write a whole number from 1 to {MAX_PLAYERS}, or nothing."
    if int(game.get("min_players", 1)) > int(game.get("max_players", MAX_PLAYERS)):
        return "min_players is more than max_players. Swap them."
    return None
