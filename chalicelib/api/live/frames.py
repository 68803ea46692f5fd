"""WebSocket frames: what clients send, decoded and checked, and what they are answered.

Leaves what a frame does to ``connections.clients``.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from chalicelib.api.json_input import decode
from chalicelib.auth.claims import Claims, Role
from chalicelib.connections.lifetime import MAX_RECONNECT_MILLISECONDS
from chalicelib.errors import GameNightError, InvalidFrame, UnknownFrameType
from chalicelib.limits import MAX_ID
from chalicelib.nights.cursors import Cursor, position
from chalicelib.nights.streams import Replay
from chalicelib.timestamps import timestamp

MAX_FRAME_BYTES = 32 * 1024
"""The contract's limit, which is API Gateway's limit of a frame."""

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


class Frame(msgspec.Struct, tag_field="type", forbid_unknown_fields=True):
    """What every client frame may carry: an ``id`` that the answer echoes."""

    id: FrameId | None = None


class Auth(Frame, tag="auth", kw_only=True):
    """Proves who the client is."""

    token: str
    since: str | msgspec.UnsetType = msgspec.UNSET


class Subscribe(Frame, tag="subscribe", kw_only=True):
    """Asks for the events of a session."""

    session_id: SessionId = msgspec.field(name="sessionId")
    since: str | msgspec.UnsetType = msgspec.UNSET


class Unsubscribe(Frame, tag="unsubscribe", kw_only=True):
    """Asks for no more events of a session."""

    session_id: SessionId = msgspec.field(name="sessionId")


class Ping(Frame, tag="ping"):
    """Asks whether anyone is there."""


class ServerFrame(msgspec.Struct, tag_field="type", kw_only=True, frozen=True):
    """What every answer to a frame may carry: the ``id`` of that frame, where it had one.

    Each answer is a direct subclass, which is how the specifications find it. What is UNSET is left out.
    """

    id: FrameId | msgspec.UnsetType = msgspec.UNSET


class AuthSuccess(ServerFrame, tag="auth_success", frozen=True):
    """The token was accepted: from now on the connection hears ``session.started``.

    ``cursor`` and ``recovered`` are there where the frame had ``since``; what was missed follows.
    """

    message: str
    sub: str
    role: Role
    expires_at: Timestamp = msgspec.field(name="expiresAt")
    cursor: str | msgspec.UnsetType = msgspec.UNSET
    recovered: bool | msgspec.UnsetType = msgspec.UNSET


class AuthError(ServerFrame, tag="auth_error", frozen=True):
    """The token was not accepted. The third failure closes the connection."""

    code: str
    message: str


class Subscribed(ServerFrame, tag="subscribed", frozen=True):
    """From now on the connection hears what happens in the session.

    ``cursor`` and ``recovered`` are there where the frame had ``since``; what was missed follows.
    """

    session_id: SessionId = msgspec.field(name="sessionId")
    cursor: str | msgspec.UnsetType = msgspec.UNSET
    recovered: bool | msgspec.UnsetType = msgspec.UNSET


class Unsubscribed(ServerFrame, tag="unsubscribed", frozen=True):
    """The connection hears no more of the session than everyone does."""

    session_id: SessionId = msgspec.field(name="sessionId")


class Pong(ServerFrame, tag="pong", frozen=True):
    """Someone is there, and this is the time."""

    timestamp: Timestamp


class Error(ServerFrame, tag="error", frozen=True):
    """Something went wrong. ``retryable`` says whether the same frame may succeed in a moment."""

    code: str
    message: str
    retryable: bool


class Notice(msgspec.Struct, tag_field="type", frozen=True):
    """What the server says of a connection without being asked.

    Each notice is a direct subclass, which is how the specifications find it.
    """


class TokenExpiring(Notice, tag="token_expiring", frozen=True):
    """The token expires soon: send ``auth`` with a new one. Only for clients that opted in to resume."""

    expires_at: Timestamp = msgspec.field(name="expiresAt")


class Reconnect(Notice, tag="reconnect", frozen=True):
    """The connection has become old: connect anew after ``afterMs``, and resume.

    Only for clients that opted in to resume. The time differs, so that not all come back at once.
    """

    reason: Literal["max_connection_age"]
    after_ms: Annotated[int, msgspec.Meta(ge=0, le=MAX_RECONNECT_MILLISECONDS)] = msgspec.field(
        name="afterMs"
    )


ClientFrame = Auth | Subscribe | Unsubscribe | Ping
FRAME_TYPES = frozenset({"auth", "subscribe", "unsubscribe", "ping"})

_decoder: "msgspec.json.Decoder[ClientFrame]" = msgspec.json.Decoder(ClientFrame)


class _Outline(msgspec.Struct):
    """As much of a frame as can be told of any JSON object."""

    type: Any = None
    id: Any = None


_outline_decoder: "msgspec.json.Decoder[_Outline]" = msgspec.json.Decoder(_Outline)


def read_frame(text: str) -> ClientFrame:
    """Return the frame. Raises InvalidJson, InvalidFrame or UnknownFrameType."""
    if len(text.encode(errors="surrogatepass")) > MAX_FRAME_BYTES:
        raise InvalidFrame("A frame has 32 KB at most.")
    outline = decode(text, _outline_decoder, InvalidFrame, "frame")
    if not isinstance(outline.type, str):
        raise InvalidFrame('A frame is a JSON object with a text "type".')
    if outline.type not in FRAME_TYPES:
        raise UnknownFrameType(f"The types that a client can send are {', '.join(sorted(FRAME_TYPES))}.")
    return decode(text, _decoder, InvalidFrame, "frame")


def frame_id(text: str) -> FrameId | None:
    """Return the id of a frame that could not be read, where it can be told, so that its error has it."""
    try:
        found = _outline_decoder.decode(text).id
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if isinstance(found, bool) or not isinstance(found, int | str) or len(str(found)) > MAX_ID_CHARACTERS:
        return None
    return found


def since_of(frame: Auth | Subscribe) -> Cursor | None:
    """Return where a client wants to resume; None where it does not ask. Raises InvalidCursor."""
    return None if isinstance(frame.since, msgspec.UnsetType) else position(frame.since)


def auth_success(claims: Claims, missed: Replay[Any] | None, frame_id: FrameId | None) -> bytes:
    """Return the answer to an accepted token; what was missed follows it."""
    expires_at = timestamp(datetime.fromtimestamp(claims.expires_at, UTC))
    return _encode(
        AuthSuccess(
            "Authenticated", claims.subject, claims.role, expires_at, *_resumed(missed), id=_echo(frame_id)
        )
    )


def auth_error(error: GameNightError, frame_id: FrameId | None) -> bytes:
    """Return the answer to a token that was not accepted."""
    return _encode(AuthError(error.code, error.detail, id=_echo(frame_id)))


def subscribed(session_id: int, missed: Replay[Any] | None, frame_id: FrameId | None) -> bytes:
    """Return the answer to a subscription; what was missed follows it."""
    return _encode(Subscribed(session_id, *_resumed(missed), id=_echo(frame_id)))


def unsubscribed(session_id: int, frame_id: FrameId | None) -> bytes:
    """Return the answer to the end of a subscription."""
    return _encode(Unsubscribed(session_id, id=_echo(frame_id)))


def pong(now: str, frame_id: FrameId | None) -> bytes:
    """Return the answer to a ping."""
    return _encode(Pong(now, id=_echo(frame_id)))


def error_frame(error: GameNightError, frame_id: FrameId | None) -> bytes:
    """Return the answer to anything that went wrong."""
    return _encode(Error(error.code, error.detail, error.retryable, id=_echo(frame_id)))


def token_expiring(expires_at: int) -> bytes:
    """Return the notice that a token expires at a Unix second."""
    return _encode(TokenExpiring(timestamp(datetime.fromtimestamp(expires_at, UTC))))


def reconnect(after_milliseconds: int) -> bytes:
    """Return the notice that a connection has become old."""
    return _encode(Reconnect("max_connection_age", after_milliseconds))


def _resumed(missed: Replay[Any] | None) -> tuple[str, bool] | tuple[()]:
    return () if missed is None else (str(missed.cursor), missed.recovered)


def _echo(frame_id: FrameId | None) -> FrameId | msgspec.UnsetType:
    return msgspec.UNSET if frame_id is None else frame_id


_encode = msgspec.json.encode
