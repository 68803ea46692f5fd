"""``gamenight`` as people type it: against a running gateway, and where there is none."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest

from tests.bots.programs import Program, running
from tests.clients import Host
from tests.gateway import ROOT, Gateway, gateway_engine, running_gateway

GAMENIGHT = [sys.executable, "-m", "infra.cli"]
SECONDS = 90
ESCAPE = "\x1b["

Ran = subprocess.CompletedProcess[str]


def gamenight(*arguments: str, environment: dict[str, str] | None = None) -> Ran:
    return subprocess.run(
        [*GAMENIGHT, *arguments],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def done(gateway: Gateway, *arguments: str) -> str:
    ran = gamenight(*arguments, "--state-dir", gateway.token_command[-1])
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return ran.stdout


def told(gateway: Gateway, *arguments: str) -> Any:
    return json.loads(done(gateway, *arguments, "--json"))


def told_each(gateway: Gateway, *arguments: str) -> list[Any]:
    """Lines end with a line feed and nothing else: notes may have any other line end of Unicode in them."""
    return [json.loads(line) for line in done(gateway, *arguments, "--json").split("\n") if line]


async def next_event(listener: Program, kind: str) -> Any:
    return json.loads(await listener.prints(f'{{"type":"{kind}"'))


async def test_a_night_is_hosted_and_heard_in_json(gateway: Gateway) -> None:
    listen = [*GAMENIGHT, "listen", "--json", "--state-dir", gateway.token_command[-1]]
    async with running(listen, {}, ROOT) as listener:
        await listener.prints("authenticated as")
        started = told(gateway, "night", "start", "Friday 🎲")
        number = str(started["id"])
        game = told(gateway, "game", "add", "Quiplash 3", "--night", number, "--min-players", "3")
        vote = told(gateway, "vote", "alice", "up", "--night", number, "--game", "1")
        closed = told(gateway, "night", "end", number)

        heard = [
            await next_event(listener, kind)
            for kind in ("session.started", "game.added", "vote.received", "session.ended")
        ]

    assert (started["notes"], started["is_active"]) == ("Friday 🎲", 1)
    assert (game["id"], game["min_players"], game["pack_name"]) == (1, 3, None)
    assert vote["totals"] == {"upvotes": 1, "downvotes": 0, "score": 1}
    assert (closed["is_active"], closed["games_played"]) == (0, 1)
    assert all(event.keys() == {"type", "timestamp", "data"} for event in heard)
    assert heard[0]["data"]["session"] == started
    assert {event["data"]["session"]["id"] for event in heard} == {started["id"]}


async def test_a_night_is_hosted_and_heard_in_words(gateway: Gateway) -> None:
    async with running(
        [*GAMENIGHT, "listen", "--state-dir", gateway.token_command[-1]], {}, ROOT
    ) as listener:
        await listener.prints("authenticated as")
        assert "has started: Game Night" in done(gateway, "night", "start", "Game Night")
        assert "game 1 of night" in done(gateway, "game", "add", "Tee K.O.")
        assert "stands at -1 (0 up, 1 down)" in done(gateway, "vote", "bob", "down")
        done(gateway, "vote", "Zoë & co", "up")
        withdrawn = done(gateway, "vote", "zoë & co", "withdraw")
        assert "Without the vote of zoë & co, Tee K.O. stands at -1 (0 up, 1 down)" in withdrawn
        done(gateway, "game", "add", "Tea K.O.")
        assert "Tea K.O. is removed" in done(gateway, "game", "remove", "2")
        assert "1. Tee K.O.: -1 (0 up, 1 down)" in done(gateway, "night", "end")

        await listener.prints("🎮 Game Night has started: Game Night")
        await listener.prints("🎲 New game: Tee K.O.")
        await listener.prints("bob votes down: Tee K.O. stands at -1")
        last = await listener.prints("🌙 The night is over: 1 game")

    assert ESCAPE not in last


async def test_a_listener_that_is_started_again_goes_on_from_its_position(
    gateway: Gateway, tmp_path: Path
) -> None:
    listen = [*GAMENIGHT, "listen", "--json", "--state-dir", gateway.token_command[-1]]
    listen += ["--cursors", str(tmp_path / "cursors.json")]
    async with running(listen, {}, ROOT) as listener:
        await listener.prints("authenticated as")
        before = told(gateway, "night", "start")
        assert (await next_event(listener, "session.started"))["data"]["session"] == before
        after = told(gateway, "night", "start")
        assert (await next_event(listener, "session.started"))["data"]["session"] == after
    missed = told(gateway, "night", "start", "while nobody listened")

    async with running(listen, {}, ROOT) as listener:
        while (event := await next_event(listener, "session.started"))["data"]["session"] != missed:
            # Killed over it, the listener may tell of the last one again.
            assert event["data"]["session"] == after

    for session in (before, after, missed):
        told(gateway, "night", "end", str(session["id"]))


def test_guests_and_hosts_are_invited_and_let_in_no_more(gateway: Gateway) -> None:
    number = told(gateway, "night", "start")["id"]
    shown = done(gateway, "invite", str(number))
    made = told(gateway, "invite", "--ttl", "600")
    link = told(gateway, "invite", "--host")

    httpx.post(
        f"{gateway.rest_url}/api/join", json={"code": made["code"], "name": "Zoë & co"}
    ).raise_for_status()
    host = httpx.post(f"{gateway.rest_url}/api/join", json={"code": link["code"], "name": "bob"}).json()

    assert shown.startswith("Code  ")
    code, said = shown.split()[1], shown.partition("\n")[0]
    assert f"for guests of night #{number}, until 2" in said
    assert f"/#/join/{code}" in shown
    assert "█" in shown
    assert (host["role"], host["sub"]) == ("admin", "bob")
    assert "zoë & co is out" in done(gateway, "revoke", "--guest", "zoë & co", "--night", str(number))
    assert told(gateway, "revoke", "bob") == {"revoked": "bob"}
    refused = httpx.get(
        f"{gateway.rest_url}/api/sessions", headers={"Authorization": f"Bearer {host['token']}"}
    )
    assert refused.json()["code"] == "token_revoked"
    here = ("--state-dir", gateway.token_command[-1])
    unknown = gamenight("revoke", "--guest", "Eve", *here)
    assert (unknown.returncode, "no guest called Eve" in unknown.stderr) == (1, True)
    assert gamenight("invite", "--host", "17", *here).returncode == 2
    assert gamenight("revoke", " ", *here).returncode == 2
    assert gamenight("revoke", "bob", "--night", "17", *here).returncode == 2


def test_sessions_are_listed_the_newest_last(gateway: Gateway) -> None:
    first, second = told(gateway, "night", "start"), told(gateway, "night", "start", "the second")
    done(gateway, "night", "end", str(first["id"]))

    listed = told_each(gateway, "night", "list", "--last", "2")
    active = done(gateway, "night", "list", "--last", "2", "--active").splitlines()

    assert [session["id"] for session in listed] == [first["id"], second["id"]]
    assert [session["is_active"] for session in listed] == [0, 1]
    assert len(active) == 1
    assert active[0].startswith(f"#{second['id']}")
    assert active[0].endswith("the second")
    done(gateway, "night", "end", str(second["id"]))


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_for_terminals_and_not_where_they_are_not_wanted(
    gateway: Gateway, environment: dict[str, str], *, coloured: bool
) -> None:
    ours, theirs = pty.openpty()
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    command = [*GAMENIGHT, "night", "list", "--last", "1", "--state-dir", gateway.token_command[-1]]
    done(gateway, "night", "start")
    with os.fdopen(ours, "rb", buffering=0) as shown, os.fdopen(theirs, "wb") as terminal:
        subprocess.run(command, cwd=ROOT, env={**inherited, **environment}, stdout=terminal, check=True)
        row = shown.read(10_000).decode()
    done(gateway, "night", "end")

    assert row.strip()
    assert (ESCAPE in row) == coloured


def test_a_demo_is_played_on_the_gateway_that_runs(gateway: Gateway) -> None:
    events = told_each(gateway, "demo", "--pace", "0")

    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["session.started", "game.added"]
    assert kinds.count("vote.received") == 6
    assert kinds[-1] == "session.ended"


def test_a_demo_whose_pipe_is_closed_ends_its_night(gateway: Gateway) -> None:
    # Slow enough for the night to be on still when it is broken off.
    command = [*GAMENIGHT, "demo", "--pace", "2", "--json", "--state-dir", gateway.token_command[-1]]

    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        started = json.loads(demo.stdout.readline())
        demo.stdout.close()
        said = demo.stderr.read()

    assert demo.returncode == 141
    assert said == ""
    assert started["type"] == "session.started"
    night = f'"id":{started["data"]["session"]["id"]},'
    assert night not in done(gateway, "night", "list", "--active", "--json")


def test_a_demo_brings_a_gateway_where_none_runs_and_takes_it_away_again(tmp_path: Path) -> None:
    with TemporaryDirectory() as temporary:  # whose path is short enough for a socket's
        environment = {"TMPDIR": temporary, "AWS_ENDPOINT_URL_DYNAMODB": ""}
        played = gamenight(
            "demo", "--pace", "0", "--state-dir", str(tmp_path / "none"), environment=environment
        )
        left = list(Path(temporary).iterdir())

    assert played.returncode == 0, played.stderr
    assert "carol │ has caught up: " in played.stdout
    assert "announcer │ has the results of 2 games:" in played.stdout
    assert left == []


async def test_what_the_service_refuses_is_told_with_its_code(gateway: Gateway, host: Host) -> None:
    session = await host.start()
    at = ("--night", str(session["id"]), "--state-dir", gateway.token_command[-1])

    for_people = gamenight("vote", "alice", "up", *at)
    for_machines = gamenight("vote", "alice", "up", *at, "--json")

    assert for_people.returncode == for_machines.returncode == 1
    assert "has no game yet" in for_people.stderr
    assert "(no_game)" in for_people.stderr
    assert for_machines.stdout == ""
    error = json.loads(for_machines.stderr)["error"]
    assert (error["code"], error["status"]) == ("no_game", 409)
    assert "no_game" not in error["detail"]
    await host.close(session["id"])


def test_an_address_takes_the_token_of_the_environment(gateway: Gateway) -> None:
    environment = {"GAMENIGHT_TOKEN": gateway.token("bot")}

    read = gamenight("night", "list", "--url", gateway.rest_url, environment=environment)
    refused = gamenight("night", "start", "--url", gateway.rest_url, environment=environment)

    assert read.returncode == 0, read.stderr
    assert "needs the role admin" in refused.stderr


def test_whoever_ends_the_newest_night_is_told_of_another_that_is_still_on(gateway: Gateway) -> None:
    first, second = (str(told(gateway, "night", "start")["id"]) for _ in range(2))

    said = done(gateway, "night", "end")
    done(gateway, "night", "end", first)

    assert f"Night #{second} is over" in said
    assert said.endswith(f"Night #{first} is still active.\n")


@pytest.fixture(scope="module")
def empty_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway without nights, whose hosts may be revoked: no other test has its tokens."""
    folder = tmp_path_factory.mktemp("empty")
    with gateway_engine(folder) as engine, running_gateway(folder, engine) as running_one:
        yield running_one


