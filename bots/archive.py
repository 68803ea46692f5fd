"""Keeps every event of every night in an SQLite database, and reports on them.

    python archive.py keep http://localhost:5000     # until you stop it
    python archive.py report                         # nights a week, games by score, who votes

The token is in ``GAMENIGHT_TOKEN``, or printed by ``--token-command``. Needs the package ``gamenight``, and
beside it ``announcements.py``, ``command_line.py`` and ``archive.sql``, which has the tables and views.
"""

import asyncio
import json
import logging
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from announcements import on_one_line
from command_line import OneLineParser, token_of
from gamenight import GameNight, GameNightError, NoCursors, Refused, WrongAddress

logger = logging.getLogger("archive")

SCHEMA = Path(__file__).with_name("archive.sql")
APPLICATION_ID = 0x67_6E_6C_61
"""``gnla``, in the header of the file, so the bot never writes to another program's database."""

VIEWS = 1
"""The version of the views. Raise it when you change them."""

REPORTS = {
    "nights_by_week": "Nights a week",
    "games_by_score": "Games by score",
    "voters": "Who votes",
}
ROWS = 20
"""How many rows of each report are printed."""

SESSIONS = "sessions"
AGAIN_SECONDS = 10.0


class NoArchive(Exception):
    """The file can't be used as an archive; the message says why and what to do."""


