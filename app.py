"""Every entry point of Game Night Live: decode, one call, encode.

Event handlers stay in this file: on a Blueprint, Chalice would deploy the WebSocket ones without their
wrapper, and a function whose handler is a Blueprint's would never import this module. What only some of the
functions need is imported by the handlers that need it, so that no cold start pays for another's.
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from chalice.app import Chalice, DynamoDBEvent, Request, Response, WebsocketEvent

from chalicelib import __version__, logs
from chalicelib.bootstrap import application, settings
from chalicelib.domain.errors import GameNightError
from chalicelib.domain.identity import Claims

if TYPE_CHECKING:
    from chalicelib.wire.problems import Problem

logs.configure(settings().log_level)
logger = logging.getLogger("app")

app = Chalice(app_name="game-night-live", configure_logs=False)
app.experimental_feature_flags.update(["WEBSOCKETS"])

DELIVERY_MARGIN_SECONDS = 5.0
"""What a delivery leaves of its function's time, to account for what it could not finish."""


View = TypeVar("View", bound=Callable[..., Any])


@app.middleware("http")
def answer_chalice_errors_as_problems(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """Turn what Chalice itself refuses (a method, a content type) into application/problem+json."""
    response = get_response(event)
    if response.status_code < 400 or not isinstance(response.body, dict):  # noqa: PLR2004 - errors begin at 400
        return response
    from chalicelib.wire.problems import problem_of_framework

    return _as_response(problem_of_framework(response.status_code, response.body.get("Message", "")))


def route(method: str, path: str) -> Callable[[View], View]:
    """Register a REST route whose every error is answered as application/problem+json.

    Chalice turns whatever a view raises into an answer of its own before any middleware sees it, so
    errors are translated around the view itself.
    """

    def register(view: View) -> View:
        @wraps(view)
        def answered(**path_parameters: str) -> Any:
            try:
                return view(**path_parameters)
            except GameNightError as error:
                from chalicelib.wire.problems import problem_of

                return _as_response(problem_of(error))
            except Exception:
                from chalicelib.wire.problems import unexpected

                request_id = _request().context.get("requestId", "(no request id)")
                logger.exception("a request could not be handled", extra={"request_id": request_id})
                return _as_response(unexpected(request_id))

        app.route(path, methods=[method], content_types=["application/json"])(answered)
        return view

    return register


@route("GET", "/api")
def describe() -> Any:
    """Tell a client everything that it needs to begin."""
    return {
        "name": "Game Night Live",
        "version": __version__,
        "websocket_url": settings().websocket_url,
    }


@route("GET", "/api/health")
def health() -> Any:
    """Say that requests are served."""
    return {"status": "ok", "version": __version__}


@route("POST", "/api/sessions")
def start_session() -> Response:
    """Start a game night."""
    from chalicelib.wire import bodies

    request = _request()
    caller = _caller(request)
    body = bodies.body_of(request.raw_body, bodies.NewSession)
    key = bodies.idempotent_request(request.headers, caller, "POST /api/sessions", body)
    session = application().game_nights.start(caller, body.notes, key)
    # Relative to the request's own path, which may begin with a stage that no function should have to know.
    return Response(session, {"Location": f"sessions/{session['id']}"}, 201)


@app.on_ws_connect(name="websocket_connect")
def websocket_connect(event: WebsocketEvent) -> Any:
    """Remember a connection."""
    from chalicelib.wire.websocket import opened_connection

    application().connections.connect(opened_connection(event.to_dict()))


@app.on_ws_message(name="websocket_message")
def websocket_message(event: WebsocketEvent) -> Any:
    """Answer a frame on the connection that it came from."""
    from chalicelib.wire.websocket import answer, send, sender_of

    live = application()
    reply = answer(live.connections, live.clock, event.connection_id, event.body)
    live.run(send(live.push, sender_of(event.to_dict()), reply))


@app.on_ws_disconnect(name="websocket_disconnect")
def websocket_disconnect(event: WebsocketEvent) -> Any:
    """Forget a connection."""
    application().connections.disconnect(event.connection_id)


@app.on_dynamodb_record(
    stream_arn=settings().sessions_stream_arn, name="broadcast", starting_position="TRIM_HORIZON"
)
def broadcast(event: DynamoDBEvent) -> Any:
    """Deliver what was appended to the logs."""
    from chalicelib.storage.stream_records import logged_events

    function: Any = event.context
    within = function.get_remaining_time_in_millis() / 1000 - DELIVERY_MARGIN_SECONDS
    records = logged_events(event.to_dict()["Records"])
    again = application().run(application().broadcast.deliver(records, within=within))
    return {"batchItemFailures": [{"itemIdentifier": sequence_number} for sequence_number in again]}


def _request() -> Request:
    if app.current_request is None:
        raise RuntimeError("a REST handler was called without a request")
    return app.current_request


def _caller(request: Request) -> Claims:
    from chalicelib.wire.bodies import bearer_token

    return application().tokens.verify(bearer_token(request.headers))


def _as_response(answer: "Problem") -> Response:
    return Response(answer.body, {**answer.headers}, answer.status)