def test_a_revocation_says_who_else_has_that_name(empty_gateway: Gateway) -> None:
    assert "All hosts without a name of their own are called host" in done(empty_gateway, "revoke", "host")


def test_where_no_night_is_on_the_command_that_starts_one_is_named(empty_gateway: Gateway) -> None:
    closed = gamenight("night", "end", "--state-dir", empty_gateway.token_command[-1])

    assert closed.returncode == 1
    assert "`gamenight night start` starts one" in closed.stderr


def test_a_night_is_shown_with_its_games_and_scores(gateway: Gateway) -> None:
    number = str(told(gateway, "night", "start", "Friday")["id"])
    done(gateway, "game", "add", "Quiplash 3", "--night", number)
    done(gateway, "game", "add", "Tee K.O.", "--min-players", "3", "--night", number)
    done(gateway, "vote", "alice", "up", "--night", number)

    shown = done(gateway, "night", "show", number).splitlines()
    listed = done(gateway, "game", "list", "--night", number).splitlines()
    games = told_each(gateway, "game", "list", "--night", number)

    assert shown[0].endswith("2 games  Friday")
    assert shown[1:] == ["   1. Tee K.O.: +1 (1 up, 0 down)", "   2. Quiplash 3: 0 (0 up, 0 down)"]
    assert listed == ["  1. Quiplash 3: 0", "  2. Tee K.O. (for 3 and more): +1"]
    assert told(gateway, "night", "show", number)["games"] == games
    done(gateway, "night", "end", number)


