"""Every error that a caller can get, as one tree.

Each error has a stable ``code`` and says what happened and what to do. ``api.rest.problems`` maps the tree to
HTTP and ``api.live.frames`` to WebSocket frames; no other table exists.
"""

from dataclasses import dataclass
from typing import ClassVar

from chalicelib.limits import MAX_BODY_BYTES, MAX_GAMES, MAX_SUBSCRIPTIONS


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of the input that is not as it should be; ``field`` is a dotted path."""

    field: str
    message: str


class GameNightError(Exception):
    """The root of the tree. ``detail`` is for the person who reads it.

    ``retryable`` is true where the same request may succeed later without being changed.
    """

    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong on our side"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidRequest(GameNightError):
    """The input is not as the protocol says; ``errors`` names the fields."""

    code = "invalid_request"
    title = "The request is not valid"

    def __init__(self, detail: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.errors = errors


class InvalidJson(InvalidRequest):
    """The body is not JSON at all."""

    code = "invalid_json"
    title = "The body is not valid JSON"


class BodyTooLarge(GameNightError):
    """The body is larger than any that says something."""

    code = "payload_too_large"
    title = "The body is too large"

    def __init__(self) -> None:
        super().__init__(f"A body has {MAX_BODY_BYTES // 1024} KB at most.")


class InvalidCursor(InvalidRequest):
    """``since`` is not a cursor of any stream of ours."""

    code = "invalid_cursor"
    title = "The cursor is not valid"

    def __init__(self) -> None:
        message = 'Expected a cursor exactly as it was received, "" for the beginning, or "now"'
        super().__init__(f"{message}, in since.", (FieldError("since", message),))


class Unauthenticated(GameNightError):
    """There is no token where one is needed."""

    code = "token_missing"
    title = "Authentication is needed"


class TokenInvalid(Unauthenticated):
    """The token was not issued by us, or is damaged."""

    code = "token_invalid"
    title = "The token is not valid"


class TokenExpired(Unauthenticated):
    """The token was good once."""

    code = "token_expired"
    title = "The token has expired"


class Forbidden(GameNightError):
    """The caller is known and may not do this."""

    code = "forbidden"
    title = "This role may not do that"


class NotFound(GameNightError):
    """There is nothing here."""

    code = "not_found"
    title = "There is nothing here"


class SessionNotFound(NotFound):
    """No session has this id."""

    code = "session_not_found"
    title = "There is no such session"

    def __init__(self, session_id: int | str) -> None:
        super().__init__(f"There is no session {session_id}.")


class GameNotFound(NotFound):
    """The session has no game with this id."""

    code = "game_not_found"
    title = "There is no such game"

    def __init__(self, session_id: int, game_id: int) -> None:
        super().__init__(f"Session {session_id} has no game {game_id}.")


class NoActiveSession(NotFound):
    """Every session has ended, or none was started yet."""

    code = "no_active_session"
    title = "No session is active"

    def __init__(self) -> None:
        super().__init__("No session is active now. POST /api/sessions starts one.")


class Conflict(GameNightError):
    """The request is valid, but not in the state that the session is in."""


class SessionClosed(Conflict):
    """The session has ended; nothing more happens in it."""

    code = "session_closed"
    title = "The session has ended"

    def __init__(self, session_id: int) -> None:
        super().__init__(f"Session {session_id} has ended. POST /api/sessions starts a new one.")


class NoGame(Conflict):
    """A vote for the newest game of a session that has none yet."""

    code = "no_game"
    title = "There is no game to vote for yet"

    def __init__(self, session_id: int) -> None:
        super().__init__(f"Session {session_id} has no game yet. Vote once game.added has come.")


class TooManyGames(Conflict):
    """The session has as many games as it can hold."""

    code = "too_many_games"
    title = "The session is full"

    def __init__(self, session_id: int) -> None:
        super().__init__(f"Session {session_id} has {MAX_GAMES} games and takes no more. Start a new one.")


class TooManySubscriptions(Conflict):
    """The connection follows as many sessions as one may."""

    code = "too_many_subscriptions"
    title = "The connection has too many subscriptions"

    def __init__(self) -> None:
        super().__init__(
            f"This connection follows {MAX_SUBSCRIPTIONS} sessions, the most that one may. Unsubscribe from "
            "one that has ended, or open another connection."
        )


class Contended(GameNightError):
    """Too many writers at once; our retries ran out."""

    code = "contended"
    title = "Too many writers at once"
    retryable = True


class TooManyFrames(GameNightError):
    """The connection sends more frames than one may. After the ``last`` such error it is closed."""

    code = "too_many_frames"
    title = "Too many frames"
    retryable = True

    def __init__(self, per_second: int, *, last: bool = False) -> None:
        super().__init__(
            f"A connection may send {per_second} frames a second. This one was not read: wait a little, and "
            "send it again."
        )
        self.last = last


class Unavailable(GameNightError):
    """Something that we depend on does not answer or is throttling."""

    code = "unavailable"
    title = "A part of the service is not available"
    retryable = True


class InvalidFrame(InvalidRequest):
    """The frame is JSON, but not one that the protocol knows; ``errors`` names the fields."""

    code = "invalid_frame"
    title = "The frame is not valid"


class UnknownFrameType(InvalidFrame):
    """The frame's ``type`` is not one that clients send."""

    code = "unknown_type"
    title = "There is no such frame"


class NotAuthenticated(GameNightError):
    """The connection has not proved yet who it is."""

    code = "not_authenticated"
    title = "Authenticate first"


class AuthTimeout(GameNightError):
    """The connection has not proved in time who it is."""

    code = "auth_timeout"
    title = "Authentication took too long"

    def __init__(self) -> None:
        super().__init__("No token has come in time. Connect again, and send auth at once.")


class SubjectMismatch(Unauthenticated):
    """An authenticated connection sent somebody else's token."""

    code = "subject_mismatch"
    title = "The token belongs to somebody else"

    def __init__(self, subject: str) -> None:
        super().__init__(
            f"This connection belongs to {subject}. Open another connection for another subject."
        )


class ConnectionUnknown(GameNightError):
    """The connection is not in our table: it was closed, or swept away."""

    code = "connection_unknown"
    title = "This connection is not known"

    def __init__(self) -> None:
        super().__init__("This connection is not known any more. Connect again.")
