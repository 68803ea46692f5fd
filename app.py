"""Defines every entry point of Game Night Live: decode, one call, encode.

Event handlers stay in this file. On a Blueprint, Chalice would deploy the WebSocket handlers without their
wrapper, and a function whose handler is on a Blueprint would never import this module. Handlers import what
only they need, so each cold start pays only for its own function.
"""

import logging
import time
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from chalice.app import (
    Chalice,
    CloudWatchEvent,
    DynamoDBEvent,
    Rate,
    Request,
    Response,
    SQSEvent,
    WebsocketEvent,
)

from chalicelib import __version__, logs
from chalicelib.auth.claims import Role
from chalicelib.bootstrap import application, settings
from chalicelib.errors import GameNightError
from chalicelib.settings import trace_id

if TYPE_CHECKING:
    from chalicelib import answers
    from chalicelib.api.rest.bodies import Body
    from chalicelib.api.rest.problems import Problem
    from chalicelib.auth.claims import Claims
    from chalicelib.idempotency import IdempotentRequest
    from chalicelib.page.served import WebAnswer

lines = logs.configure(settings().log_level, settings().stage, settings().log_file, settings().log_format)
logger = logging.getLogger("app")

app = Chalice(app_name="game-night-live", configure_logs=False)
app.experimental_feature_flags.update(["WEBSOCKETS"])

MARGIN_SECONDS = 5.0
"""The part of a function's time that is kept for the last call to AWS, of 4 s at most, and for the answer."""


NOT_KEPT: dict[str, str | list[str]] = {"Cache-Control": "no-store"}
"""The header of answers with a token or code: no cache may keep them."""

EVERY_NIGHT = (Role.ADMIN, Role.BOT)
"""The roles whose tokens are not limited to one night."""

View = TypeVar("View", bound=Callable[..., Any])


@app.middleware("all")
def name_the_invocation(event: Any, get_response: Callable[[Any], Any]) -> Any:
    """Put the ids of this invocation into every line of its log."""
    function = _context(event)
    gateway = event.context if isinstance(event, Request) else event.to_dict().get("requestContext", {})
    full_name: str = getattr(function, "function_name", "")
    lines.begin(
        full_name.removeprefix(f"{app.app_name}-{settings().stage}").removeprefix("-") or "api_handler",
        {
            "request_id": gateway.get("requestId"),
            "connection_id": gateway.get("connectionId"),
            "invocation_id": getattr(function, "aws_request_id", None),
            "trace_id": trace_id(),
        },
    )
    return get_response(event)


@app.middleware("all")
def keep_within_the_time(event: Any, get_response: Callable[[Any], Any]) -> Any:
    """Make all retries of this invocation end before the function's time is up."""
    budget = application().time
    budget.begin(_time_left(event) if _context(event) else None)  # tests call without a context
    try:
        return get_response(event)
    finally:
        budget.begin(None)


@app.middleware("http")
def log_what_was_answered(event: Request, get_response: Callable[[Any], Response]) -> Response:
    """Log each answer. A GET is logged only at DEBUG, because polling bots send them all night."""
    began = time.monotonic()
    response = get_response(event)
    status = response.status_code
    unauthenticated = status == 401  # noqa: PLR2004 - 401 Unauthorized
    quiet = event.method == "GET" and status < 500 and not unauthenticated  # noqa: PLR2004 - errors of ours
    extra: dict[str, Any] = {"stage": "answered", "status": status}
    extra["answered_in_ms"] = round((time.monotonic() - began) * 1000)
    if unauthenticated:
        extra |= {"auth_failures": 1, "metrics": ["auth_failures"]}
    level = logging.DEBUG if quiet else logging.INFO
    logger.log(level, "%s %s was answered %d", event.method, event.path, status, extra=extra)
    return response


