"""Too many frames, on a gateway that lets few pass."""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed

from tests.clients import Bot, Target
from tests.gateway import Gateway, gateway_engine, running_gateway
from tests.local.conftest import target_of

AT_ONCE = 10
PING = {"type": "ping", "id": 7}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("strict")
    with (
        gateway_engine(folder) as engine,
        running_gateway(folder, {**engine, "FRAMES_PER_SECOND": "1"}) as gateway,
    ):
        yield gateway


@pytest.fixture
async def bot(strict: Gateway) -> AsyncIterator[Bot]:
    async with target_of(strict).bot() as bot:
        yield bot


async def test_a_frame_too_many_is_refused_with_its_id_and_nobody_else_is(bot: Bot, strict: Gateway) -> None:
    target: Target = target_of(strict)
    answers = [await bot.ask(PING)]

    while answers[-1]["type"] == "pong":
        answers.append(await bot.ask(PING))
    async with target.bot(target.token("bot")) as another:
        pong = await another.ask(PING)

    refused = answers[-1]
    assert len(answers) > AT_ONCE
    assert (refused["code"], refused["retryable"], refused["id"]) == ("too_many_frames", True, 7)
    assert pong["type"] == "pong"


async def test_who_goes_on_regardless_is_closed(bot: Bot) -> None:
    told: list[str] = []

    with suppress(ConnectionClosed):
        for _ in range(20 * AT_ONCE):
            await bot.send({"type": "dance"})
    with suppress(ConnectionClosed):
        while True:
            told.append((await bot.answer())["code"])

    assert set(told) == {"unknown_type", "too_many_frames"}
    assert told.count("too_many_frames") == AT_ONCE
    assert bot.socket.close_code is not None
