"""Decodes and checks WebSocket frames from clients, and encodes frames from the server."""

from typing import Annotated, Any, Literal

import msgspec

from chalicelib.api.json_input import decode
from chalicelib.auth.claims import Claims, Role
from chalicelib.connections.lifetime import MAX_RECONNECT_MILLISECONDS
from chalicelib.errors import GameNightError, InvalidFrame, InvalidRequest, UnknownFrameType
from chalicelib.limits import MAX_ID
from chalicelib.nights.cursors import Cursor, parse_since
from chalicelib.nights.streams import Place
from chalicelib.timestamps import unix_timestamp

MAX_FRAME_BYTES = 32 * 1024
"""The protocol's limit, and API Gateway's."""

MAX_ID_CHARACTERS = 128

FrameId = int | Annotated[str, msgspec.Meta(max_length=MAX_ID_CHARACTERS)]
SessionId = Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]
Timestamp = Annotated[
    str,
    msgspec.Meta(
        extra_json_schema={
            "format": "date-time",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z$",
        }
    ),
]
"""Text as ``timestamps`` renders it."""


class Frame(msgspec.Struct, tag_field="type", rename="camel", forbid_unknown_fields=True):
    """Every client frame may have an ``id``, which the answer echoes."""

    id: FrameId | None = None


class Auth(Frame, tag="auth", kw_only=True):
    """Proves who the client is."""

    token: str
    since: str | msgspec.UnsetType = msgspec.UNSET


class Subscribe(Frame, tag="subscribe", kw_only=True):
    """Asks for the events of a session."""

    session_id: SessionId
    since: str | msgspec.UnsetType = msgspec.UNSET


class Unsubscribe(Frame, tag="unsubscribe", kw_only=True):
    """Ends the events of a session."""

    session_id: SessionId


class Ping(Frame, tag="ping"):
    """Asks for a ``pong``."""


class ServerFrame(msgspec.Struct, tag_field="type", rename="camel", kw_only=True, frozen=True):
    """An answer. It has the ``id`` of its frame, if the frame had one. UNSET fields are left out."""

    id: FrameId | msgspec.UnsetType = msgspec.UNSET


class Resumable(ServerFrame, kw_only=True, frozen=True):
    """An answer to a frame that may have ``since``. If it has, the answer says where events continue.

    ``last`` is the sequence of the newest event. If ``recovered``, every event after ``since`` follows.
    """

    stream: str | msgspec.UnsetType = msgspec.UNSET
    sequence: Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)] | msgspec.UnsetType = msgspec.UNSET
    cursor: str | msgspec.UnsetType = msgspec.UNSET
    last: Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)] | msgspec.UnsetType = msgspec.UNSET
    recovered: bool | msgspec.UnsetType = msgspec.UNSET


class AuthSuccess(Resumable, tag="auth_success", frozen=True):
    """The token was accepted: from now on the connection gets ``session.started``."""

    message: str
    sub: str
    role: Role
    expires_at: Timestamp


class AuthError(ServerFrame, tag="auth_error", frozen=True):
    """The token was not accepted. The third failure closes the connection."""

    code: str
    message: str


class Subscribed(Resumable, tag="subscribed", frozen=True):
    """From now on the connection gets the events of the session."""

    session_id: SessionId


class Unsubscribed(ServerFrame, tag="unsubscribed", frozen=True):
    """From now on the connection gets no events of the session."""

    session_id: SessionId


class Pong(ServerFrame, tag="pong", frozen=True):
    """The server answers, with its time."""

    timestamp: Timestamp


class Error(ServerFrame, tag="error", frozen=True):
    """Something went wrong. ``retryable`` says whether the same frame may succeed in a moment."""

    code: str
    message: str
    retryable: bool


class Notice(msgspec.Struct, tag_field="type", rename="camel", frozen=True):
    """A frame about the connection that answers no frame.

    Each notice is a direct subclass: the specifications find it so.
    """


class TokenExpiring(Notice, tag="token_expiring", frozen=True):
    """The token expires soon: send ``auth`` with a new one. Only for clients that opted in to resume."""

    expires_at: Timestamp


class Reconnect(Notice, tag="reconnect", frozen=True):
    """The connection has become old: reconnect after ``afterMs``, and resume.

    Only for clients that opted in to resume. The time differs, so not all clients reconnect at once.
    """

    reason: Literal["max_connection_age"]
    after_ms: Annotated[int, msgspec.Meta(ge=0, le=MAX_RECONNECT_MILLISECONDS)]


ClientFrame = Auth | Subscribe | Unsubscribe | Ping
FRAME_TYPES = frozenset({"auth", "subscribe", "unsubscribe", "ping"})


def read_frame(text: str) -> ClientFrame:
    """Return the frame. Raises InvalidJson, InvalidFrame or UnknownFrameType."""
    if len(text.encode(errors="surrogatepass")) > MAX_FRAME_BYTES:
        raise InvalidFrame("A frame has 32 KB at most.")
    kind = decode(text, dict[str, Any], InvalidFrame, "frame").get("type")
    if not isinstance(kind, str):
        raise InvalidFrame('A frame is a JSON object with a text "type".')
    if kind not in FRAME_TYPES:
        raise UnknownFrameType(f"The types that a client can send are {', '.join(sorted(FRAME_TYPES))}.")
    frame: ClientFrame = decode(text, ClientFrame, InvalidFrame, "frame")
    return frame


def frame_id(text: str) -> FrameId | None:
    """Return the id of an unreadable frame, for its error; None if the id is unreadable too."""
    try:
        found: FrameId | None = msgspec.convert(decode(text, dict[str, Any], InvalidFrame).get("id"), FrameId)
    except (InvalidRequest, msgspec.ValidationError):
        found = None
    return found


def since_of(frame: Auth | Subscribe) -> Cursor | None:
    """Return where a client wants to resume; None if it does not ask to. Raises InvalidCursor."""
    return None if isinstance(frame.since, msgspec.UnsetType) else parse_since(frame.since)


def encode(frame: ServerFrame | Notice, frame_id: FrameId | None = None) -> bytes:
    """Return a frame as JSON. An answer echoes the id of the client's frame."""
    return msgspec.json.encode(frame if frame_id is None else msgspec.structs.replace(frame, id=frame_id))


def auth_success(claims: Claims, place: Place | None) -> AuthSuccess:
    """Return the answer to an accepted token."""
    return AuthSuccess(
        message="Authenticated",
        sub=claims.subject,
        role=claims.role,
        expires_at=unix_timestamp(claims.expires_at),
        **_resumed(place),
    )


def subscribed(session_id: int, place: Place | None) -> Subscribed:
    """Return the answer to a subscription."""
    return Subscribed(session_id=session_id, **_resumed(place))


def error_frame(error: GameNightError, frame_id: FrameId | None = None) -> bytes:
    """Return the answer to a frame that failed."""
    return encode(Error(error.code, error.detail, error.retryable), frame_id)


def _resumed(place: Place | None) -> dict[str, Any]:
    if place is None:
        return {}
    return {
        "stream": place.stream,
        "sequence": place.cursor.sequence,
        "cursor": str(place.cursor),
        "last": place.last,
        "recovered": place.recovered,
    }
