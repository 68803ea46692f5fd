"""The local gateway as one ASGI application: three APIs of AWS behind one port.

Leaves each API to its own module, and sockets to ``server``.
"""

from infra.local.apigateway.asgi import Receive, Scope, Send
from infra.local.apigateway.management_api import ManagementApi
from infra.local.apigateway.rest_api import RestApi
from infra.local.apigateway.websocket_api import WebSocketApi


class Gateway:
    """Routes by protocol and path."""

    def __init__(self, rest: RestApi, websocket: WebSocketApi, management: ManagementApi) -> None:
        self._rest = rest
        self._websocket = websocket
        self.management = management

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        try:
            if self.management.serves(scope["raw_path"]):
                await self.management(scope, receive, send)
            else:
                await self._rest(scope, receive, send)
        except ConnectionError:
            return  # the client has left; nobody waits for the answer
