"""Has one example of each error of the domain, raised by the code itself where that is simple."""

from collections.abc import Iterator

from chalicelib import errors
from chalicelib.api.live import frames
from chalicelib.api.rest import bodies
from chalicelib.auth.claims import Claims, Role
from chalicelib.errors import GameNightError
from chalicelib.idempotency import IdempotentRequest, RecordedAnswer
from chalicelib.limits import FRAMES_PER_SECOND
from infra.specifications.schemas import Incomplete

Kind = type[GameNightError]


def tree(root: Kind = GameNightError) -> Iterator[Kind]:
    """Yield every error type."""
    yield root
    for kind in root.__subclasses__():
        yield from tree(kind)


def sample(code: str) -> GameNightError:
    """Return the example with a code. Raises Incomplete."""
    if code not in SAMPLES:
        raise Incomplete(f"Add an example of {code} to infra/specifications/errors.py.")
    return SAMPLES[code]


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


SAMPLES: dict[str, GameNightError] = {
    error.code: error
    for error in (
        *_raised(),
        errors.AuthTimeout(),
        errors.BodyTooLarge(),
        errors.ConnectionUnknown(),
        errors.Contended("Too many writers at once on this session. Send the request again in a moment."),
        errors.GameNightError("This is our mistake and it has been logged."),
        errors.GameNotFound(17, 5),
        errors.InvalidCursor(),
        errors.GuestNotFound(17, "Zoë"),
        errors.InviteExpired("The night of this code has ended."),
        errors.InviteNotFound(),
        errors.NameTaken("Zoë"),
        errors.NoActiveSession(),
        errors.NoGame(17),
        errors.NotAuthenticated('Send {"type":"auth","token":"..."} first, and wait for auth_success.'),
        errors.SessionClosed(17),
        errors.SessionNotFound(18),
        errors.SubjectMismatch("kosmi"),
        errors.TokenExpired("The token has expired. Get a new one."),
        errors.TokenInvalid("The token was not issued by this service, or is damaged."),
        errors.TokenRevoked(),
        errors.TooManyAttempts(),
        errors.TooManyFrames(FRAMES_PER_SECOND),
        errors.TooManyGames(17),
        errors.TooManySubscriptions(),
        errors.VoteNotFound(17, 1, "Zoë"),
        errors.Unavailable("The store did not answer in time. Send the request again in a moment."),
    )
}
"""One example of each error, by its code."""
