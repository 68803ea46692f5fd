"""The gateway's sockets in the test's own process, with functions that the test writes as it likes."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from chalice.app import Chalice, CORSConfig
from websockets.asyncio.client import ClientConnection, connect

from infra.local.apigateway.connections import Connections
from infra.local.apigateway.gateway import Gateway
from infra.local.apigateway.limits import Limits
from infra.local.apigateway.management_api import ManagementApi
from infra.local.apigateway.rest_api import RestApi
from infra.local.apigateway.server import Server, bound
from infra.local.apigateway.websocket_api import WebSocketApi
from infra.local.deployment import Moment
from infra.local.functions.deployed import Function
from infra.local.functions.service import LambdaService

OK = {"statusCode": 200}

Handler = Callable[[Any], Any | Awaitable[Any]]


class InProcess:
    """An environment that calls the test's handler."""

    def __init__(self, handler: Handler) -> None:
        self.usable = True
        self._handler = handler

    async def invoke(self, event: Any, request_id: str) -> Any:
        assert request_id
        answer = self._handler(event)
        return await answer if inspect.isawaitable(answer) else answer

    def close(self) -> None:
        pass


@dataclass
class Stage:
    """A gateway on a free port. ``events`` holds what each function was given."""

    limits: Limits = field(default_factory=Limits)
    handlers: dict[str, Handler] = field(default_factory=dict)
    events: dict[str, "asyncio.Queue[Any]"] = field(default_factory=dict)
    changes: int = 0
    port: int = 0

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/sessions/live"

    def connect(self) -> connect:
        return connect(self.websocket_url, ping_interval=None)

    async def connection_id(self) -> str:
        """Return the id of the connection that was opened last and not asked for yet."""
        event = await self.events["websocket_connect"].get()
        return str(event["requestContext"]["connectionId"])

    async def management(self, method: str, connection_id: str, body: bytes = b"") -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.rest_url) as http:
            path = f"/local/@connections/{connection_id.replace('=', '%3D')}"
            return await http.request(method, path, content=body, headers={"Authorization": "signed"})

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Stage"]:
        app = _chalice_app()
        names = ("api_handler", "websocket_connect", "websocket_message", "websocket_disconnect")
        self.events = {name: asyncio.Queue() for name in names}
        functions = LambdaService({name: Function(name, "", 60, 128) for name in names}, self._start)
        connections = Connections(self.limits, lambda: Moment.present().milliseconds)
        websocket = WebSocketApi(functions, connections, self.limits)
        rest = RestApi(app, functions, self.limits, self._changed)
        server = Server(Gateway(rest, websocket, ManagementApi(connections, self.limits)), self.limits)
        sockets = bound(0)
        self.port = sockets[0].getsockname()[1]
        serving = asyncio.create_task(server.serve(sockets))
        await server.up.wait()
        yield self
        server.stop()
        await serving
        websocket.close()

    async def _start(self, function: Function) -> InProcess:
        def handle(event: Any) -> Any:
            self.events[function.name].put_nowait(event)
            return self.handlers.get(function.name, _ok)(event)

        return InProcess(handle)

    def _changed(self) -> None:
        self.changes += 1


def _ok(_event: Any) -> Any:
    return OK


def _chalice_app() -> Chalice:
    """Return an app whose routes are known; what they do is the handlers' business."""
    app = Chalice("test")

    def things() -> None:
        raise AssertionError

    app.route("/api/things", methods=["GET", "POST"])(things)
    app.route("/api/open", methods=["GET"], cors=CORSConfig(allow_origin="*"))(things)
    return app


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage().serving() as one:
        yield one


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[ClientConnection]:
    async with stage.connect() as connection:
        yield connection
