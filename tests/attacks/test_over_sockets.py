"""A sample of the attacks over the local gateway's real sockets and engine, and what only sockets can do."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from chalicelib.auth.secrets import Secret
from tests.attacks.forgeries import FORGERIES, Forge
from tests.attacks.test_keys import KEYS, NAMES
from tests.clients import Bot, Host, Target
from tests.gateway import SECRETS, Gateway
from tests.local.conftest import target_of

EVERY = 3
"""Of so many forgeries one is tried here; the others differ in what has been decoded by then."""

PATIENCE_SECONDS = 60.0

ALARMING = re.compile('Traceback|"level": *"(ERROR|CRITICAL)"')
NO_UTF_8 = "Invalid UTF-8 sequence received from client."
"""What the server logs, as an error, where it refuses such a frame and closes the connection."""

GET, POST, LIVE = (
    f"{start} HTTP/1.1\r\nHost: x\r\n".encode()
    for start in ("GET /api", "POST /api/sessions", "GET /api/sessions/live")
)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: "
REQUESTS = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a path that is no path": b"GET \xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path up": b"GET /api/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path up, encoded": b"GET /api/sessions/%2e%2e%2f%2e%2e%2fetc HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header that is split": GET + b"X: a\r\n b\r\n\r\n",
    "a header without a name": GET + b": b\r\n\r\n",
    "a header of 200 KB": GET + b"X: " + b"x" * 200_000 + b"\r\n\r\n",
    "a thousand headers": GET + b"X: y\r\n" * 1000 + b"\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 30\r\n\r\n{}",
    "a length and chunks": POST + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + GET + b"\r\n",
    "a chunk that is none": POST + CHUNKED + b"\r\nzz\r\n",
    "a negative length": POST + b"Content-Length: -5\r\n\r\n{}",
    "a body that never comes": POST + b"Content-Length: 500\r\n\r\n{",
    "an upgrade to something else": LIVE + UPGRADE + b"h2c\r\n\r\n",
    "an upgrade without a key": LIVE + UPGRADE + b"websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
}


@pytest.fixture(scope="module")
def target(gateway: Gateway) -> Target:
    return target_of(gateway)


@pytest.fixture
async def bystander(target: Target, host: Host, gateway: Gateway) -> AsyncIterator[Bot]:
    """Somebody who listens to a quiet night, hears nothing else of the attack, and hears its end.

    Nor does the gateway's log have any error after it.
    """
    logged = gateway.log.stat().st_size
    quiet = await host.start()
    async with target.bot(target.token("bot", "bystander")) as bot:
        await bot.ask({"type": "subscribe", "sessionId": quiet["id"]})
        yield bot
        await host.close(quiet["id"])
        heard = await bot.hear_in(quiet["id"], 1)
    assert [json.loads(text)["type"] for text in heard] == ["session.ended"]
    assert {json.loads(text)["type"] for text in bot.heard} <= {"session.started", "session.ended"}
    assert not [line for line in gateway.logged(logged) if ALARMING.search(line) and NO_UTF_8 not in line]


@pytest.mark.usefixtures("bystander")
async def test_no_forged_token_opens_any_door(target: Target, gateway: Gateway) -> None:
    kept = json.loads((Path(gateway.token_command[-1]) / SECRETS).read_text())["current"]
    ended = Secret("ended", "e" * 48)
    forge = Forge(Secret(kept["kid"], kept["secret"]), ended, target.token("bot"))

    for name in [*FORGERIES][::EVERY]:
        token = FORGERIES[name](forge)
        async with target.bot() as stranger:
            await stranger.send(json.dumps({"type": "auth", "token": token}))
            answer = await stranger.answer()
            assert answer["type"] == "auth_error", (name, answer)
        if token.isascii() and token.isprintable():
            async with target.host(token) as forger:
                answered = await forger.post({})
            assert answered.status_code == 401, (name, answered.text)


@pytest.mark.usefixtures("bystander")
@pytest.mark.parametrize("name", REQUESTS)
async def test_a_broken_request_harms_nobody(gateway: Gateway, host: Host, name: str) -> None:
    reader, writer = await asyncio.open_connection("localhost", int(gateway.port))
    writer.write(REQUESTS[name])
    writer.write_eof()
    async with asyncio.timeout(PATIENCE_SECONDS):
        answered = await reader.read()
    writer.close()

    statuses = [line.split(b" ")[1] for line in answered.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert all(status < b"500" for status in statuses), answered[:300]
    assert (await host.http.get("/api/health")).status_code == 200


@pytest.mark.usefixtures("bystander")
@pytest.mark.parametrize("frame", [b"", b"\x00", b'{"type":"ping"}', b"\xff" * 1000, b"x" * 40_000])
async def test_a_binary_frame_ends_its_connection_at_most(target: Target, frame: bytes) -> None:
    async with target.bot(target.token("bot")) as bot:
        with suppress(ConnectionClosed):
            await bot.socket.send(frame)
            answer = await bot.answer()
            assert answer["type"] in {"error", "pong"}


@pytest.mark.usefixtures("bystander")
@pytest.mark.parametrize("frame", [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b'{"type":"ping\xff"}'])
async def test_text_without_utf_8_ends_its_connection_alone(target: Target, frame: bytes) -> None:
    async with target.bot(target.token("bot")) as bot:
        await bot.socket.send(frame, text=True)
        await bot.is_closed()

    assert bot.socket.close_code in {1002, 1007, 1006}


@pytest.mark.usefixtures("bystander")
async def test_a_crowd_of_intruders_keeps_nobody_out(target: Target) -> None:
    async def intrude(number: int) -> None:
        with suppress(ConnectionClosed, InvalidMessage, InvalidStatus):
            async with target.bot() as stranger:
                for _ in range(number % 4):
                    await stranger.send('{"type":"auth","token":"junk"}')

    await asyncio.gather(*(intrude(number) for number in range(100)))

    async with target.bot(target.token("bot")) as bot:
        assert (await bot.ask({"type": "ping"}))["type"] == "pong"


async def test_nobody_gets_the_answer_of_another_user(target: Target) -> None:
    ids = set()
    for name in NAMES[:4]:
        async with target.host(target.token("admin", name)) as host:
            for key in KEYS[:5]:
                ids.add((await host.start(f"{name}, {key}", {"Idempotency-Key": key}))["id"])

    assert len(ids) == 20
