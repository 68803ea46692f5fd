"""API Gateway's REST API: HTTP in, an event to ``api_handler``, HTTP out.

Leaves what events and answers look like to ``rest_event`` and ``rest_answer``.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from chalice.app import Chalice

from infra.local.apigateway.asgi import BodyTooLarge, Receive, Scope, Send, read_body, respond
from infra.local.apigateway.limits import Limits
from infra.local.apigateway.rest_answer import (
    FUNCTION_FAILED,
    FUNCTION_TOO_SLOW,
    NO_SUCH_ROUTE,
    TOO_LARGE,
    RestAnswer,
    rest_answer,
)
from infra.local.apigateway.rest_event import RestRequest, rest_event
from infra.local.apigateway.rest_routes import Match, Routes
from infra.local.deployment import Moment
from infra.local.functions.environment import FunctionFailed, IntegrationTimedOut
from infra.local.functions.service import LambdaService

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class RestApi:
    """The REST API of the application.

    ``changed`` is called after a request that may have changed something.
    """

    def __init__(
        self, app: Chalice, functions: LambdaService, limits: Limits, changed: Callable[[], None]
    ) -> None:
        self._routes = Routes(app.routes)
        self._methods: Mapping[str, Mapping[str, Any]] = app.routes
        self._binary_types: Collection[str] = tuple(app.api.binary_types)
        self._functions = functions
        self._limits = limits
        self._changed = changed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        try:
            body = await read_body(receive, self._limits.request_bytes)
        except BodyTooLarge:
            answer = TOO_LARGE
        else:
            answer = await self._answer(_request(scope, body))
        await respond(send, answer.status, answer.headers, answer.body)

    async def _answer(self, request: RestRequest) -> RestAnswer:
        match = self._routes.match(request.path)
        if match is None or request.method not in self._methods[match.resource]:
            preflight = self._preflight(match) if match and request.method == "OPTIONS" else None
            return preflight or NO_SUCH_ROUTE
        event = rest_event(request, match, Moment.present(), self._binary_types)
        try:
            return rest_answer(
                await self._functions.invoke("api_handler", event, self._limits.integration_seconds)
            )
        except IntegrationTimedOut:
            return FUNCTION_TOO_SLOW
        except FunctionFailed:
            return FUNCTION_FAILED
        finally:
            if request.method not in SAFE_METHODS:
                self._changed()

    def _preflight(self, match: Match) -> RestAnswer | None:
        """Return what Chalice has API Gateway answer by itself where a route allows other origins."""
        methods = self._methods[match.resource]
        allowed = next((route.cors for route in methods.values() if route.cors is not None), None)
        if allowed is None:
            return None
        headers = {**allowed.get_access_control_headers()}
        headers["Access-Control-Allow-Methods"] = ",".join([*methods, "OPTIONS"])
        return RestAnswer(200, tuple((name.lower(), value) for name, value in headers.items()), b"")


def _request(scope: Scope, body: bytes) -> RestRequest:
    client = scope.get("client") or ("127.0.0.1", 0)
    return RestRequest(
        method=scope["method"],
        path=scope["raw_path"].decode("ascii"),
        query=scope["query_string"].decode("latin-1"),
        headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
        body=body,
        source_ip=client[0],
    )
