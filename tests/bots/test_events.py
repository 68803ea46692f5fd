"""What a bot hears of what a service says: all that there is, once and in order, whatever comes between."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from gamenight import MemoryCursors

from tests.bots.bot import AT_SEVEN, FakeTime, bot_on
from tests.bots.server import (
    NEWEST,
    Connection,
    Script,
    Step,
    added,
    auth,
    authenticated,
    began,
    ended,
    error,
    gets,
    hang_up,
    night,
    nights,
    refuses,
    started,
    subscribed,
)

IN_A_NIGHT = {"sessions": "S:7", "session:7": "a:2"}
STARTED_8 = ["session.started 8"]
LOST_7 = ["gap 7", "snapshot 7"]
NEWS: Script = [auth("S:8"), started(8)]
INTERNAL_ERROR = {"message": "Internal server error", "connectionId": "x", "requestId": "y"}
RECONNECT = {"type": "reconnect", "reason": "max_connection_age", "afterMs": 20_000}


@dataclass(frozen=True)
class Case:
    """A script for each connection, what the bot hears then, what it has asked, and what it keeps.

    Of what it hears, ``before`` events come before any time passes; then ``delays`` do, one after the other.
    """

    scripts: list[Script]
    heard: list[str]
    cursors: dict[str, str] | None = field(default_factory=lambda: {**AT_SEVEN})
    pages: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    keeps: dict[str, str] | None = None
    connections: int = 1
    before: int = 0
    delays: tuple[float, ...] = ()
    chance: float = 0.0


def breaks_off_with(half: bytes) -> Step:
    async def step(connection: Connection) -> None:
        connection.socket.transport.write(half)
        connection.socket.transport.close()

    return step


CASES = {
    "a new bot is told of the active nights": Case(
        [[auth("S:7"), subscribed("a:3"), started(8), subscribed("b:1")]],
        ["snapshot 7", *STARTED_8],
        cursors=None,
        pages={
            NEWEST: nights(night(7), night(6, active=False), cursor="S:7"),
            "/api/sessions/7": night(7),
        },
        asked=["auth now", "subscribe 7 now", "subscribe 8 "],
    ),
    "what starts while a new bot looks around is heard": Case(
        [[auth("S:7"), started(8), subscribed("b:2"), began(8, "b:1"), added(1, "b:2", 8)]],
        [*STARTED_8, "game.added 1"],
        cursors=None,
        pages={NEWEST: nights(night(8), cursor="S:8")},
        asked=["auth now", "subscribe 8 "],
    ),
    "what was missed is asked for by stored positions": Case(
        [[auth("S:8"), started(8), subscribed("a:4"), added(2, "a:3"), added(3, "a:4")]],
        [*STARTED_8, "game.added 2", "game.added 3"],
        cursors=IN_A_NIGHT,
        asked=["auth S:7", "subscribe 7 a:2"],
    ),
    "what comes twice is heard once": Case(
        [[auth("S:9"), *map(started, (7, 8, 8, 9, 7, 9, 10))]],
        [*STARTED_8, "session.started 9", "session.started 10"],
    ),
    "a start is heard once though two streams have it": Case(
        [[auth("S:6"), started(7), subscribed("a:2"), began(7, "a:1"), added(1, "a:2")]],
        ["session.started 7", "game.added 1"],
        cursors={"sessions": "S:6"},
    ),
    "what comes before its answer comes again after it": Case(
        [[gets("auth"), started(9), authenticated("S:7", "S:9"), started(8), started(9)]],
        [*STARTED_8, "session.started 9"],
    ),
    "a night that has ended is left and forgotten": Case(
        [[auth(), subscribed(), ended("a:3"), gets("unsubscribe"), ended("a:3"), started(8)]],
        ["session.ended 7", *STARTED_8],
        cursors=IN_A_NIGHT,
        asked=["auth S:7", "subscribe 7 a:2", "unsubscribe 7"],
        keeps=AT_SEVEN,
    ),
    "the oldest of more than fifty nights is given up": Case(
        [
            [
                *[auth(), *[subscribed()] * 50, started(60), gets("unsubscribe"), subscribed("n:2")],
                *[began(60, "n:1"), added(1, "n:2", 60)],
            ]
        ],
        ["session.started 60", "gap 10", "game.added 1"],
        cursors={"sessions": "S:59", **{f"session:{number}": "n:3" for number in range(9, 60)}},
        asked=[
            "auth S:59",
            *(f"subscribe {number} n:3" for number in range(10, 60)),
            *["unsubscribe 10", "subscribe 60 "],
        ],
        keeps={"sessions": "S:60", "session:60": "n:1"} | {f"session:{n}": "n:3" for n in range(11, 60)},
    ),
    "who follows fifty nights looks for no more": Case(
        [[auth("S:70", recovered=False), subscribed("n:1"), *[subscribed()] * 49]],
        ["gap -", "snapshot 70"],
        cursors={"sessions": "R:60", **{f"session:{number}": "n:1" for number in range(1, 50)}},
        pages={NEWEST: nights(night(70), night(69), cursor="S:70"), "/api/sessions/70": night(70)},
        asked=["auth R:60", "subscribe 70 now", *(f"subscribe {number} n:1" for number in range(1, 50))],
    ),
    "lost starts are a gap and the active nights": Case(
        [[auth("T:1", recovered=False), subscribed("c:1", recovered=False), started(2, "T:2")]],
        ["gap -", "snapshot 1", "session.started 2"],
        pages={NEWEST: nights(night(1), cursor="T:1"), "/api/sessions/1": night(1)},
    ),
    "lost events are a gap and a snapshot": Case(
        [[auth(), subscribed("a:90", recovered=False), added(5, "a:91")]],
        [*LOST_7, "game.added 5"],
        cursors=IN_A_NIGHT,
        pages={"/api/sessions/7": night(7)},
    ),
    "a state that can't be read is read later": Case(
        [[auth(), subscribed("a:90", recovered=False)]],
        LOST_7,
        cursors=IN_A_NIGHT,
        pages={"/api/sessions/7": [503, 503, 503, 503, night(7)]},
        connections=2,
    ),
    "a night that is not known any more is forgotten": Case(
        [[auth(), refuses("subscribe", "session_not_found"), started(8)]],
        ["gap 7", *STARTED_8],
        cursors=IN_A_NIGHT,
        keeps=AT_SEVEN,
    ),
    "a position that is no cursor is given up": Case(
        [[auth(), refuses("subscribe", "invalid_cursor"), subscribed("a:3", recovered=False)]],
        LOST_7,
        cursors={"sessions": "S:7", "session:7": "weird:999"},
        pages={"/api/sessions/7": night(7)},
    ),
    **{
        f"{what} costs a connection and no event": Case(
            [[auth("S:7"), breaks_off_with(half)], [auth("S:8"), started(8)]], STARTED_8, connections=2
        )
        for what, half in {
            "the head of a frame": b"\x81\x7e\x01",
            "a frame without its end": b'\x81\x7e\x01\x00{"type":"session.st',
            "a message without its last part": b"\x01\x02{}",
            "no frame at all": b"\xff\xff\xff\xff",
            "a text that is no text": b"\x81\x02\xc3\x28",
        }.items()
    },
    "garbage is passed over": Case(
        [
            [
                *[auth("S:7"), "", "{", "[]", "null", '"type"', "[" * 500, b"\x00\xff", "{}", {"type": None}],
                INTERNAL_ERROR,
                *[started(9) | wrong for wrong in ({"cursor": None}, {"sequence": "9"}, {"stream": 7})],
                *[started(9) | {"stream": "what is this"}, {"type": "subscribed"}],
                {"type": "subscribed", "sessionId": 99, "stream": "session:99"},
                *[authenticated("S:99") | {"last": None}, authenticated("S:99")],
                *[{"type": "unheard of", "afterMs": "soon"}, started(8)],
            ]
        ],
        STARTED_8,
    ),
    "an event that nobody could use is passed over": Case(
        [
            [
                auth("S:7"),
                started(8) | {"data": {"session": {"id": "8"}}},
                started(9) | {"data": []},
                started(10),
            ]
        ],
        ["session.started 10"],
    ),
    "an event of a new type is heard as it is": Case(
        [[auth(), subscribed(), added(1, "a:3") | {"type": "game.paused"}]],
        ["game.paused 1"],
        cursors=IN_A_NIGHT,
    ),
    "a connection that outlived its token is replaced": Case(
        [[auth(), error("token_expired")], NEWS], STARTED_8, connections=2
    ),
    "a silent service is pinged and then left": Case(
        [[auth(), gets("ping")], NEWS],
        STARTED_8,
        asked=["auth S:7", "ping", "auth S:7"],
        connections=2,
        delays=(25, 20),
    ),
    "a service that answers pings is stayed with": Case(
        [[auth(), *[gets("ping"), {"type": "pong"}] * 3, started(8)]], STARTED_8, delays=(25, 25, 25)
    ),
    "an answer that does not come costs the connection": Case(
        [[gets("auth"), INTERNAL_ERROR], NEWS], STARTED_8, connections=2, delays=(30,)
    ),
    "a replay that stops costs the connection": Case(
        [[auth("S:9"), started(8), subscribed("a:0")], [auth("S:9"), started(8), started(9)]],
        [*STARTED_8, "session.started 9"],
        connections=2,
        before=1,
        delays=(30,),
    ),
    "an error that may pass is asked again later": Case(
        [[refuses("auth", "unavailable", retryable=True), *NEWS]], STARTED_8, delays=(1,)
    ),
    "a new connection is opened where the service asks": Case(
        [[auth(), RECONNECT, started(8), subscribed("a:0")], [auth("S:9"), started(9)]],
        [*STARTED_8, "session.started 9"],
        asked=["auth S:7", "subscribe 8 ", "auth S:8"],
        connections=2,
        before=1,
        delays=(20,),
    ),
    "delays begin anew after a connection that brought something": Case(
        [[auth(f"S:{number}"), started(number), gets("subscribe"), hang_up] for number in (8, 9, 10)],
        [*STARTED_8, "session.started 9", "session.started 10"],
        connections=3,
        delays=(0.5, 0.5),
        chance=0.5,
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_bot_hears_all_once_and_in_order(name: str) -> None:
    case = CASES[name]

    time = FakeTime(case.chance)
    async with bot_on(*case.scripts, cursors=case.cursors, pages=case.pages, time=time) as bot:
        heard = await bot.hears(case.before)
        hearing = bot.hears_meanwhile(len(case.heard) - case.before)
        await bot.time.passes(*case.delays)
        assert heard + await hearing == case.heard
        assert await bot.server.asked(len(case.asked)) == case.asked
        assert case.keeps in (None, bot.store and bot.store.cursors)
        assert bot.server.connections == case.connections


@pytest.mark.parametrize("frames", range(7))
async def test_a_connection_that_is_cut_anywhere_costs_no_event(frames: int) -> None:
    async def replay(connection: Connection, most: int) -> None:
        """Send what follows a client's places, and hang up after so many frames."""
        asked = (await connection.gets("auth"))["since"]
        said = [authenticated(asked, "S:9")]
        said += [start for start in (started(8), started(9)) if start["cursor"] > asked]
        for frame in said[:most]:
            await connection.sends(frame)
        if most < len(said):
            await hang_up(connection)
            return
        await subscribed("a:3")(connection)  # type: ignore[operator] # a step that is a function
        at, left = connection.frame["since"], most - len(said)
        night = [began(8, "a:1"), added(1, "a:2", 8), added(2, "a:3", 8)]
        for frame in [event for event in night if event["cursor"] > at][:left]:
            await connection.sends(frame)
        if left < len(night):
            await hang_up(connection)

    async with bot_on([partial(replay, most=frames)], [partial(replay, most=99)]) as bot:
        heard = await bot.hears(4)

    assert sorted(heard) == ["game.added 1", "game.added 2", "session.started 8", "session.started 9"]
    assert heard.index("session.started 8") < heard.index("game.added 1") < heard.index("game.added 2")


async def test_a_position_is_kept_once_its_event_is_dealt_with() -> None:
    script: Script = [auth("S:9"), started(8), started(9)]
    cursors = MemoryCursors({**AT_SEVEN})

    async with bot_on(script, cursors=cursors) as bot:
        first = await bot.hears()
        kept = [dict(cursors.cursors)]
        second = await bot.hears()
        kept.append(dict(cursors.cursors))
    async with bot_on(script, cursors=cursors) as bot:
        again = await bot.hears()

    assert kept == [AT_SEVEN, {"sessions": "S:8", "session:8": ""}]
    assert [first, second, again] == [STARTED_8, ["session.started 9"], ["session.started 9"]]


async def test_two_bots_can_not_listen_with_one_game_night() -> None:
    async with bot_on([auth("S:8"), started(8)]) as bot:
        await bot.hears()

        with pytest.raises(RuntimeError, match="listening already"):
            await anext(bot.night.events())
