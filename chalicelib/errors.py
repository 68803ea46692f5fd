"""Defines every error that a caller can get, as one tree.

Each error has a stable ``code`` and says what happened and what to do. ``api.rest.problems`` maps the tree to
HTTP and ``api.live.frames`` to WebSocket frames; no other table exists.
"""

from typing import ClassVar

import msgspec

from chalicelib.limits import MAX_BODY_BYTES, MAX_GAMES, MAX_SUBSCRIPTIONS


class FieldError(msgspec.Struct, frozen=True):
    """An invalid field of the input; ``field`` is a dotted path."""

    field: str
    message: str


class GameNightError(Exception):
    """The root of the tree. ``detail`` is for the person who reads it.

    ``retryable`` is true if the same request may succeed later.
    """

    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong on our side"
    retryable: ClassVar[bool] = False

    def __init_subclass__(cls, code: str = "", title: str = "", *, retryable: bool = False) -> None:
        """Inherit from the parent what is not given."""
        cls.code, cls.title, cls.retryable = code or cls.code, title or cls.title, retryable or cls.retryable

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidRequest(GameNightError, code="invalid_request", title="The request is not valid"):
    """The input breaks the protocol; ``errors`` names the fields."""

    def __init__(self, detail: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.errors = errors


class InvalidJson(InvalidRequest, code="invalid_json", title="The body is not valid JSON"):
    """The body is not JSON at all."""


class BodyTooLarge(GameNightError, code="payload_too_large", title="The body is too large"):
    """The body is larger than the limit."""

    def __init__(self) -> None:
        super().__init__(f"A body has {MAX_BODY_BYTES // 1024} KB at most.")


class InvalidCursor(InvalidRequest, code="invalid_cursor", title="The cursor is not valid"):
    """``since`` is not a cursor."""

    def __init__(self) -> None:
        message = 'Expected a cursor exactly as it was received, "" for the beginning, or "now"'
        super().__init__(f"{message}, in since.", (FieldError("since", message),))


class Unauthenticated(GameNightError, code="token_missing", title="Authentication is needed"):
    """The request needs a token and has none."""


class TokenInvalid(Unauthenticated, code="token_invalid", title="The token is not valid"):
    """The token was not issued by us, or is damaged."""


class TokenExpired(Unauthenticated, code="token_expired", title="The token has expired"):
    """The token has expired."""


class TokenRevoked(Unauthenticated, code="token_revoked", title="The token was revoked"):
    """A host revoked this subject's tokens after this one was issued."""

    def __init__(self) -> None:
        super().__init__("A host has revoked this token. Ask the host for a new one.")


class Forbidden(GameNightError, code="forbidden", title="This role may not do that"):
    """The caller is known and may not do this."""


class NotFound(GameNightError, code="not_found", title="There is nothing here"):
    """There is nothing here."""


class SessionNotFound(NotFound, code="session_not_found", title="There is no such session"):
    """No session has this id."""

    def __init__(self, session_id: int | str) -> None:
        super().__init__(f"There is no session {session_id}.")


class GameNotFound(NotFound, code="game_not_found", title="There is no such game"):
    """The session has no game with this id."""

    def __init__(self, session_id: int, game_id: int | str) -> None:
        super().__init__(f"Session {session_id} has no game {game_id}.")


class VoteNotFound(NotFound, code="vote_not_found", title="There is no such vote"):
    """Nobody with this name has a counted vote for this game."""

    def __init__(self, session_id: int, game_id: int, username: str) -> None:
        super().__init__(f"{username} has no vote for game {game_id} of session {session_id}.")


class InviteNotFound(NotFound, code="invite_not_found", title="There is no such code"):
    """No invite has this code."""

    def __init__(self) -> None:
        super().__init__("No night has this code. Check it, or ask the host.")


class GuestNotFound(NotFound, code="guest_not_found", title="There is no such guest"):
    """Nobody joined the session under this name."""

    def __init__(self, session_id: int, name: str) -> None:
        super().__init__(f"Session {session_id} has no guest called {name}.")


class TooManyAttempts(GameNightError, code="too_many_attempts", title="Too many attempts", retryable=True):
    """Too many codes were tried within this minute, from one address or in all."""

    def __init__(self) -> None:
        super().__init__("Too many people are trying codes at the moment. Wait a minute, and try again.")


class NoActiveSession(NotFound, code="no_active_session", title="No session is active"):
    """Every session has ended, or none was started yet."""

    def __init__(self) -> None:
        super().__init__("No session is active now. POST /api/sessions starts one.")


class Conflict(GameNightError):
    """The request is valid, but conflicts with the state of what it names."""


class InviteExpired(Conflict, code="invite_expired", title="The code no longer works"):
    """The code has expired or was used, or its session has ended."""


class SessionClosed(Conflict, code="session_closed", title="The session has ended"):
    """The session has ended; nothing more happens in it."""

    def __init__(self, session_id: int) -> None:
        super().__init__(f"Session {session_id} has ended. POST /api/sessions starts a new one.")


class NoGame(Conflict, code="no_game", title="There is no game to vote for yet"):
    """The vote is for the newest game, and the session has no game yet."""

    def __init__(self, session_id: int) -> None:
        super().__init__(f"Session {session_id} has no game yet. Vote once game.added has come.")


class NameTaken(Conflict, code="name_taken", title="The name is taken"):
    """Another guest of the session has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Somebody called {name} is here already. Choose another name.")


class TooManyGames(Conflict, code="too_many_games", title="The session is full"):
    """The session has had the most games that one may, removed ones included."""

    def __init__(self, session_id: int) -> None:
        super().__init__(
            f"Session {session_id} has had {MAX_GAMES} games, removed ones included. Start a new one."
        )


class TooManySubscriptions(
    Conflict, code="too_many_subscriptions", title="The connection has too many subscriptions"
):
    """The connection follows the most sessions that one may."""

    def __init__(self) -> None:
        super().__init__(
            f"This connection follows {MAX_SUBSCRIPTIONS} sessions, the most that one may. Unsubscribe from "
            "one that has ended, or open another connection."
        )


class Contended(GameNightError, code="contended", title="Too many writers at once", retryable=True):
    """Too many writers at once; our retries ran out."""


class TooManyFrames(GameNightError, code="too_many_frames", title="Too many frames", retryable=True):
    """The connection sends too many frames. It is closed after the ``last`` such error."""

    def __init__(self, per_second: int, *, last: bool = False) -> None:
        super().__init__(
            f"A connection may send {per_second} frames a second. This one was ignored: wait a little, and "
            "send it again."
        )
        self.last = last


class Unavailable(
    GameNightError, code="unavailable", title="A part of the service is not available", retryable=True
):
    """Something that we depend on does not answer or is throttling."""


class InvalidFrame(InvalidRequest, code="invalid_frame", title="The frame is not valid"):
    """The frame is JSON, but breaks the protocol; ``errors`` names the fields."""


class UnknownFrameType(InvalidFrame, code="unknown_type", title="There is no such frame"):
    """The frame's ``type`` is not one that clients send."""


class NotAuthenticated(GameNightError, code="not_authenticated", title="Authenticate first"):
    """The connection has not authenticated yet."""


class AuthTimeout(GameNightError, code="auth_timeout", title="Authentication took too long"):
    """The connection did not authenticate in time."""

    def __init__(self) -> None:
        super().__init__("No token came in time. Connect again, and send auth at once.")


class SubjectMismatch(Unauthenticated, code="subject_mismatch", title="The token belongs to somebody else"):
    """An authenticated connection sent somebody else's token."""

    def __init__(self, subject: str) -> None:
        super().__init__(
            f"This connection belongs to {subject}. Open another connection for another subject."
        )


class ConnectionUnknown(GameNightError, code="connection_unknown", title="This connection is not known"):
    """The connection is not in the table: it was closed or removed."""

    def __init__(self) -> None:
        super().__init__("This connection is not known any more. Connect again.")
