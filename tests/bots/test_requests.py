"""Requests that a bot makes itself: votes, and whatever else the REST API has."""

import asyncio
import os
from typing import Any

import pytest
from gamenight import GameNight, Refused, Token, TokenRefused, WrongAddress, join

from tests.bots.bot import TOKEN, FakeTime
from tests.bots.http_server import Answer, HttpServer, Request, answering

VOTE: dict[str, Any] = {"session": {"id": 7}, "totals": {"upvotes": 1, "downvotes": 0, "score": 1}}
EXPIRED = (401, {"code": "token_expired", "detail": "The token has expired."})
NO_GAME = (409, {"code": "no_game", "detail": "Session 7 has no game yet."})
GAME_GONE = (404, {"code": "game_not_found", "detail": "There is no such game."})
VOTE_GONE = (404, {"code": "vote_not_found", "detail": "There is no such vote."})
TOO_MANY = {"code": "too_many_attempts", "detail": "Wait a minute."}
VOTED = (201, VOTE)


def night(url: str, token: Token = TOKEN) -> GameNight:
    return GameNight(url, token, surroundings=FakeTime())


def tokens_of(server: HttpServer) -> list[str]:
    return [request.headers["authorization"].removeprefix("Bearer ") for request in server.requests]


@pytest.mark.parametrize(("game", "more"), [(None, {}), (2, {"game_id": 2})])
async def test_a_vote_is_posted_with_token_and_key(game: int | None, more: dict[str, int]) -> None:
    async with answering(VOTED) as server:
        answer = await night(server.url).vote(7, "alice", "up", game_id=game)

    [request] = server.requests
    assert answer == VOTE
    assert request.start == "POST /api/sessions/7/votes HTTP/1.1"
    assert request.body == {"username": "alice", "type": "up", **more}
    assert request.headers["authorization"] == "Bearer a-token"
    assert request.headers["idempotency-key"] == "id-1"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_fails_for_a_moment_is_sent_again(status: int) -> None:
    async with answering((status, b"<html>"), VOTED) as server:
        answer = await night(server.url).vote(7, "alice", "up")

    assert answer == VOTE
    assert [request.headers["idempotency-key"] for request in server.requests] == ["id-1", "id-1"]


async def test_a_stranger_joins_once_without_a_token() -> None:
    async with answering((503, b""), (201, {"token": "new"})) as server:
        joined = await join(server.url, "ABCDEFG", "Zoë", surroundings=FakeTime())

    assert joined["token"] == "new"
    for request in server.requests:
        assert request.start == "POST /api/join HTTP/1.1"
        assert request.body == {"code": "ABCDEFG", "name": "Zoë"}
        assert request.headers["idempotency-key"] == "id-1"
        assert "authorization" not in request.headers


async def test_a_request_is_sent_again_when_the_service_says() -> None:
    busy = (429, {"code": "too_many_requests", "detail": "Wait."}, {"Retry-After": "7"})
    async with answering(busy, VOTED) as server:
        time = FakeTime()
        voting = asyncio.create_task(GameNight(server.url, TOKEN, surroundings=time).vote(7, "alice", "up"))
        await time.passes(7)

        assert await voting == VOTE


async def test_a_long_wait_is_left_to_the_program() -> None:
    async with answering((429, TOO_MANY, {"Retry-After": "60"})) as server:
        with pytest.raises(Refused, match="too_many_attempts") as refused:
            await join(server.url, "ABCDEFG", "Zoë", surroundings=FakeTime())

    assert refused.value.retry_after == 60


@pytest.mark.parametrize("gone", [GAME_GONE, VOTE_GONE])
@pytest.mark.parametrize("lost", [(503, b"<html>"), b""])
async def test_what_was_undone_before_its_answer_was_lost_is_done(lost: Answer, gone: Answer) -> None:
    async with answering(lost, gone, lost, gone) as server:
        await night(server.url).remove_game(7, 2)
        await night(server.url).withdraw_vote(7, "zoe & co", 2)

    votes = "DELETE /api/sessions/7/votes/2?username=zoe%20%26%20co HTTP/1.1"
    starts = ["DELETE /api/sessions/7/games/2 HTTP/1.1"] * 2 + [votes] * 2
    assert [request.start for request in server.requests] == starts


@pytest.mark.parametrize("before", [[], [(429, b"")]])
async def test_what_was_not_there_to_undo_is_told(before: list[Answer]) -> None:
    async with answering(*before, VOTE_GONE) as server:
        with pytest.raises(Refused, match="vote_not_found"):
            await night(server.url).withdraw_vote(7, "alice", 2)


