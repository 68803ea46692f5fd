"""The archive: every event of every night exactly once, and what organisers ask of it."""

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from archive import Archive, NoArchive

from tests.bots.programs import python, running
from tests.bots.server import added, undone
from tests.clients import Host, Target

KILLS = 4


def rows(database: Path, statement: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(database) as db:
        return db.execute(statement).fetchall()


def archive_command(target: Target, database: Path, *options: str) -> list[str | Path]:
    return python("archive.py", "keep", target.rest_url, "--database", str(database), *options)


def report(database: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = python("archive.py", "report", "--database", str(database), *options)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


async def play(host: Host, notes: str, votes: list[tuple[str, str, str]]) -> int:
    """Hold a night; each vote is a title, a name and ``up`` or ``down``. Returns its id."""
    session: int = (await host.start(notes))["id"]
    games: dict[str, int] = {}
    for title, username, kind in votes:
        if title not in games:
            games[title] = (await host.add_game(session, title))["id"]
        await host.vote(session, username, kind, game_id=games[title])
    await host.close(session)
    return session


def voted(game: int, name: str) -> dict[str, Any]:
    """Return what a vote's event says."""
    vote, totals = {"username": name, "type": "up"}, {"upvotes": 1, "downvotes": 0, "score": 1}
    return {**undone("vote.withdrawn", game, "a:1", 7)["data"], "vote": vote, "totals": totals}


@pytest.fixture
def token(target: Target, monkeypatch: pytest.MonkeyPatch) -> str:
    token = target.token("bot")
    monkeypatch.setenv("GAMENIGHT_TOKEN", token)
    return token


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "nights.db")


async def test_every_event_is_archived_exactly_once(
    target: Target, host: Host, token: str, tmp_path: Path
) -> None:
    database = tmp_path / "nights.db"
    before = await play(host, "before", [("Quiplash", "ana", "up")])
    nights = [before]
    for kill in range(KILLS):
        async with running(archive_command(target, database), {"GAMENIGHT_TOKEN": token}, tmp_path) as bot:
            await bot.prints("authenticated as")
            nights.append(await play(host, f"night {kill}", [("Fibbage", "ben", "down")]))

    await run_once(target, database, tmp_path, token)

    found = Counter(rows(database, "SELECT session_id, type FROM events"))
    kinds = ("session.started", "game.added", "vote.received", "session.ended")
    assert {key: found[key] for night in nights for kind in kinds for key in [(night, kind)]} == {
        (night, kind): 1 for night in nights for kind in kinds
    }
    assert not [kind for _, kind in found if kind in ("gap", "snapshot")]


async def run_once(target: Target, database: Path, folder: Path, token: str) -> str:
    command = archive_command(target, database, "--once")
    async with running(command, {"GAMENIGHT_TOKEN": token}, folder) as bot:
        status, printed = await bot.ends()
    assert status == 0, printed
    return printed


async def test_it_answers_what_organisers_ask(target: Target, host: Host, token: str, tmp_path: Path) -> None:
    database = tmp_path / "nights.db"
    titles = [f"{name} {os.getpid()}" for name in ("Quiplash", "Fibbage")]
    votes = [
        (titles[0], "archived ana", "down"),
        (titles[0], "archived ana", "up"),
        (titles[0], "archived ben", "up"),
        (titles[1], "archived ben", "down"),
    ]
    await play(host, "one", votes)
    await play(host, "two", votes[:2])
    await run_once(target, database, tmp_path, token)

    found = json.loads(report(database, "--json").stdout)

    scores = {row["title"]: row for row in found["games_by_score"]}
    assert scores[titles[0]] == {"title": titles[0], "nights": 2, "upvotes": 3, "downvotes": 0, "score": 3}
    assert scores[titles[1]] == {"title": titles[1], "nights": 1, "upvotes": 0, "downvotes": 1, "score": -1}
    voters = {row["username"]: row for row in found["voters"]}
    ana = {"username": "archived ana", "votes": 2, "upvotes": 2, "downvotes": 0, "nights": 2}
    assert voters["archived ana"] == ana
    assert sum(week["nights"] for week in found["nights_by_week"]) == len(await all_nights(host))
    printed = report(database, "voters").stdout
    assert printed.startswith("Who votes\n\n  username ")


async def all_nights(host: Host) -> list[Any]:
    page = await host.read("/api/sessions?limit=100")
    assert len(page["sessions"]) < 100
    return list(page["sessions"])


async def test_a_place_of_another_service_is_a_gap_and_everything_is_read(
    target: Target, host: Host, token: str, tmp_path: Path
) -> None:
    night = await play(host, "known anew", [("Quiplash", "ana", "up")])
    database = tmp_path / "nights.db"
    Archive(database).save({"sessions": "ffffffff:3", "session:3": "ffffffff:2"})

    await run_once(target, database, tmp_path, token)

    found = rows(database, "SELECT type, session_id FROM events ORDER BY id")
    assert found[0] == ("gap", None)
    assert [kind for kind, session in found if session == night] == [
        "session.started",
        "game.added",
        "vote.received",
        "session.ended",
    ]


def test_an_event_without_its_cursor_is_not_kept(archive: Archive, tmp_path: Path) -> None:
    archive.add("session.started", "2025-11-01T20:00:00.123Z", {"session": {"id": 1}})
    archive.save({"sessions": "e:1"})
    archive.add("session.started", "2025-11-01T21:00:00.123Z", {"session": {"id": 2}})

    cursors = archive.load()

    assert cursors == {"sessions": "e:1"}
    assert rows(tmp_path / "nights.db", "SELECT session_id FROM events") == [(1,)]


def test_a_second_program_on_one_archive_is_refused(archive: Archive, tmp_path: Path) -> None:
    second = Archive(tmp_path / "nights.db")
    second.save({"sessions": "e:1"})

    with pytest.raises(NoArchive, match="Another program writes to"):
        archive.save({"sessions": "e:1"})


def test_the_games_of_a_snapshot_are_counted(archive: Archive) -> None:
    game = {"id": 1, "title": "Quiplash", "totals": {"upvotes": 3, "downvotes": 1, "score": 2}}
    session = {"id": 7, "created_at": "2025-11-01T20:00:00.123Z", "games_played": 1, "games": [game]}
    archive.add("snapshot", "2026-11-01T20:00:00.123Z", {"session": session})
    archive.save({})

    _, scores = archive.report("games_by_score")
    _, weeks = archive.report("nights_by_week")

    assert scores == [("Quiplash", 1, 3, 1, 2)]
    assert weeks == [("2025-10-27", 1, 1)]


def test_what_was_undone_is_in_no_view(archive: Archive, tmp_path: Path) -> None:
    database = tmp_path / "nights.db"
    for game in (1, 2, 3):
        archive.add("game.added", "", added(game, "a:1")["data"])
        for name in ("Ana", "ana", "ben"):
            archive.add("vote.received", "", voted(game, name))
    for kind, game, played in (("vote.withdrawn", 1, 3), ("game.removed", 2, 2)):
        data = undone(kind, game, "a:2", 7)["data"]
        data["session"]["games_played"] = played
        archive.add(kind, "", data | {"vote": {"username": "ana"}})
    archive.save({})

    assert rows(database, "SELECT game_id FROM games ORDER BY 1") == [(1,), (3,)]
    voters = rows(database, "SELECT game_id, lower(username) FROM votes ORDER BY 1, 2")
    assert voters == [(1, "ben"), (3, "ana"), (3, "ben")]
    assert rows(database, "SELECT games_played FROM nights") == [(2,)]


def test_a_game_that_was_removed_in_a_gap_is_in_no_view(archive: Archive, tmp_path: Path) -> None:
    game = {"id": 2, "title": "Game 2", "totals": {"upvotes": 1, "downvotes": 0, "score": 1}}
    for one in (1, 2):
        archive.add("game.added", "", added(one, "a:1")["data"])
        archive.add("vote.received", "", voted(one, "ana"))
    archive.add("snapshot", "", {"session": {"id": 7, "games_played": 1, "games": [game]}})
    archive.save({})

    database = tmp_path / "nights.db"
    assert rows(database, "SELECT game_id FROM games") == [(2,)]
    assert rows(database, "SELECT game_id FROM votes") == [(2,)]
    assert rows(database, "SELECT games_played FROM nights") == [(1,)]


def test_an_archive_of_an_earlier_version_gets_the_views_of_this_one(tmp_path: Path) -> None:
    path = tmp_path / "nights.db"
    before = Archive(path)
    before.add("game.added", "", added(1, "a:1")["data"])
    before.save({"sessions": "e:1"})
    with sqlite3.connect(path) as db:
        db.executescript("DROP VIEW games; CREATE VIEW games AS SELECT 1 AS old; PRAGMA user_version = 0")

    archive = Archive(path)

    assert rows(path, "SELECT game_id FROM games") == [(1,)]
    assert archive.load() == {"sessions": "e:1"}


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"no database at all, but a letter", "can't be used"), (None, "another program's database")],
)
def test_another_programs_file_is_left_alone(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "nights.db"
    if content is None:
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE recipes (name)")
    else:
        path.write_bytes(content)
    before = path.read_bytes()

    with pytest.raises(NoArchive, match=why):
        Archive(path)

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "There is no archive"),
        (["scores"], "there is no report scores"),
        (["--database", "no/such/nights.db"], "There is no archive"),
    ],
)
def test_a_report_of_nothing_says_what_to_do(tmp_path: Path, options: list[str], said: str) -> None:
    done = report(tmp_path / "nights.db", *options)

    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(NoArchive, match="can't be used"):
        Archive(tmp_path)


def test_a_reader_that_leaves_early_sees_no_traceback(archive: Archive, tmp_path: Path) -> None:
    archive.add("session.started", "2025-11-01T20:00:00.123Z", {"session": {"id": 1, "notes": "a"}})
    archive.save({})
    command = python("archive.py", "report", "--database", str(tmp_path / "nights.db"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.close()
        complaint = program.stderr.read()

    assert complaint == ""
