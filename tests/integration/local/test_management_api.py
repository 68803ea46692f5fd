import asyncio
import socket

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosedOK

from benchmarks.frames import handshake
from infra.local.apigateway.limits import Limits
from tests.integration.local.conftest import Stage


async def test_posts_arrive_as_text_frames_in_order(stage: Stage, client: ClientConnection) -> None:
    connection_id = await stage.connection_id()
    texts = ['{"é":1}', "second", "third"]

    statuses = [(await stage.management("POST", connection_id, text.encode())).status_code for text in texts]

    assert statuses == [200] * 3
    assert [await client.recv() for _ in texts] == texts


async def test_an_unknown_connection_is_gone(stage: Stage) -> None:
    response = await stage.management("POST", "nobody=", b"{}")

    assert (response.status_code, response.content) == (410, b"")
    assert response.headers["x-amzn-errortype"] == "GoneException"


async def test_a_closed_connection_is_gone(stage: Stage) -> None:
    async with stage.connect():
        connection_id = await stage.connection_id()
    await stage.events["websocket_disconnect"].get()

    statuses = {(await stage.management(method, connection_id)).status_code for method in ("POST", "DELETE")}

    assert statuses == {410}


async def test_during_connect_there_is_no_connection_yet(stage: Stage) -> None:
    async def post(event: dict[str, dict[str, str]]) -> dict[str, int]:
        gone = await stage.management("POST", event["requestContext"]["connectionId"], b"{}")
        return {"statusCode": 200 if gone.status_code == 410 else 500}

    stage.handlers["websocket_connect"] = post

    async with stage.connect() as client:
        assert client.response is not None
        assert client.response.status_code == 101


async def test_a_deleted_connection_gets_what_was_posted_and_ends(
    stage: Stage, client: ClientConnection
) -> None:
    connection_id = await stage.connection_id()

    await stage.management("POST", connection_id, b"goodbye")
    response = await stage.management("DELETE", connection_id)

    assert response.status_code == 204
    assert await client.recv() == "goodbye"
    with pytest.raises(ConnectionClosedOK):
        await client.recv()
    assert client.close_code == 1000
    event = await stage.events["websocket_disconnect"].get()
    assert event["requestContext"]["connectionId"] == connection_id
    assert event["requestContext"]["disconnectStatusCode"] == 1000


@pytest.mark.parametrize(
    ("body", "status"), [(b"x" * 128 * 1024, 200), (b"x" * (128 * 1024 + 1), 413), (b"\xff", 400)]
)
@pytest.mark.usefixtures("client")
async def test_a_message_is_128_kb_of_text_at_most(stage: Stage, body: bytes, status: int) -> None:
    response = await stage.management("POST", await stage.connection_id(), body)

    assert response.status_code == status


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/local/@connections/a%3D", {}), ("/prod/@connections/a%3D", {"Authorization": "signed"})],
)
async def test_unsigned_posts_and_other_stages_are_forbidden(
    stage: Stage, path: str, headers: dict[str, str]
) -> None:
    response = await stage.request("POST", stage.posts_url + path, content=b"{}", headers=headers)

    assert (response.status_code, response.json()) == (403, {"message": "Missing Authentication Token"})


async def test_a_client_that_does_not_read_is_limited_and_closed() -> None:
    async with Stage(Limits(close_seconds=0)).serving() as stage:
        with socket.socket() as silent:
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            silent.connect(("127.0.0.1", stage.port))
            silent.sendall(handshake("127.0.0.1", "/api/sessions/live"))
            connection_id = await stage.connection_id()
            statuses = [200]
            while statuses[-1] in {200, 410} and len(statuses) < 500:
                statuses.append((await stage.management("POST", connection_id, b"x" * 120_000)).status_code)

            assert statuses[-1] == 429
            assert (await stage.management("DELETE", connection_id)).status_code == 204
            await stage.events["websocket_disconnect"].get()


async def test_posts_may_be_sent_before_the_last_is_answered(stage: Stage, client: ClientConnection) -> None:
    path = f"/local/@connections/{(await stage.connection_id()).replace('=', '%3D')}"
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.posts_port)

    posts = [
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: signed\r\n"
        f"Content-Length: 1\r\n{more}\r\n{n}"
        for n, more in enumerate(("", "", "Connection: close\r\n"))
    ]
    writer.write("".join(posts).encode())

    assert [await client.recv() for _ in range(3)] == ["0", "1", "2"]
    assert (await reader.read()).count(b"HTTP/1.1 200 OK\r\n") == 3
    writer.close()
