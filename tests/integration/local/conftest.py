"""The gateway's sockets in the test's own process, with functions that the test writes as it likes."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import pytest
from chalice.app import Chalice
from websockets.asyncio.client import ClientConnection, connect

from infra.local.apigateway.connections import Connections
from infra.local.apigateway.limits import Limits
from infra.local.apigateway.management_api import ManagementApi
from infra.local.apigateway.rest_api import RestApi
from infra.local.apigateway.server import bound, server
from infra.local.apigateway.websocket_api import WebSocketApi
from infra.local.functions.service import LambdaService

OK = {"statusCode": 200}

Handler = Callable[[Any], Any | Awaitable[Any]]


class Functions:
    """Calls the test's handlers. ``events`` holds what each function was given."""

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self.handlers = handlers
        names = ("api_handler", "websocket_connect", "websocket_message", "websocket_disconnect")
        self.events: dict[str, asyncio.Queue[Any]] = {name: asyncio.Queue() for name in names}

    async def invoke(self, name: str, event: Any, within: float | None = None) -> Any:
        self.events[name].put_nowait(event)
        answer = self.handlers.get(name, _ok)(event)
        async with asyncio.timeout(within):
            return await answer if inspect.isawaitable(answer) else answer


@dataclass
class Stage:
    """A gateway on a free port."""

    limits: Limits = field(default_factory=Limits)
    handlers: dict[str, Handler] = field(default_factory=dict)
    events: dict[str, "asyncio.Queue[Any]"] = field(default_factory=dict)
    port: int = 0
    posts_port: int = 0

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def posts_url(self) -> str:
        return f"http://127.0.0.1:{self.posts_port}"

    def connect(self) -> connect:
        return connect(f"ws://127.0.0.1:{self.port}/api/sessions/live", ping_interval=None)

    async def connection_id(self) -> str:
        """Return the id of the connection that was opened last and not asked for yet."""
        event = await self.events["websocket_connect"].get()
        return str(event["requestContext"]["connectionId"])

    async def management(self, method: str, connection_id: str, body: bytes = b"") -> httpx.Response:
        url = f"{self.posts_url}/local/@connections/{connection_id.replace('=', '%3D')}"
        return await self.request(method, url, content=body, headers={"Authorization": "signed"})

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.rest_url) as http:
            return await http.request(method, path, **options)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Stage"]:
        fake, connections = Functions(self.handlers), Connections()
        self.events, functions = fake.events, cast("LambdaService", fake)
        websocket = WebSocketApi(functions, connections, self.limits)
        uvicorn = server(RestApi(_app(), functions, self.limits), websocket, self.limits)
        loop = asyncio.get_running_loop()
        posts = await loop.create_server(lambda: ManagementApi(connections, self.limits), "127.0.0.1", 0)
        self.posts_port = posts.sockets[0].getsockname()[1]
        sockets = bound(0)
        self.port = sockets[0].getsockname()[1]
        serving = asyncio.create_task(uvicorn.serve(sockets))
        yield self
        uvicorn.should_exit = True
        await serving
        websocket.close()
        posts.close()


def _ok(_event: Any) -> Any:
    return OK


def _app() -> Chalice:
    """Return an app whose routes are known; what they do is the handlers' business."""
    app = Chalice("test")
    app.route("/api/things", methods=["GET", "POST"])(lambda: None)
    return app


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage().serving() as one:
        yield one


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[ClientConnection]:
    async with stage.connect() as connection:
        yield connection
