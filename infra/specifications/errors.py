"""The errors of the domain's tree as the specifications list them: codes, and one of each as it is told."""

from collections.abc import Iterator

from chalicelib.api.live import frames
from chalicelib.api.rest import bodies
from chalicelib.auth.claims import Claims, Role
from chalicelib.errors import (
    AuthTimeout,
    BodyTooLarge,
    ConnectionUnknown,
    Contended,
    Forbidden,
    GameNightError,
    GameNotFound,
    InvalidCursor,
    InvalidFrame,
    InvalidJson,
    InvalidRequest,
    NoActiveSession,
    NoGame,
    NotAuthenticated,
    SessionClosed,
    SessionNotFound,
    SubjectMismatch,
    TokenExpired,
    TokenInvalid,
    TooManyFrames,
    TooManyGames,
    TooManySubscriptions,
    Unauthenticated,
    Unavailable,
    UnknownFrameType,
)
from chalicelib.idempotency import IdempotencyMismatch, IdempotentRequest, RecordedAnswer
from chalicelib.limits import FRAMES_PER_SECOND
from infra.specifications.schemas import Incomplete

Kind = type[GameNightError]


def tree(root: Kind = GameNightError) -> Iterator[Kind]:
    """Yield every error that there is."""
    yield root
    for kind in root.__subclasses__():
        yield from tree(kind)


def sample(kind: Kind) -> GameNightError:
    """Return an error of a kind, raised by the code itself where that is at hand. Raises Incomplete."""
    found = next((one for one in _SAMPLES if type(one) is kind), None)
    if found is None:
        raise Incomplete(
            f"Show what {kind.__name__} says among the samples of infra/specifications/errors.py"
        )
    return found


def _raised() -> Iterator[GameNightError]:
    for provoke in (
        lambda: bodies.body_of('{"notes": 5}', bodies.NewSession),
        lambda: bodies.body_of("{", bodies.NewSession),
        lambda: bodies.bearer_token({}),
        lambda: Claims("kosmi", Role.BOT, 0, 0, "1").require(Role.ADMIN),
        lambda: RecordedAnswer("one", "{}").answer_to(IdempotentRequest("host", "friday", "another")),
        lambda: frames.read_frame('{"type":"subscribe","sessionId":"17"}'),
        lambda: frames.read_frame('{"type":"dance"}'),
    ):
        try:
            provoke()
        except GameNightError as error:
            yield error


_SAMPLES: tuple[GameNightError, ...] = (
    *_raised(),
    AuthTimeout(),
    BodyTooLarge(),
    ConnectionUnknown(),
    Contended("Too many writers at once on this session. Send the request again in a moment."),
    GameNightError("This is our mistake and it has been logged."),
    GameNotFound(17, 5),
    InvalidCursor(),
    NoActiveSession(),
    NoGame(17),
    NotAuthenticated('Send {"type":"auth","token":"..."} first, and wait for auth_success.'),
    SessionClosed(17),
    SessionNotFound(18),
    SubjectMismatch("kosmi"),
    TokenExpired("The token has expired. Get a new one."),
    TokenInvalid("The token was not issued by this service, or is damaged."),
    TooManyFrames(FRAMES_PER_SECOND),
    TooManyGames(17),
    TooManySubscriptions(),
    Unavailable("The store did not answer in time. Send the request again in a moment."),
)

OF_TOKENS: tuple[Kind, ...] = (Unauthenticated, TokenInvalid, TokenExpired)
OF_POSTS: tuple[Kind, ...] = (InvalidRequest, InvalidJson, BodyTooLarge, IdempotencyMismatch, Contended)
OF_CURSORS: tuple[Kind, ...] = (InvalidRequest, InvalidCursor)
OF_SESSIONS: tuple[Kind, ...] = (SessionNotFound,)
OF_ADMINS: tuple[Kind, ...] = (Forbidden,)
OF_FRAMES: tuple[Kind, ...] = (
    InvalidJson,
    InvalidFrame,
    UnknownFrameType,
    TooManyFrames,
    GameNightError,
)
OF_CONNECTIONS: tuple[Kind, ...] = (ConnectionUnknown, Contended, Unavailable)
