import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from benchmarks.frames import handshake
from infra.local.apigateway.limits import Limits
from infra.local.functions.environment import FunctionFailed
from tests.integration.local.conftest import OK, Stage

FRAME = 32 * 1024


async def closed(client: ClientConnection) -> tuple[int | None, str | None]:
    with pytest.raises(ConnectionClosed):
        await client.recv()
    return client.close_code, client.close_reason


async def test_a_connection_a_frame_and_its_end_are_events(stage: Stage) -> None:
    async with stage.connect() as client:
        await client.send('{"type":"ping"}')
        message = await stage.events["websocket_message"].get()
    opened = await stage.events["websocket_connect"].get()
    ended = await stage.events["websocket_disconnect"].get()

    assert opened["requestContext"]["eventType"] == "CONNECT"
    assert opened["headers"]["host"] == f"127.0.0.1:{stage.port}"
    assert (message["requestContext"]["eventType"], message["body"]) == ("MESSAGE", '{"type":"ping"}')
    assert ended["requestContext"]["disconnectStatusCode"] == 1000
    ids = {event["requestContext"]["connectionId"] for event in (opened, message, ended)}
    assert len(ids) == 1


async def test_a_client_that_vanishes_is_a_disconnect_too(stage: Stage) -> None:
    client = await stage.connect()

    client.transport.abort()

    ended = await stage.events["websocket_disconnect"].get()
    assert ended["requestContext"]["disconnectStatusCode"] == 1006


def test_a_client_that_vanishes_during_connect_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def left_during_connect() -> Any:
        async with Stage().serving() as stage:

            async def let_in(_: Any) -> dict[str, int]:
                writer.transport.abort()
                await stage.management(
                    "GET", "of-nobody"
                )  # whose answer comes after the server has seen that
                return OK

            stage.handlers["websocket_connect"] = let_in
            _, writer = await asyncio.open_connection("127.0.0.1", stage.port)
            writer.write(handshake("127.0.0.1", "/api/sessions/live"))
            return await stage.events["websocket_disconnect"].get()

    ended = uvloop.run(left_during_connect())  # as the gateway is; asyncio's own loop is less strict

    assert ended["requestContext"]["disconnectStatusCode"] == 1006
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_frames_are_handled_one_after_the_other(stage: Stage, client: ClientConnection) -> None:
    log: list[str] = []

    async def handle(event: dict[str, str]) -> dict[str, int]:
        log.append(f"begin {event['body']}")
        await asyncio.to_thread(lambda: None)
        log.append(f"end {event['body']}")
        return OK

    stage.handlers["websocket_message"] = handle

    for number in range(3):
        await client.send(str(number))
    await client.close()
    await stage.events["websocket_disconnect"].get()

    assert log == [f"{moment} {number}" for number in range(3) for moment in ("begin", "end")]


@pytest.mark.parametrize(("answer", "status"), [({"statusCode": 401}, 401), ({}, 502), (None, 502)])
async def test_a_refused_connect_is_a_failed_handshake(stage: Stage, answer: Any, status: int) -> None:
    stage.handlers["websocket_connect"] = lambda _: answer

    with pytest.raises(InvalidStatus) as refused:
        await stage.connect()

    assert refused.value.response.status_code == status
    assert stage.events["websocket_disconnect"].empty()


async def test_there_is_one_websocket_address(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{stage.port}/elsewhere")

    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body or b"") == {"message": "Forbidden"}
    assert "a client asked for a WebSocket at '/elsewhere'; it is at /api/sessions/live" in caplog.messages
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_failing_function_is_told_and_the_connection_stays(
    stage: Stage, client: ClientConnection
) -> None:
    def fail(_event: Any) -> None:
        raise FunctionFailed("it raised")

    stage.handlers["websocket_message"] = fail

    for _ in range(2):
        await client.send("{}")
        told = json.loads(await client.recv())

        event = await stage.events["websocket_message"].get()
        assert told == {
            "message": "Internal server error",
            "connectionId": event["requestContext"]["connectionId"],
            "requestId": event["requestContext"]["requestId"],
        }


@pytest.mark.parametrize("frames", [["x" * FRAME], ["x" * FRAME] * 4])
async def test_frames_of_32_kb_and_messages_of_128_are_handled(
    stage: Stage, client: ClientConnection, frames: list[str]
) -> None:
    await client.send(frames)

    event = await stage.events["websocket_message"].get()
    assert event["body"] == "".join(frames)


@pytest.mark.parametrize("frames", [["x" * (FRAME + 1)], [*["x" * FRAME] * 4, "x"]])
async def test_larger_ones_close_the_connection(
    stage: Stage, client: ClientConnection, frames: list[str]
) -> None:
    with suppress(ConnectionClosed):  # it may be told before it has sent all
        await client.send(frames)

    code, _ = await closed(client)
    assert code == 1009
    assert stage.events["websocket_message"].empty()


async def test_a_binary_frame_closes_the_connection(stage: Stage, client: ClientConnection) -> None:
    await client.send(b"bytes")

    code, _ = await closed(client)
    assert code == 1003
    ended = await stage.events["websocket_disconnect"].get()
    assert ended["requestContext"]["disconnectStatusCode"] == 1003


async def test_a_ping_is_answered_by_the_gateway(stage: Stage, client: ClientConnection) -> None:
    pong = await client.ping()
    await pong

    assert stage.events["websocket_message"].empty()


@pytest.mark.parametrize("limits", [Limits(idle_seconds=0.05), Limits(age_seconds=0.05)])
async def test_an_idle_or_old_connection_is_closed(limits: Limits) -> None:
    async with Stage(limits).serving() as stage, stage.connect() as client:
        code, reason = await closed(client)
        ended = await stage.events["websocket_disconnect"].get()

    assert (code, reason) == (1001, "Going away")
    assert ended["requestContext"]["disconnectStatusCode"] == 1001