@pytest.mark.parametrize(
    ("answer", "error", "said", "attempts"),
    [
        (NO_GAME, Refused, r"^Session 7 has no game yet\. \(HTTP 409, no_game\)$", 1),
        ((503, b""), Refused, "HTTP 503", 4),
        (EXPIRED, TokenRefused, r"The token has expired\.", 1),
        ((403, {"message": "Forbidden"}), WrongAddress, "Give the address that stands before /api", 1),
        ((404, b"<html>"), WrongAddress, "Give the address that stands before /api", 1),
        ((200, b"<html>"), WrongAddress, "Give the address that stands before /api", 1),
        (b"SSH-2.0-OpenSSH_9.2\r\n", (Refused, OSError), ".", 4),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{", (Refused, OSError), ".", 4),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", (Refused, OSError), ".", 4),
        (b"HTTP/1.1 503 Unavailable\r\nContent-Length: 1000\r\n\r\n{", (Refused, OSError), ".", 4),
        (b"", (Refused, OSError), ".", 4),
    ],
    ids=["409", "503", "401", "403", "404", "HTML", "SSH", "short", "bad chunks", "short 503", "nothing"],
)
async def test_what_fails_every_time_is_told(answer: Answer, error: Any, said: str, attempts: int) -> None:
    async with answering(otherwise=answer) as server:
        with pytest.raises(error, match=said):
            await night(server.url).vote(7, "alice", "up")

    assert len(server.requests) == attempts


async def test_what_a_proxy_says_later_is_no_wrong_address() -> None:
    async with answering(VOTED, (403, b"<html>")) as server:
        client = night(server.url)
        await client.vote(7, "alice", "up")

        with pytest.raises(Refused, match="HTTP 403, unknown"):
            await client.vote(7, "alice", "up")


async def test_a_path_begins_with_a_slash() -> None:
    with pytest.raises(ValueError, match="'api/sessions' is no path of a request: it begins with a slash"):
        await night("http://127.0.0.1:1").request("GET", "api/sessions")


async def test_a_service_that_is_not_there_is_an_os_error() -> None:
    with pytest.raises(OSError, match="refused"):
        await night("http://127.0.0.1:1").vote(7, "alice", "up")


async def test_an_answer_that_trickles_in_is_given_up() -> None:
    async with answering(otherwise=lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{") as server:
        server.keeps_open = True
        time = FakeTime()
        asking = asyncio.create_task(GameNight(server.url, TOKEN, surroundings=time).night(7))

        await time.passes(25, 25, 25, 25)

        with pytest.raises(TimeoutError, match="no answer within 25 s"):
            await asking


async def test_every_token_may_expire_in_its_turn() -> None:
    tokens = iter(["first", "second", "third"])

    async with answering(EXPIRED, VOTED, EXPIRED, VOTED) as server:
        service = night(server.url, lambda: next(tokens))
        for name in ("alice", "bob"):
            await service.vote(7, name, "up")

    assert tokens_of(server) == ["first", "second", "second", "third"]


async def test_requests_at_once_replace_a_token_once() -> None:
    tokens = iter(["old", "new"])

    def answer(request: Request) -> Answer:
        return VOTED if request.headers["authorization"] == "Bearer new" else EXPIRED

    async with answering(otherwise=answer) as server:
        service = night(server.url, lambda: next(tokens))
        await service._tokens.fresh()
        votes = await asyncio.gather(*(service.vote(7, name, "up") for name in ("a", "b", "c")))

    assert votes == [VOTE] * 3
    assert {*tokens_of(server)} == {"old", "new"}


async def test_no_redirect_takes_the_token_to_another_place() -> None:
    async with answering(VOTED) as elsewhere, answering((307, b"", {"Location": elsewhere.url})) as server:
        with pytest.raises(WrongAddress, match="stands before /api"):
            await night(server.url).vote(7, "alice", "up")

    assert elsewhere.requests == []


async def test_a_socks_proxy_that_requests_cant_go_through_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [variable for variable in os.environ if variable.lower().endswith("_proxy")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")

    async with answering() as server:
        with pytest.raises(OSError, match="no SOCKS proxy: name another one in http_proxy, or none"):
            await night(server.url).night(7)

        monkeypatch.setenv("no_proxy", "127.0.0.1")
        await night(server.url).night(7)


async def test_a_wrong_address_is_not_blamed_on_the_token() -> None:
    refused = (401, {"code": "token_missing", "detail": "Send the header."})
    async with answering(refused) as server:
        with pytest.raises(WrongAddress, match="stands before /api"):
            await night(f"{server.url}/api/sessions").request("GET", "/api")