@app.middleware("http")
def answer_chalice_errors_as_problems(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """Turn Chalice's own errors (a method, a content type) into application/problem+json."""
    response = get_response(event)
    if response.status_code < 400 or not isinstance(response.body, dict):  # noqa: PLR2004 - errors begin at 400
        return response
    from chalicelib.api.rest.problems import problem_of_framework

    return _as_response(problem_of_framework(response.status_code, response.body.get("Message", "")))


def route(method: str, path: str) -> Callable[[View], View]:
    """Register a REST route. Every error is answered as application/problem+json.

    Chalice turns a view's errors into its own answers before any middleware sees them, so errors are
    translated around the view itself.
    """

    def register(view: View) -> View:
        @wraps(view)
        def answered(**path_parameters: str) -> Any:
            try:
                return view(**path_parameters)
            except GameNightError as error:
                from chalicelib.api.rest.problems import problem_of

                return _as_response(problem_of(error))
            except Exception:
                from chalicelib.api.rest.problems import unexpected

                request_id = _request().context.get("requestId", "(no request id)")
                logger.exception("a request could not be handled", extra={"request_id": request_id})
                return _as_response(unexpected(request_id))

        # A request without a body has no content type to check.
        content_types = ["application/json"] if method == "POST" else []
        app.route(path, methods=[method], content_types=content_types)(answered)
        return view

    return register


@route("GET", "/api")
def describe() -> "answers.Service":
    """Return the service's name, version and URLs."""
    from chalicelib.api.rest import urls

    request = _request()
    here = urls.base_url(settings().rest_url, request.headers, request.context)
    return {
        "name": "Game Night Live",
        "version": __version__,
        "websocket_url": urls.websocket_url(settings().websocket_url, here),
        "openapi_url": f"{here}/api/openapi.json",
        "asyncapi_url": f"{here}/api/asyncapi.json",
    }


@route("GET", "/api/health")
def health() -> "answers.Health":
    """Return that the service is up."""
    return {"status": "ok", "version": __version__}


@route("GET", "/api/openapi.json")
def openapi() -> Response:
    """Return the specification of the REST API."""
    from chalicelib.api.specifications import served as specifications

    return _json(specifications.specification(specifications.OPENAPI))


@route("GET", "/api/asyncapi.json")
def asyncapi() -> Response:
    """Return the specification of the WebSocket API."""
    from chalicelib.api.specifications import served as specifications

    return _json(specifications.specification(specifications.ASYNCAPI))


@route("POST", "/api/sessions")
def start_session() -> Response:
    """Start a game night."""
    from chalicelib.api.rest.bodies import NewSession

    caller = _caller()
    body, key = _posted("/api/sessions", caller.subject, NewSession)
    session = application().hosting.start(caller, body.notes, key)
    return _created(session, f"/api/sessions/{session['id']}")


@route("GET", "/api/sessions")
def list_sessions() -> Response:
    """Return the nights that started after a cursor, or the newest ones."""
    from chalicelib.api.rest import pages, urls

    request = _request()
    _caller().require(*EVERY_NIGHT)
    newest = urls.newest_of(request.query_params)
    if newest is not None:
        return _json(pages.sessions_page(application().queries.newest(newest)))
    since, limit = urls.page_of(request.query_params, "newest")
    return _json(pages.sessions_page(application().queries.sessions(since, limit)))


@route("GET", "/api/sessions/active")
def active_session() -> Any:
    """Return the newest active night."""
    _caller().require(*EVERY_NIGHT)
    return application().queries.active()


@route("GET", "/api/sessions/{session_id}")
def show_session(session_id: str) -> Any:
    """Return a night, its games and their tallies."""
    from chalicelib.api.rest.urls import session_id_of

    caller = _caller()
    night = session_id_of(session_id)
    caller.require_session(night)
    return application().queries.session(night)


@route("POST", "/api/sessions/{session_id}/games")
def add_game(session_id: str) -> Response:
    """Add a game to a night."""
    from chalicelib.api.rest.bodies import NewGame
    from chalicelib.api.rest.urls import session_id_of

    caller = _caller()
    night = session_id_of(session_id)
    body, key = _posted(f"/api/sessions/{night}/games", caller.subject, NewGame)
    game = application().hosting.add_game(caller, night, body.as_game(), key)
    return _created(game, f"/api/sessions/{night}")


@route("POST", "/api/sessions/{session_id}/votes")
def vote(session_id: str) -> Response:
    """Count a vote, or store it to be counted soon."""
    from chalicelib.api.rest.bodies import NewVote
    from chalicelib.api.rest.urls import session_id_of

    caller = _caller()
    night = session_id_of(session_id)
    body, key = _posted(f"/api/sessions/{night}/votes", caller.subject, NewVote)
    answer = application().voting.vote(caller, night, body.as_request(), key)
    return _created(answer, f"/api/sessions/{night}", 201 if "totals" in answer else 202)


@route("DELETE", "/api/sessions/{session_id}/games/{game_id}")
def remove_game(session_id: str, game_id: str) -> Any:
    """Remove a game from a night."""
    from chalicelib.api.rest import urls

    caller = _caller()
    night = urls.session_id_of(session_id)
    return application().hosting.remove_game(caller, night, urls.game_id_of(night, game_id))


@route("DELETE", "/api/sessions/{session_id}/votes/{game_id}")
def withdraw_vote(session_id: str, game_id: str) -> Any:
    """Withdraw a vote."""
    from chalicelib.api.rest import urls

    caller = _caller()
    night = urls.session_id_of(session_id)
    game, username = urls.game_id_of(night, game_id), urls.username_of(_request().query_params)
    return application().voting.withdraw(caller, night, game, username)


@route("POST", "/api/sessions/{session_id}/close")
def close_session(session_id: str) -> Any:
    """End a night."""
    from chalicelib.api.rest.bodies import Nothing
    from chalicelib.api.rest.urls import session_id_of

    caller = _caller()
    night = session_id_of(session_id)
    _, key = _posted(f"/api/sessions/{night}/close", caller.subject, Nothing)
    return application().hosting.close(caller, night, key)


@route("GET", "/api/sessions/{session_id}/events")
def list_events(session_id: str) -> Response:
    """Return a night's events after a cursor."""
    from chalicelib.api.rest import pages, urls

    request, caller = _request(), _caller()
    night = urls.session_id_of(session_id)
    caller.require_session(night)
    since, limit = urls.page_of(request.query_params)
    return _json(pages.events_page(application().queries.events(night, since, limit)))


@route("POST", "/api/tokens")
def mint_token() -> Response:
    """Mint a token for a bot."""
    from chalicelib.api.rest.bodies import NewToken

    caller = _caller()
    body, key = _posted("/api/tokens", caller.subject, NewToken)
    minted = application().bot_tokens.mint(caller, body.name, body.ttl_seconds, key)
    return Response(minted, {**NOT_KEPT}, 201)


@route("DELETE", "/api/tokens/{subject}")
def revoke_tokens(subject: str) -> Response:
    """Revoke every token of a subject, and close its connections."""
    from chalicelib.api.rest.urls import subject_of

    caller = _caller()
    live = application()
    live.run(live.revocation.revoke(caller, subject_of(subject)))
    return Response("", {}, 204)


@route("POST", "/api/sessions/{session_id}/invites")
def invite_guests(session_id: str) -> Response:
    """Create a code for guests to join a night."""
    from chalicelib.api.rest.bodies import NewInvite
    from chalicelib.api.rest.urls import session_id_of

    caller = _caller()
    night = session_id_of(session_id)
    body, key = _posted(f"/api/sessions/{night}/invites", caller.subject, NewInvite)
    return _invited(*application().invites.invite_guests(caller, night, body.ttl_seconds, key))


@route("POST", "/api/invites")
def invite_host() -> Response:
    """Create a link that signs in one host, once."""
    from chalicelib.api.rest.bodies import Nothing

    caller = _caller()
    _, key = _posted("/api/invites", caller.subject, Nothing)
    return _invited(*application().invites.invite_host(caller, key))


@route("POST", "/api/join")
def join() -> Response:
    """Exchange a code for a token."""
    from chalicelib.api.rest.bodies import NewJoin

    source = _request().context["identity"]["sourceIp"]
    body, key = _posted("/api/join", "", NewJoin)  # nobody's subject is empty
    joined = application().invites.join(body.code, body.name, source, key)
    lines.add(subject=joined["sub"])
    return Response(joined, {**NOT_KEPT}, 201)


@route("DELETE", "/api/sessions/{session_id}/guests/{name}")
def remove_guest(session_id: str, name: str) -> Response:
    """Remove a guest from a night."""
    from chalicelib.api.rest import urls

    caller = _caller()
    night = urls.session_id_of(session_id)
    live = application()
    live.run(live.revocation.remove_guest(caller, night, urls.name_of(name)))
    return Response("", {}, 204)


@route("GET", "/")
def page() -> Response:
    """Return the page for hosts and guests."""
    from chalicelib.api.rest import urls
    from chalicelib.page import served as web

    request = _request()
    here = urls.base_url(settings().rest_url, request.headers, request.context)
    live = urls.websocket_url(settings().websocket_url, here)
    return _as_response(web.page(_root(), live, request.headers))


@route("GET", "/page/{edition}/{name}")
def page_file(edition: str, name: str) -> Response:
    """Return a file of the page."""
    from chalicelib.page import served as web

    return _as_response(web.file(edition, name, _request().headers))


@route("GET", "/page/{edition}/gamenight/{name}")
def client_file(edition: str, name: str) -> Response:
    """Return a file of the JavaScript client, which the page uses."""
    from chalicelib.page import served as web

    return _as_response(web.file(edition, f"gamenight/{name}", _request().headers))


def _is(event: WebsocketEvent, event_type: str) -> bool:
    """Return whether an event is of the type that its function is for.

    API Gateway chooses a function by a frame's ``action``, so a client can send frames to any of them.
    """
    return bool(event.to_dict()["requestContext"]["eventType"] == event_type)


@app.on_ws_connect(name="websocket_connect")
def websocket_connect(event: WebsocketEvent) -> Any:
    """Store a connection."""
    from chalicelib.api.live.answers import opened_connection

    if _is(event, "CONNECT"):
        application().connections.connect(opened_connection(event.to_dict()))


@app.on_ws_message(name="websocket_message")
def websocket_message(event: WebsocketEvent) -> Any:
    """Answer a frame on the connection that it came from."""
    from chalicelib.api.live.answers import answer, sender_of

    live = application()
    reply = answer(live.connections, live.clock, event.connection_id, event.body)
    live.run(live.responder.send(sender_of(event.to_dict()), reply, within=_time_left(event)))


@app.on_ws_disconnect(name="websocket_disconnect")
def websocket_disconnect(event: WebsocketEvent) -> Any:
    """Remove a connection."""
    if _is(event, "DISCONNECT"):
        application().connections.disconnect(event.connection_id)


@app.on_dynamodb_record(
    stream_arn=settings().sessions_stream_arn, name="broadcast", starting_position="TRIM_HORIZON"
)
def broadcast(event: DynamoDBEvent) -> Any:
    """Deliver the events that were appended to the logs, and count pending votes."""
    from chalicelib.aws.dynamodb.nights.stream_records import read_records
    from chalicelib.gather import gather

    live, within = application(), _time_left(event)
    read = read_records(event.to_dict()["Records"])
    work = [live.broadcast.run(read.events, within=within)]
    if read.pending:
        work.append(live.count_votes(read.pending))
    again = [number for numbers in live.run(gather(work)) for number in numbers]
    if read.unreadable:  # rare, so the queue's client is built only here
        again += live.run(live.dead_letters.put(read.unreadable))
    return {"batchItemFailures": [{"itemIdentifier": sequence_number} for sequence_number in again]}


@app.on_sqs_message(queue_arn=settings().delivery_queue_arn, name="deliver", batch_size=1)
def deliver(event: SQSEvent) -> Any:
    """Do the jobs of the queue: deliver to a shard of a large audience, or catch up one connection."""
    from chalicelib.aws.delivery_queue import received_jobs

    received = [*received_jobs(event.to_dict()["Records"])]
    again = application().run(application().worker.work(received, within=_time_left(event)))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}


