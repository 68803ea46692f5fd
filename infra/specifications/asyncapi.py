"""The AsyncAPI 3 document of the WebSocket API.

Made from the types of the frames, the events of the domain and the error tree.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib import __version__
from chalicelib.api.live import frames
from chalicelib.api.live.answers import CLOSING
from chalicelib.auth.claims import Role
from chalicelib.connections.clients import LIFE, MAX_FAILED_AUTHS
from chalicelib.errors import (
    AuthTimeout,
    InvalidCursor,
    NotAuthenticated,
    SessionNotFound,
    SubjectMismatch,
    TokenExpired,
    TokenInvalid,
    TooManyFrames,
    TooManySubscriptions,
)
from chalicelib.limits import (
    EVENT_RETENTION_SECONDS,
    FRAMES_PER_SECOND,
    MAX_SUBSCRIPTIONS,
    SECONDS_OF_FRAMES_AT_ONCE,
)
from chalicelib.nights.events import EventType
from infra.specifications import answers, errors, night, schemas
from infra.specifications.schemas import Incomplete

CHANNEL = {"$ref": "#/channels/live"}

ANSWERS: dict[type[frames.Frame], tuple[type[frames.ServerFrame], ...]] = {
    frames.Auth: (frames.AuthSuccess, frames.AuthError, frames.Error),
    frames.Subscribe: (frames.Subscribed, frames.Error),
    frames.Unsubscribe: (frames.Unsubscribed, frames.Error),
    frames.Ping: (frames.Pong, frames.Error),
}
"""What answers each frame of a client."""

REFUSALS: tuple[errors.Kind, ...] = (TokenInvalid, TokenExpired, SubjectMismatch)
"""What ``auth_error`` says."""

FAILURES: dict[type[frames.Frame], tuple[errors.Kind, ...]] = {
    frames.Auth: (*errors.OF_FRAMES, *errors.OF_CONNECTIONS, InvalidCursor, TokenExpired),
    frames.Subscribe: (
        *errors.OF_FRAMES,
        *errors.OF_CONNECTIONS,
        InvalidCursor,
        NotAuthenticated,
        TokenExpired,
        SessionNotFound,
        TooManySubscriptions,
    ),
    frames.Unsubscribe: (*errors.OF_FRAMES, *errors.OF_CONNECTIONS, NotAuthenticated, TokenExpired),
    frames.Ping: (*errors.OF_FRAMES, *errors.OF_CONNECTIONS, TokenExpired),
}
"""What ``error`` says in answer to each frame of a client."""

UNASKED: tuple[errors.Kind, ...] = (AuthTimeout, TokenExpired)
"""What ``error`` says without being asked."""

CLOSING_IN_THE_END: tuple[errors.Kind, ...] = (TooManyFrames,)
"""After which a connection stays open for a while, for whoever minds them."""

DESCRIPTION = f"""\
A bot connects, sends `auth`, and from then on hears `session.started` without subscribing to anything. It
subscribes to a session to hear `game.added`, `vote.received` and `session.ended` of that session.

