"""Requests that a bot makes itself: votes, and whatever else the REST API has."""

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest
from gamenight import GameNight, Refused, Token, TokenRefused

from tests.bots.conftest import TOKEN
from tests.bots.surroundings import Stage
from tests.sockets import listening


class Handler(BaseHTTPRequestHandler):
    """Answers each request with the next of ``answers``: a status, a body, headers.

    Where the next is a dictionary, it stays, and has an answer for each ``Authorization``.
    """

    answers: ClassVar[list[Any]]
    requests: ClassVar[list[tuple[str, str, dict[str, str], Any]]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or "null")
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.requests.append((self.command, self.path, headers, body))
        known = self.answers[0] if isinstance(self.answers[0], dict) else None
        status, answer, more = known[headers["authorization"]] if known else self.answers.pop(0)
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def answering(*answers: Any) -> Iterator[tuple[str, list[Any]]]:
    handler = type("ThisHandler", (Handler,), {"answers": [*answers], "requests": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler.requests  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


VOTE: dict[str, Any] = {"session": {"id": 7}, "totals": {"upvotes": 1, "downvotes": 0, "score": 1}}
UNAUTHORIZED = {"code": "token_expired", "detail": "The token has expired."}


def night(url: str, token: Token = TOKEN) -> GameNight:
    return GameNight(url, token, surroundings=Stage())


async def test_a_vote_is_posted_with_the_token_and_a_key() -> None:
    with answering((201, VOTE, {})) as (url, requests):
        answer = await night(url).vote(7, "alice", "up")

    assert answer == VOTE
    ((method, path, headers, body),) = requests
    assert (method, path, body) == ("POST", "/api/sessions/7/votes", {"username": "alice", "type": "up"})
    assert headers["authorization"] == "Bearer a-token"
    assert headers["idempotency-key"] == "id-1"


async def test_a_vote_may_be_for_another_game_than_the_newest() -> None:
    with answering((201, VOTE, {})) as (url, requests):
        await night(url).vote(7, "alice", "down", game_id=2)

    assert requests[0][3] == {"username": "alice", "type": "down", "game_id": 2}


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_fails_for_a_moment_is_sent_again_under_the_same_key(status: int) -> None:
    with answering((status, b"<html>", {}), (201, VOTE, {})) as (url, requests):
        answer = await night(url).vote(7, "alice", "up")

    assert answer == VOTE
    assert [headers["idempotency-key"] for _, _, headers, _ in requests] == ["id-1", "id-1"]


async def test_a_refusal_says_why() -> None:
    problem = {"code": "no_game", "detail": "Session 7 has no game yet."}
    with answering((409, problem, {})) as (url, requests), pytest.raises(Refused) as refused:
        await night(url).vote(7, "alice", "up")

    assert (refused.value.status, refused.value.code) == (409, "no_game")
    assert str(refused.value) == "Session 7 has no game yet. (HTTP 409, no_game)"
    assert len(requests) == 1


async def test_what_fails_every_time_is_told_in_the_end() -> None:
    with (
        answering(*[(503, b"", {})] * 4) as (url, requests),
        pytest.raises(Refused, match="HTTP 503"),
    ):
        await night(url).vote(7, "alice", "up")

    assert len(requests) == 4


async def test_a_service_that_is_not_there_is_an_os_error() -> None:
    with pytest.raises(OSError, match="refused"):
        await night("http://127.0.0.1:1").vote(7, "alice", "up")


async def test_a_token_that_has_expired_is_replaced() -> None:
    tokens = iter(["old", "new"])
    with answering((401, UNAUTHORIZED, {}), (201, VOTE, {})) as (url, requests):
        await night(url, lambda: next(tokens)).vote(7, "alice", "up")

    assert [headers["authorization"] for _, _, headers, _ in requests] == ["Bearer old", "Bearer new"]


async def test_every_token_may_expire_in_its_turn() -> None:
    tokens = iter(["first", "second", "third"])
    answers: list[Any] = [(401, UNAUTHORIZED, {}), (201, VOTE, {})]
    with answering(*answers, *answers) as (url, requests):
        service = night(url, lambda: next(tokens))
        await service.vote(7, "alice", "up")
        await service.vote(7, "bob", "up")

    used = [headers["authorization"] for _, _, headers, _ in requests]
    assert used == ["Bearer first", "Bearer second", "Bearer second", "Bearer third"]


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 503 Unavailable\r\nContent-Length: 1000\r\n\r\n{",
        b"",
    ],
)
async def test_what_is_no_answer_is_told_after_some_attempts(answer: bytes) -> None:
    attempts = 0

    async def talks_nonsense(reader: StreamReader, writer: StreamWriter) -> None:
        nonlocal attempts
        attempts += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    async with listening(talks_nonsense) as port:
        with pytest.raises((Refused, OSError)):
            await GameNight(f"http://127.0.0.1:{port}", TOKEN, surroundings=Stage()).session(7)

    assert attempts == 4


async def test_an_answer_that_trickles_in_is_not_waited_for_for_ever() -> None:
    async def trickles(_: StreamReader, writer: StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
        await asyncio.Event().wait()

    stage = Stage()
    async with listening(trickles) as port:
        night = GameNight(f"http://127.0.0.1:{port}", TOKEN, surroundings=stage)
        asking = asyncio.create_task(night.session(7))

        for _ in range(4):
            await stage.passes(25)

        with pytest.raises(TimeoutError, match="no answer within 25 s"):
            await asking


async def test_requests_at_once_do_not_give_up_a_token_that_one_of_them_has_replaced() -> None:
    tokens = iter(["old", "new"])
    known: dict[str, Any] = {"Bearer old": (401, UNAUTHORIZED, {}), "Bearer new": (201, VOTE, {})}
    with answering(known) as (url, requests):
        service = night(url, lambda: next(tokens))
        await service._tokens.fresh()
        votes = await asyncio.gather(*(service.vote(7, name, "up") for name in ("a", "b", "c")))

    assert votes == [VOTE] * 3
    assert {headers["authorization"] for _, _, headers, _ in requests} == {*known}


async def test_a_token_that_can_not_be_replaced_is_told() -> None:
    with (
        answering((401, UNAUTHORIZED, {})) as (url, _),
        pytest.raises(TokenRefused, match=r"The token has expired\."),
    ):
        await night(url).vote(7, "alice", "up")


async def test_no_redirect_takes_the_token_to_another_place() -> None:
    with (
        answering((201, VOTE, {})) as (elsewhere, stolen),
        answering((307, b"", {"Location": f"{elsewhere}/"})) as (url, _),
        pytest.raises(Refused, match="HTTP 307"),
    ):
        await night(url).vote(7, "alice", "up")

    assert stolen == []
