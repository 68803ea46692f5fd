"""Doing a request once: under its idempotency key, and again after a lost race.

What every use case that changes something shares. Leaves the change itself to its caller.
"""

import json
from collections.abc import Callable

from chalicelib.domain.errors import Conflict
from chalicelib.domain.events import Json
from chalicelib.domain.idempotency import IdempotentRequest
from chalicelib.services.contention import Backoff
from chalicelib.services.stores import AnswerStore, Record, StreamMoved


class Commits:
    """Runs attempts until one is stored."""

    def __init__(self, answers: AnswerStore, backoff: Backoff) -> None:
        self._answers = answers
        self._backoff = backoff

    def once(self, request: IdempotentRequest | None, attempt: Callable[[], Json]) -> Json:
        """Return the first answer to the request, or make the attempt until it is not overtaken.

        ``attempt`` loads, decides and stores with the record of its answer (see ``records_of``), and raises
        StreamMoved where it was overtaken. Raises IdempotencyMismatch, Contended, Unavailable, and what
        the attempt raises.
        """
        for _ in self._backoff.attempts():
            if (answer := self._first_answer(request)) is not None:
                return answer
            try:
                return attempt()
            except StreamMoved:
                continue
            except Conflict:
                # What is in the way may be this very request: sent twice at once, it ends a night once.
                if (answer := self._first_answer(request)) is not None:
                    return answer
                raise
        raise AssertionError  # attempts() never ends without raising

    def _first_answer(self, request: IdempotentRequest | None) -> Json | None:
        if request is None or (recorded := self._answers.recorded_answer(request)) is None:
            return None
        answer: Json = json.loads(recorded.answer_to(request))
        return answer


def records_of(request: IdempotentRequest | None, answer: Json) -> list[Record]:
    """Return what is to be recorded of an answer, nothing where the request has no key."""
    return [Record(request, json.dumps(answer))] if request else []