**Frames.** Text frames with one JSON object each, {frames.MAX_FRAME_BYTES // 1024} KB at most. Any frame of
a client may carry an `id`, a text or an integer; the frame that answers it has the same `id`. Before
`auth_success` only `auth` and `ping` are accepted. Failure number {MAX_FAILED_AUTHS} to authenticate closes
the connection. A connection follows {MAX_SUBSCRIPTIONS} sessions at most.

**Pace.** A connection may send {FRAMES_PER_SECOND} frames a second, and
{FRAMES_PER_SECOND * SECONDS_OF_FRAMES_AT_ONCE} at once after a rest. What is beyond that is not read and
answered `too_many_frames`: wait, and send it again. Who goes on regardless is closed, by the
{FRAMES_PER_SECOND * SECONDS_OF_FRAMES_AT_ONCE}th such answer without a rest.

**Resume.** There are streams: `sessions`, every start, and one for each session, such as `session:17`. A
client that sends `since` with `auth` or `subscribe`, a cursor, `""` for the beginning or `"now"`, has
opted in on that stream. Then the answer and every event of that stream carry `stream`, `sequence` and
`cursor`: the place where the client is once it has that frame. Events are 1, 2, 3 ... in a stream. The
answer's place is the one from which events follow, and `last` the newest event's `sequence`. `recovered:
true` means that every event after `since` follows. `false` means that the cursor can't be followed any
more, since its events have expired (after {EVENT_RETENTION_SECONDS // 86_400} days) or the tables were
made anew: read the snapshot over REST and go on from the answer. Who never sends `since` never sees any
of these. The same cursors work for polling over REST.

**Life.** A connection has {LIFE.to_authenticate} seconds to authenticate; after them, and up to a minute
more, it is told `auth_timeout` and closed. One whose token has expired gets nothing more: it is told
`token_expired` and closed. A new `auth` in time, with a token of the same `sub`, is all it takes to stay. Who
has sent `since` with `auth` is told in time: `token_expiring` {LIFE.expiring // 60} minutes before, and
`reconnect` after {LIFE.max_age // 60} minutes, since API Gateway ends every connection after two hours.

**Order.** On every connection the events of a stream come in order and without a hole, and a replay is
over before the first live event. An event may come twice: pass over what has no higher `sequence` than
the last that you had of its stream, and come back with the `cursor` of that one. A connection that can't
be served in order any more is closed.
"""


def document() -> dict[str, Any]:
    """Return the document. Raises Incomplete."""
    sent = _all(frames.Frame)
    told = _all(frames.ServerFrame)
    notices = _all(frames.Notice)
    events = _all(answers.Event)
    _check(sent, told, events)
    messages = {
        **{_name(kind): _message(kind, night.frames_of(night.SENT, _tag(kind))) for kind in sent},
        **{
            _name(kind): _message(kind, _decoded(night.frames_of(night.ANSWERED, _tag(kind))))
            for kind in told
        },
        **{_name(kind): _notice(kind) for kind in notices},
        **{_name(kind): _event(kind) for kind in events},
    }
    messages["error"]["description"] += "\n\n" + _table()
    messages["error"]["x-errors"] = _errors()
    return {
        "asyncapi": "3.0.0",
        "id": "urn:game-night-live",
        "info": {
            "title": "Game Night Live",
            "version": __version__,
            "description": DESCRIPTION,
        },
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": {
            "live": {
                "address": "/",
                "title": "Live",
                "summary": "One WebSocket connection.",
                "description": "The whole path is part of the server's address.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {
            **{_name(kind): _request(kind) for kind in sent},
            **{f"send_{_name(kind)}": _broadcast(kind) for kind in (*events, *notices)},
            "send_error": _closing(),
        },
        "components": {
            "messages": messages,
            "schemas": _schemas(sent, [*told, *notices], events),
            "correlationIds": {
                "id": {
                    "description": "An answer has the `id` of the frame that it answers.",
                    "location": "$message.payload#/id",
                }
            },
        },
    }


def _all(base: type) -> list[type]:
    return sorted(_leaves(base), key=_tag)


def _leaves(base: type) -> Iterator[type]:
    below: list[type] = base.__subclasses__()
    if not below:
        yield base
    for kind in below:
        yield from _leaves(kind)


def _check(sent: list[type], told: list[type], events: list[type]) -> None:
    for what, wanted, found in (
        ("ANSWERS in infra/specifications/asyncapi.py", frames.FRAME_TYPES, {_tag(kind) for kind in ANSWERS}),
        ("FAILURES in infra/specifications/asyncapi.py", set(sent), set(FAILURES)),
        ("the frames in chalicelib/api/live/frames.py", frames.FRAME_TYPES, {_tag(kind) for kind in sent}),
        (
            "ANSWERS in infra/specifications/asyncapi.py",
            set(told),
            {one for all_ in ANSWERS.values() for one in all_},
        ),
        ("the events in infra/specifications/answers.py", set(EventType), {_tag(kind) for kind in events}),
    ):
        if wanted != found:
            raise Incomplete(f"Bring {what} in line: {sorted(map(str, set(wanted) ^ set(found)))}")


def _tag(kind: Any) -> str:
    tag: str = kind.__struct_config__.tag
    return tag


def _name(kind: type) -> str:
    return _tag(kind).replace(".", "_")


def _message(kind: type, examples: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": _tag(kind),
        "title": _tag(kind),
        "summary": schemas.summary(schemas.prose(kind)),
        "description": schemas.prose(kind),
        "contentType": "application/json",
        "correlationId": {"$ref": "#/components/correlationIds/id"},
        "payload": schemas.ref(kind),
        "examples": [{"name": name, "payload": frame} for name, frame in examples.items()],
    }


def _event(kind: type) -> dict[str, Any]:
    event = night.EVENTS[EventType(_tag(kind))]
    examples = {_tag(kind): event.envelope, f"{_tag(kind)}, opted in to resume": event.with_place}
    made = _message(kind, _decoded(examples))
    del made["correlationId"]  # an event answers nothing
    return made


def _notice(kind: type) -> dict[str, Any]:
    made = _message(kind, _decoded(night.frames_of(night.NOTICES, _tag(kind))))
    del made["correlationId"]  # likewise
    return made


def _decoded(examples: Mapping[str, bytes | str]) -> dict[str, Any]:
    return {name: json.loads(frame) for name, frame in examples.items()}


def _request(kind: type) -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": CHANNEL,
        "summary": schemas.summary(schemas.prose(kind)),
        "description": _codes(kind),
        "x-roles": _roles(kind),
        "messages": [_channel_message(kind)],
        "reply": {"channel": CHANNEL, "messages": [_channel_message(answer) for answer in ANSWERS[kind]]},
    }


def _roles(kind: type[frames.Frame]) -> list[str]:
    """Return the roles that may send a frame; none where it needs no token, as in the OpenAPI document."""
    return [role.value for role in Role] if NotAuthenticated in FAILURES[kind] else []


def _codes(kind: type[frames.Frame]) -> str:
    codes = ", ".join(f"`{code}`" for code in sorted({one.code for one in FAILURES[kind]}))
    refusals = ", ".join(f"`{one.code}`" for one in REFUSALS)
    refused = f"`auth_error` has one of the codes {refusals}. " if frames.AuthError in ANSWERS[kind] else ""
    return f"{refused}`error` has one of the codes {codes}."


def _broadcast(kind: type) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": CHANNEL,
        "summary": schemas.summary(schemas.prose(kind)),
        "description": schemas.prose(kind),
        "messages": [_channel_message(kind)],
    }


def _closing() -> dict[str, Any]:
    codes = " or ".join(f"`{one.code}`" for one in UNASKED)
    return {
        "action": "send",
        "channel": CHANNEL,
        "summary": "The connection is closed, and this is why",
        "description": f"`error` without an `id`, with the code {codes}. Nothing follows it.",
        "messages": [_channel_message(frames.Error)],
    }


def _channel_message(kind: type) -> dict[str, str]:
    return {"$ref": f"#/channels/live/messages/{_name(kind)}"}


def _servers() -> dict[str, Any]:
    return {
        "local": {
            "host": "localhost:{port}",
            "pathname": "/api/sessions/live",
            "protocol": "ws",
            "description": "The local gateway.",
            "variables": {"port": {"default": "5000"}},
        },
        "aws": {
            "host": "{ws_api}.execute-api.{region}.amazonaws.com",
            "pathname": "/{stage}",
            "protocol": "wss",
            "description": "A stage on AWS. `GET /api` of the REST API names the whole address.",
            "variables": {
                "ws_api": {"default": "f6g7h8i9j0", "description": "The WebSocket API's id."},
                "region": {"default": "us-east-1"},
                "stage": {"default": "dev"},
            },
        },
    }


def _schemas(sent: list[type], told: list[type], events: list[type]) -> dict[str, Any]:
    made = schemas.components([*sent, *told, *events])
    made["AuthError"]["properties"]["code"] = {"type": "string", "enum": [one.code for one in REFUSALS]}
    failures = _failures()
    made["Error"]["properties"]["code"] = {"type": "string", "enum": [one.code for one in failures]}
    made["Error"]["oneOf"] = [
        {
            "properties": {
                "code": {"enum": [one.code for one in failures if one.retryable is retryable]},
                "retryable": {"const": retryable},
            }
        }
        for retryable in (False, True)
    ]
    return made


def _failures() -> list[errors.Kind]:
    kinds = {one.code: one for all_ in (*FAILURES.values(), UNASKED) for one in all_}
    return [kinds[code] for code in sorted(kinds)]


def _errors() -> list[dict[str, Any]]:
    return [
        {
            "code": one.code,
            "title": one.title,
            "retryable": one.retryable,
            "closes": _closes(one),
            "unasked": one in UNASKED,
            "answers": sorted(_tag(kind) for kind, all_ in FAILURES.items() if one in all_),
        }
        for one in _failures()
    ]


def _closes(kind: errors.Kind) -> str:
    if kind in CLOSING_IN_THE_END:
        return "who goes on"
    return "yes" if kind in CLOSING else "no"


def _table() -> str:
    rows = [
        f"| `{one['code']}` | {one['title']} | {'yes' if one['retryable'] else 'no'} | "
        f"{one['closes']} | {', '.join(one['answers']) or 'nothing'} |"
        for one in _errors()
    ]
    return "\n".join(
        [
            "| code | what it says | retryable | closes the connection | after |",
            "|---|---|---|---|---|",
            *rows,
        ]
    )
