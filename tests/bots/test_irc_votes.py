"""How the IRC bot posts what people say as votes, to a service that a test scripts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from gamenight import GameNight
from gamenight.events import read
from irc_bot import MOST_ANSWERS, Bot

from tests.bots.bot import TOKEN, FakeTime
from tests.bots.http_server import Answer, HttpServer, Request, answering
from tests.bots.listening import PATIENCE_SECONDS
from tests.bots.server import added, began, started, undone

COUNTED = (201, {"game": {"title": "Quiplash"}, "totals": {"upvotes": 1, "downvotes": 0, "score": 1}})
STORED = (202, {"game": {"title": "Quiplash"}})
CLOSED = (409, {"code": "session_closed", "detail": "Session 7 has ended."})
NO_GAME = (409, {"code": "no_game", "detail": "Session 7 has no game yet."})
AWAY = (503, {"code": "unavailable", "detail": "No."})


@dataclass
class Channel:
    """Where people say things, and nobody gets an answer: ``told`` has the first one, which never ends."""

    said: asyncio.Queue[tuple[str, str]] = field(default_factory=asyncio.Queue)
    told: asyncio.Queue[tuple[str, str]] = field(default_factory=asyncio.Queue)

    async def tells(self, nickname: str, text: str) -> None:
        self.told.put_nowait((nickname, text))
        await asyncio.Event().wait()


@dataclass
class Voting:
    bot: Bot
    channel: Channel
    service: HttpServer
    time: FakeTime

    def says(self, *nicknames: str, text: str = "thisgame++") -> None:
        for nickname in nicknames:
            self.channel.said.put_nowait((nickname, text))

    async def counts(self, count: int) -> list[tuple[str, str]]:
        """Return who has voted, and what, once so many votes were answered with success."""
        votes = [await self.service.takes() for _ in range(count)]
        return [(vote["username"], vote["type"]) for vote in votes]


@asynccontextmanager
async def voting(*answers: Answer, otherwise: Any = COUNTED) -> AsyncIterator[Voting]:
    channel: Any = Channel()
    time = FakeTime(chance=1.0)
    async with answering(*answers, otherwise=otherwise) as service:
        bot = Bot(GameNight(service.url, TOKEN, surroundings=time), channel)
        remember(bot, began(7, "a:1"))
        taking = asyncio.create_task(bot.take_votes())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                yield Voting(bot, channel, service, time)
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)


def remember(bot: Bot, event: dict[str, Any], kind: str | None = None) -> None:
    happened = read({**event, "type": kind or event["type"]})
    assert happened is not None
    bot._remember(happened)


async def test_one_persons_votes_stay_in_order_and_nobody_waits_for_another() -> None:
    async with voting(AWAY) as votes:
        votes.says("alice")
        await votes.time.waits_for(1.0)
        votes.says("alice", text="thisgame--")
        votes.says("bob")
        first = await votes.counts(1)
        await votes.time.passes(1.0)
        then = await votes.counts(2)

    assert first == [("bob", "up")]
    assert then == [("alice", "up"), ("alice", "down")]
    keys = [request.headers["idempotency-key"] for request in votes.service.requests]
    assert keys == ["id-1", "id-2", "id-1", "id-3"]


async def test_a_vote_that_is_stored_to_be_counted_counts() -> None:
    async with voting(STORED, NO_GAME) as votes:
        votes.says("alice")
        await votes.counts(1)
        votes.says("bob")
        told = await votes.channel.told.get()

    assert told == ("bob", "Your vote does not count: Session 7 has no game yet.")


async def test_votes_count_while_many_wait_to_be_told_that_theirs_do_not() -> None:
    def only_bob(request: Request) -> Answer:
        return COUNTED if request.body["username"] == "bob" else NO_GAME

    async with voting(otherwise=only_bob) as votes:
        votes.says(*(f"p{number}" for number in range(MOST_ANSWERS * 3)))
        votes.says("bob")
        counted = await votes.counts(1)

    assert counted == [("bob", "up")]
    assert votes.channel.told.qsize() == 1


async def test_the_newest_night_is_voted_on_though_an_old_one_has_not_ended() -> None:
    async with voting() as votes:
        remember(votes.bot, started(9))
        remember(votes.bot, started(3), "snapshot")
        votes.says("alice")
        await votes.counts(1)

    assert votes.service.requests[0].start == "POST /api/sessions/9/votes HTTP/1.1"


async def test_a_vote_is_for_the_night_that_has_begun_meanwhile() -> None:
    async with voting(CLOSED, (200, {"id": 8})) as votes:
        votes.says("alice")
        await votes.service.takes()  # which night is on
        await votes.counts(1)

    assert votes.service.requests[-1].start == "POST /api/sessions/8/votes HTTP/1.1"


async def test_a_vote_for_a_game_that_was_just_removed_does_not_count() -> None:
    async with voting() as votes:
        remember(votes.bot, added(2, "a:2"))
        remember(votes.bot, undone("game.removed", 1, "a:3", 7))
        votes.says("alice")
        await votes.counts(1)
        remember(votes.bot, undone("game.removed", 2, "a:4", 7))
        votes.says("bob")
        told = await votes.channel.told.get()

    assert told == ("bob", "Your vote does not count: Game 2 has just been removed.")
    assert len(votes.service.requests) == 1


@pytest.mark.parametrize("active", [(200, {"id": 5}), (404, {"code": "not_found", "detail": "None is on."})])
async def test_a_vote_after_the_end_of_a_night_does_not_count(active: Answer) -> None:
    async with voting(CLOSED, active) as votes:
        votes.says("alice")
        nickname, said = await votes.channel.told.get()

    assert nickname == "alice"
    assert said.startswith("Your vote does not count: ")
    assert len(votes.service.requests) == 2