@app.schedule(Rate(1, unit=Rate.MINUTES), name="sweep")
def sweep(event: CloudWatchEvent) -> Any:
    """Notify or close connections whose deadlines have expired."""
    from chalicelib.api.live.notices import scheduled_at

    work = application().sweep.run(scheduled_at(event.to_dict()), within=_time_left(event))
    application().run(work)


def _request() -> Request:
    if app.current_request is None:
        raise RuntimeError("a REST handler was called without a request")
    return app.current_request


def _caller() -> "Claims":
    from chalicelib.api.rest.bodies import bearer_token

    claims = application().tokens.verify(bearer_token(_request().headers))
    lines.add(subject=claims.subject)
    return claims


def _posted(path: str, subject: str, kind: "type[Body]") -> "tuple[Body, IdempotentRequest | None]":
    """Return the body that a subject posted to a path, and the request under its Idempotency-Key."""
    from chalicelib.api.rest.bodies import body_of, idempotent_request

    request = _request()
    body = body_of(request.raw_body, kind)
    return body, idempotent_request(request.headers, subject, f"POST {path}", body)


def _time_left(event: Any) -> float:
    seconds: float = _context(event).get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
    return seconds


def _context(event: Any) -> Any:
    return event.lambda_context if isinstance(event, Request) else event.context


def _created(body: Any, path: str, status: int = 201) -> Response:
    return Response(body, {"Location": f"{_root()}{path}"}, status)


def _invited(code: str, expires_at: str) -> Response:
    from chalicelib.api.rest.urls import base_url

    request = _request()
    here = base_url(settings().rest_url, request.headers, request.context)
    invite: answers.Invite = {"code": code, "url": f"{here}/#/join/{code}", "expires_at": expires_at}
    return Response(invite, {**NOT_KEPT}, 201)


def _root() -> str:
    """Return the path above ``/`` and ``/api``: empty, or the stage's."""
    from chalicelib.api.rest.urls import base_path

    request = _request()
    return base_path(settings().rest_url, request.headers, request.context)


def _json(text: str) -> Response:
    return Response(text, {"Content-Type": "application/json"}, 200)


def _as_response(answer: "Problem | WebAnswer") -> Response:
    return Response(answer.body, {**answer.headers}, answer.status)
