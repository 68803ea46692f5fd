"""Idempotency keys: the same request sent twice happens once."""

from dataclasses import dataclass

from chalicelib.domain.errors import GameNightError

RETENTION_SECONDS = 24 * 60 * 60
"""How long a key is remembered, as the contract says."""


class IdempotencyMismatch(GameNightError):
    """The key was used for another request."""

    code = "idempotency_mismatch"
    title = "This idempotency key belongs to another request"


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request under a key. Keys of different subjects are different keys.

    ``request_hash`` is a digest of route and body.
    """

    subject: str
    key: str
    request_hash: str

    @property
    def name(self) -> tuple[str, str]:
        """What the request is remembered under."""
        return self.subject, self.key


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """What was asked under a key, and the JSON text that answered it."""

    request_hash: str
    answer: str

    def answer_to(self, request: IdempotentRequest) -> str:
        """Return the first answer. Raises IdempotencyMismatch where the request is another one."""
        if self.request_hash != request.request_hash:
            raise IdempotencyMismatch(
                f"The Idempotency-Key {request.key!r} was used for a different request within the last "
                "24 hours. Use a new key for a new request."
            )
        return self.answer