def test_a_list_is_imported_once_however_often(gateway: Gateway, tmp_path: Path) -> None:
    (path := tmp_path / "games.csv").write_text("Title;Min players\nQuiplash 3;3\nTee K.O.;\nquiplash 3;3\n")
    number = str(told(gateway, "night", "start")["id"])
    done(gateway, "game", "add", "TEE K.O.", "--night", number)
    command = ("game", "import", str(path), "--night", number)

    planned = told_each(gateway, *command, "--dry-run")
    added = done(gateway, *command).splitlines()
    again = done(gateway, *command).splitlines()

    assert planned == [{"title": "Quiplash 3", "min_players": 3}]
    assert added[0] == "Skipped, because the night has it already: Tee K.O."
    assert added[2:] == ["🎲 1/1 Quiplash 3", f"Night #{number} has 2 games."]
    assert again[3:] == [f"Night #{number} has 2 games."]
    games = [(one["title"], one["min_players"]) for one in told_each(gateway, "game", "list")]
    assert games == [("TEE K.O.", None), ("Quiplash 3", 3)]
    path.write_text("title\n" + "\n".join(f"Game {n}" for n in range(999)))
    too_many = gamenight(*command, "--state-dir", gateway.token_command[-1])
    assert "A night can have 1000 games. With this list it would have 1001." in too_many.stderr
    done(gateway, "night", "end", number)


def test_an_engine_without_a_whole_address_is_told_how_one_is_written(tmp_path: Path) -> None:
    engine = {"AWS_ENDPOINT_URL_DYNAMODB": "localhost:8000"}
    ran = gamenight("serve", "--port", "0", "--state-dir", str(tmp_path), environment=engine)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert "such as http://localhost:8000" in ran.stderr
