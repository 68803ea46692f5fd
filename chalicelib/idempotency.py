"""Applies a request once, even if it is sent twice under the same idempotency key."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from chalicelib.errors import Conflict, Contended, GameNightError
from chalicelib.retry import Backoff

RETENTION_SECONDS = 24 * 60 * 60
"""How long a key is remembered, as the protocol says."""


class IdempotencyMismatch(
    GameNightError, code="idempotency_mismatch", title="This idempotency key belongs to another request"
):
    """The key was used for another request."""


class IdempotentRequest(msgspec.Struct, frozen=True):
    """A request under a key. Keys of different subjects are different keys.

    ``request_hash`` is a digest of route and body.
    """

    subject: str
    key: str
    request_hash: str

    @property
    def name(self) -> tuple[str, str]:
        """The name under which the answer is recorded."""
        return self.subject, self.key


class RecordedAnswer(msgspec.Struct, frozen=True):
    """The request under a key, and the JSON text of its answer."""

    request_hash: str
    answer: str

    def answer_to(self, request: IdempotentRequest) -> str:
        """Return the first answer. Raises IdempotencyMismatch if the request is another one."""
        if self.request_hash != request.request_hash:
            raise IdempotencyMismatch(
                f"The Idempotency-Key {request.key!r} was used for a different request within the last "
                "24 hours. Use a new key for a new request."
            )
        return self.answer


class VersionConflict(Exception):
    """Another writer changed what was read, or recorded the idempotency key. Load and try again."""


class Record(msgspec.Struct, frozen=True):
    """An answer to be recorded under an idempotency key, in the transaction of the change itself."""

    request: IdempotentRequest
    answer: str


class AnswerStore(Protocol):
    """Answers under idempotency keys. Every read is strongly consistent.

    Every method raises Unavailable if the store does not answer or is throttling.
    """

    def recorded_answer(self, request: IdempotentRequest) -> RecordedAnswer | None:
        """Return the answer recorded under the request's key, unless its retention is over."""

    def record(self, record: Record) -> None:
        """Record an answer without a change. Raises VersionConflict if the key is in use."""


class Idempotent:
    """Runs attempts until one is stored."""

    def __init__(self, answers: AnswerStore, backoff: Backoff) -> None:
        self._answers = answers
        self._backoff = backoff

    def once(
        self, request: IdempotentRequest | None, attempt: Callable[[], Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """Return the recorded answer to the request, or attempt it until no other writer is first.

        ``attempt`` loads, decides and stores with the record of its answer (see ``records_of``), and raises
        VersionConflict if another writer was first. Raises IdempotencyMismatch, Contended, Unavailable, and
        what the attempt raises.
        """
        for _ in self._backoff.attempts():
            if (answer := self._first_answer(request)) is not None:
                return answer
            try:
                return attempt()
            except VersionConflict:
                continue
            except Conflict:
                # The conflict may come from this same request: sent twice at once, it ends a night once.
                if (answer := self._first_answer(request)) is not None:
                    return answer
                raise
        raise Contended("Too many writers at once on this session. Send the request again in a moment.")

    def _first_answer(self, request: IdempotentRequest | None) -> Mapping[str, Any] | None:
        if request is None or (recorded := self._answers.recorded_answer(request)) is None:
            return None
        answer: Mapping[str, Any] = json.loads(recorded.answer_to(request))
        return answer


def records_of(request: IdempotentRequest | None, answer: Mapping[str, Any]) -> list[Record]:
    """Return the record of an answer; none if the request has no key."""
    return [Record(request, json.dumps(answer))] if request else []
