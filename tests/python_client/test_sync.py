"""The client without asyncio, in a program of its own where Ctrl-C matters."""

import asyncio
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from gamenight import NoCursors, Refused, sync

from tests.bots.bot import TOKEN
from tests.bots.http_server import answering
from tests.bots.programs import running
from tests.bots.server import Script, Server, added, auth, began, ended, started, subscribed

NIGHT: Script = [auth(), started(8), subscribed("b:0"), began(8, "b:1"), added(1, "b:2", 8), ended("b:3", 8)]
PROGRAM = """
import sys
from gamenight import sync

with sync.GameNight(sys.argv[1], "a-token", cursors="cursors.json") as night:
    try:
        for event in night.events():
            print(event.type, event.session_id, flush=True)
    except KeyboardInterrupt:
        print("bye", night.state)
"""


@pytest.fixture
def cursors(tmp_path: Path) -> Path:
    path = tmp_path / "cursors.json"
    path.write_text('{"sessions": "S:7"}')
    return path


async def test_a_night_is_heard_without_asyncio(cursors: Path) -> None:
    def hear(url: str) -> list[str]:
        with sync.GameNight(url, TOKEN, cursors=cursors) as night:
            heard: list[str] = []
            for event in night.events():
                heard.append(event.type)
                if event.type == "session.ended":
                    break
            again = next(night.events())  # the last one was not dealt with
        return [*heard, again.type, night.state]

    async with Server([NIGHT, [auth(), subscribed("b:3"), ended("b:3", 8)]]).serving() as server:
        heard = await asyncio.to_thread(hear, server.url)

    assert heard == ["session.started", "game.added", "session.ended", "session.ended", "closed"]


async def test_close_ends_the_events_wherever_it_is_called(cursors: Path) -> None:
    def hear(night: sync.GameNight) -> list[str]:
        return [event.type for event in night.events()]

    def leave(night: sync.GameNight) -> list[str]:
        heard: list[str] = []
        for event in night.events():
            heard.append(event.type)
            night.close()
        return heard

    own = cursors.with_name("own.json")
    shutil.copy(cursors, own)
    async with Server([[auth(), started(8)]]).serving() as server:
        elsewhere = sync.GameNight(server.url, TOKEN, cursors=cursors)
        hearing = asyncio.create_task(asyncio.to_thread(hear, elsewhere))
        await server.asked(1)
        await asyncio.to_thread(elsewhere.close)
        within = await asyncio.to_thread(leave, sync.GameNight(server.url, TOKEN, cursors=own))

    assert await hearing in ([], ["session.started"])
    assert within == ["session.started"]


async def test_requests_wait_for_their_answers() -> None:
    no_game = (409, {"code": "no_game", "detail": "Session 7 has no game yet."})

    def ask(url: str) -> Any:
        with sync.GameNight(url, TOKEN) as night:
            started = night.start_night("Friday")
            with pytest.raises(Refused, match="no_game"):
                night.vote(7, "alice", "up", game_id=1)
            return started

    async with answering((201, {"id": 7}), no_game) as server:
        assert await asyncio.to_thread(ask, server.url) == {"id": 7}

    assert server.requests[0].body == {"notes": "Friday"}


def test_what_only_a_person_can_mend_is_raised(tmp_path: Path) -> None:
    with (
        sync.GameNight("http://127.0.0.1:1", TOKEN, cursors=tmp_path / "nowhere" / "cursors.json") as night,
        pytest.raises(NoCursors, match="there is no folder"),
    ):
        next(night.events())


@pytest.mark.usefixtures("cursors")
async def test_ctrl_c_ends_a_program_cleanly(tmp_path: Path) -> None:
    async with (
        Server([[auth(), started(8)]]).serving() as server,
        running([sys.executable, "-W", "error", "-c", PROGRAM, server.url], {}, tmp_path) as program,
    ):
        await program.prints("session.started 8")
        program.process.send_signal(signal.SIGINT)
        status, printed = await program.ends()

    assert (status, printed) == (0, "bye closed\n")