class Archive:
    """The database, and the client's cursor store: an event and its cursor are committed together.

    So each event is archived exactly once, even if the program is killed. The table ``saves`` counts commits:
    a second program that writes to the file fails at its first commit.
    """

    def __init__(self, path: Path, *, new: bool = True) -> None:
        """Open an archive. If there is no file and ``new`` is true, make one. Raises NoArchive."""
        if not new and not path.is_file():
            raise NoArchive(f"There is no archive at {path}. Make one: python archive.py keep URL")
        if not path.absolute().parent.is_dir():
            raise NoArchive(f"There is no folder {path.parent}. Make it, or name another file.")
        self._path = path
        try:
            self._db = sqlite3.connect(path)
            (application,) = self._db.execute("PRAGMA application_id").fetchone()
            (views,) = self._db.execute("PRAGMA user_version").fetchone()
            if (application, views) != (APPLICATION_ID, VIEWS):
                self._begin(application)
            (self._saves,) = self._db.execute("SELECT count FROM saves").fetchone()
        except sqlite3.Error as problem:
            raise NoArchive(f"{path} can't be used: {problem}. Name another file.") from problem

    def _begin(self, application: int) -> None:
        """Make missing tables, and the views of this version."""
        if application != APPLICATION_ID and self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise NoArchive(f"{self._path} is another program's database. Name another file.")
        script = SCHEMA.read_text("utf-8")
        marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VIEWS}"
        self._db.executescript(f"BEGIN IMMEDIATE; {script}; {marks}; COMMIT")

    def add(self, kind: str, timestamp: str, data: Mapping[str, Any]) -> None:
        """Write an event; ``save`` commits it."""
        night = (data["session"] or {}).get("id")
        self._db.execute(
            "INSERT INTO events (type, timestamp, session_id, data) VALUES (?, ?, ?, ?)",
            (kind, timestamp, night, json.dumps(data, ensure_ascii=False)),
        )

    def load(self) -> Mapping[str, str]:
        """Return the cursors of the last commit. At first, they are at the beginning of everything."""
        self._db.rollback()  # an event whose cursor was not saved comes again
        return dict(self._db.execute("SELECT stream, cursor FROM cursors")) or {SESSIONS: ""}

    def save(self, cursors: Mapping[str, str]) -> None:
        """Commit the cursors, and what was added since. Raises NoArchive if another program writes too."""
        changed = self._db.execute("UPDATE saves SET count = count + 1 WHERE count = ?", (self._saves,))
        if not changed.rowcount:
            self._db.rollback()
            raise NoArchive(f"Another program writes to {self._path} too. Stop one of them.")
        self._db.execute("DELETE FROM cursors")
        self._db.executemany("INSERT INTO cursors VALUES (?, ?)", cursors.items())
        self._db.commit()
        self._saves += 1

    def report(self, view: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Return the columns and rows of a view that ``REPORTS`` names."""
        rows = self._db.execute(f"SELECT * FROM {view}")  # noqa: S608 - one of ours
        return [column for column, *_ in rows.description], rows.fetchall()


async def keep(client: GameNight, archive: Archive) -> None:
    """Archive missed events, then new ones. Ends only by raising."""
    while True:
        try:
            await catch_up(client, archive)
            break
        except OSError as problem:
            logger.warning("the service can't be reached: %s; again in %g s", problem, AGAIN_SECONDS)
            await asyncio.sleep(AGAIN_SECONDS)
    async with client:
        async for event in client.events():
            archive.add(event.type, event.timestamp, event.data)


async def catch_up(client: GameNight, archive: Archive) -> None:
    """Archive all events until now, by polling: a connection can't follow all nights at once.

    Raises OSError if the service can't be reached; events that were archived before stay.
    """
    cursors = dict(archive.load())
    while True:
        page = await _page(client, "/api/sessions", cursors[SESSIONS])
        if page is None:
            logger.warning("the service is new, or its events have expired: reading everything that it has")
            archive.add("gap", _now(), {"session": None})
            cursors = {SESSIONS: ""}
            continue
        for session in page["sessions"]:
            # Polling returns a row, not the event.
            start = {name: session[name] for name in ("id", "created_at", "notes")}
            archive.add("session.started", start["created_at"], {"session": {"is_active": 1, **start}})
            cursors[f"session:{session['id']}"] = ""
        cursors[SESSIONS] = page["cursor"]
        archive.save(cursors)
        for stream in [stream for stream in cursors if stream != SESSIONS]:
            await _catch_up_night(client, archive, cursors, stream)
        if not page["sessions"]:
            return


async def _catch_up_night(client: GameNight, archive: Archive, cursors: dict[str, str], stream: str) -> None:
    path = f"/api/sessions/{stream.removeprefix('session:')}"
    more, ended = True, False
    while more and not ended:
        try:
            page = await _page(client, f"{path}/events", cursors[stream]) or await _snapshot(client, path)
        except Refused as refused:
            if refused.code != "session_not_found":
                raise
            page = {"events": [], "cursor": "", "more": False}
            ended = True
        for event in page["events"]:
            if event["type"] != "session.started":  # the stream of starts has it
                archive.add(event["type"], event["timestamp"], event["data"])
            ended = ended or not event["data"]["session"].get("is_active", True)
        more, cursors[stream] = page["more"], page["cursor"]
        if ended:
            del cursors[stream]
        archive.save(cursors)


async def _page(client: GameNight, path: str, since: str) -> Any:
    """Return a page of a stream; None if the service can't resume from ``since``."""
    try:
        page = await client.request("GET", f"{path}?since={quote(since, safe='')}&limit=100")
    except Refused as refused:
        if refused.code != "invalid_cursor":
            raise
        return None
    return page if page["recovered"] else None


async def _snapshot(client: GameNight, path: str) -> Any:
    """Return a page with a snapshot, for a night whose events have expired."""
    end = await client.request("GET", f"{path}/events?since=now")
    session = await client.request("GET", path)
    snapshot = {"type": "snapshot", "timestamp": _now(), "data": {"session": session}}
    return {"events": [snapshot], "cursor": end["cursor"], "more": False}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def table(columns: Iterable[str], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    """Yield the lines of a table, with numbers aligned to the right."""
    cells = [list(columns)]
    cells += [[on_one_line("" if value is None else str(value)) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numbers = [all(isinstance(row[nth], int) for row in rows) for nth in range(len(widths))]
    for row in cells:
        yield "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, numbers, strict=True)
        ).rstrip()


def print_tables(archive: Archive, views: list[str]) -> None:
    """Print the first rows of reports."""
    for view in views:
        columns, rows = archive.report(view)
        print(f"{REPORTS[view]}\n")
        for line in table(columns, rows[:ROWS]) if rows else ["Nothing yet."]:
            print(f"  {line}")
        print(f"  ... and {len(rows) - ROWS} more: --json has all of them\n" if len(rows) > ROWS else "")


def print_json(archive: Archive, views: list[str]) -> None:
    """Print reports as one JSON object, with a list of all rows for each."""
    found = {}
    for view in views:
        columns, rows = archive.report(view)
        found[view] = [dict(zip(columns, row, strict=True)) for row in rows]
    print(json.dumps(found, ensure_ascii=False, indent=1))


def _parser() -> OneLineParser:
    parser = OneLineParser(description="Keep every event of every night, and report on them.")
    commands = parser.add_subparsers(dest="command", required=True)
    keeping = commands.add_parser("keep", help="archive all nights, until you stop it")
    keeping.add_argument("url", help="the service's address without /api, e.g. http://localhost:5000")
    keeping.add_argument("--token-command", help="a command that prints a token, instead of $GAMENIGHT_TOKEN")
    keeping.add_argument("--once", action="store_true", help="archive all events until now, and end")
    reporting = commands.add_parser("report", help="print nights a week, games by score and who votes")
    reporting.add_argument("views", nargs="*", metavar="VIEW", help=f"one or more of: {', '.join(REPORTS)}")
    reporting.add_argument("--json", action="store_true", help="print all rows as JSON")
    for command in (keeping, reporting):
        command.add_argument(
            "--database", type=Path, default="nights.db", help="the archive's file (nights.db)"
        )
    return parser


def main() -> None:
    """Read the command line and run."""
    parser = _parser()
    options = parser.parse_args()
    unknown = [view for view in getattr(options, "views", []) if view not in REPORTS]
    if unknown:
        parser.error(f"there is no report {unknown[0]}; there are {', '.join(REPORTS)}")
    try:
        archive = Archive(options.database, new=options.command == "keep")
        if options.command == "report":
            (print_json if options.json else print_tables)(archive, options.views or list(REPORTS))
            return
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
        client = GameNight(options.url, token_of(options.token_command), cursors=archive)
        asyncio.run(catch_up(client, archive) if options.once else keep(client, archive))
    except (NoArchive, NoCursors, WrongAddress) as problem:
        parser.error(str(problem))
    except GameNightError as problem:
        raise SystemExit(str(problem)) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # which is flushed at the end
        raise SystemExit(1) from None
    except OSError as problem:
        raise SystemExit(f"{options.url} can't be reached: {problem}") from None
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
