import asyncio
import socket

import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosedOK

from tests.integration.local.conftest import Stage


async def test_a_post_arrives_as_a_text_frame(stage: Stage, client: ClientConnection) -> None:
    response = await stage.management("POST", await stage.connection_id(), '{"é":1}'.encode())

    assert response.status_code == 200
    assert await client.recv() == '{"é":1}'


async def test_a_connection_that_never_was_is_gone(stage: Stage) -> None:
    response = await stage.management("POST", "nobody=", b"{}")

    assert (response.status_code, response.content) == (410, b"")
    assert response.headers["x-amzn-errortype"] == "GoneException"


async def test_a_connection_that_has_been_closed_is_gone(stage: Stage) -> None:
    async with stage.connect():
        connection_id = await stage.connection_id()
    await stage.events["websocket_disconnect"].get()

    statuses = {(await stage.management(method, connection_id)).status_code for method in ("POST", "GET")}

    assert statuses == {410}


async def test_during_connect_there_is_no_connection_yet(stage: Stage) -> None:
    async def post(event: dict[str, dict[str, str]]) -> dict[str, int]:
        gone = await stage.management("POST", event["requestContext"]["connectionId"], b"{}")
        return {"statusCode": 200 if gone.status_code == 410 else 500}

    stage.handlers["websocket_connect"] = post

    async with stage.connect() as client:
        assert client.response is not None
        assert client.response.status_code == 101


async def test_a_connection_is_described(stage: Stage, client: ClientConnection) -> None:
    assert client.response is not None
    response = await stage.management("GET", await stage.connection_id())

    described = response.json()
    assert set(described) == {"connectedAt", "identity", "lastActiveAt"}
    assert described["identity"]["sourceIp"] == "127.0.0.1"
    assert described["identity"]["userAgent"].startswith("Python")


async def test_a_deleted_connection_is_closed_and_its_end_is_an_event(
    stage: Stage, client: ClientConnection
) -> None:
    connection_id = await stage.connection_id()

    response = await stage.management("DELETE", connection_id)

    assert response.status_code == 204
    with pytest.raises(ConnectionClosedOK):
        await client.recv()
    assert client.close_code == 1000
    assert (await stage.management("POST", connection_id)).status_code == 410
    event = await stage.events["websocket_disconnect"].get()
    assert event["requestContext"]["connectionId"] == connection_id
    assert event["requestContext"]["disconnectStatusCode"] == 1000


@pytest.mark.parametrize(("size", "status"), [(128 * 1024, 200), (128 * 1024 + 1, 413)])
async def test_a_message_has_128_kb_at_most(
    stage: Stage, client: ClientConnection, size: int, status: int
) -> None:
    assert client.response is not None
    response = await stage.management("POST", await stage.connection_id(), b"x" * size)

    assert response.status_code == status


async def test_a_request_without_a_signature_is_forbidden(stage: Stage) -> None:
    async with httpx.AsyncClient() as http:
        response = await http.post(f"{stage.rest_url}/local/@connections/a%3D", content=b"{}")

    assert (response.status_code, response.json()) == (403, {"message": "Missing Authentication Token"})


async def test_another_stage_is_forbidden(stage: Stage) -> None:
    async with httpx.AsyncClient() as http:
        response = await http.post(
            f"{stage.rest_url}/prod/@connections/a%3D", content=b"{}", headers={"Authorization": "signed"}
        )

    assert response.status_code == 403


async def test_a_message_that_is_no_text_is_a_bad_request(stage: Stage, client: ClientConnection) -> None:
    assert client.response is not None
    response = await stage.management("POST", await stage.connection_id(), b"\xff")

    assert response.status_code == 400


async def test_a_client_that_does_not_read_is_limited_and_can_still_be_closed(stage: Stage) -> None:
    with socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.connect(("127.0.0.1", stage.port))
        silent.sendall(
            b"GET /api/sessions/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        connection_id = await stage.connection_id()
        statuses = [200]
        while statuses[-1] in {200, 410} and len(statuses) < 500:
            statuses.append((await stage.management("POST", connection_id, b"x" * 120_000)).status_code)

        assert statuses[-1] == 429
        assert (await stage.management("DELETE", connection_id)).status_code == 204
        await stage.events["websocket_disconnect"].get()


async def test_posts_that_are_sent_together_arrive_in_order(stage: Stage, client: ClientConnection) -> None:
    path = f"/local/@connections/{(await stage.connection_id()).replace('=', '%3D')}"
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)

    writer.write(
        b"".join(
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: signed\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            for method, body in (("POST", "first"), ("GET", ""), ("POST", "second"), ("POST", "third"))
        )
    )

    assert [await client.recv() for _ in range(3)] == ["first", "second", "third"]
    statuses = [await _status(reader) for _ in range(4)]
    assert statuses == [200] * 4
    writer.close()


async def test_a_post_on_the_last_request_of_its_connection_arrives(
    stage: Stage, client: ClientConnection
) -> None:
    path = f"/local/@connections/{(await stage.connection_id()).replace('=', '%3D')}"
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)

    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: signed\r\n"
        "Connection: close\r\nContent-Length: 2\r\n\r\n{}".encode()
    )

    assert await client.recv() == "{}"
    assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()


async def _status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2]) for line in head.lower().split(b"\r\n") if b"content-length" in line
    )
    await reader.readexactly(length)
    return int(head.split()[1])
