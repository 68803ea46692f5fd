"""The use cases of a host: load, ask the domain, commit.

Leaves delivery to the log's stream: nothing here posts anything.
"""

import json
from collections.abc import Callable

from chalicelib.domain.events import Json
from chalicelib.domain.idempotency import IdempotentRequest
from chalicelib.domain.identity import Claims, Role
from chalicelib.domain.sessions import start_session
from chalicelib.domain.timestamps import Clock, timestamp
from chalicelib.services.contention import Backoff
from chalicelib.services.ports import Record, SessionStore, StreamMoved


class GameNights:
    """Sessions, as a host changes them. ``new_epoch`` returns a fresh random text."""

    def __init__(
        self, store: SessionStore, clock: Clock, new_epoch: Callable[[], str], backoff: Backoff
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_epoch = new_epoch
        self._backoff = backoff

    def start(self, caller: Claims, notes: str | None, request: IdempotentRequest | None = None) -> Json:
        """Start a game night and return it as the contract's 201 shows it.

        Raises Forbidden, IdempotencyMismatch, Contended, Unavailable.
        """
        caller.require(Role.ADMIN)
        for _ in self._backoff.attempts():
            if request and (recorded := self._store.recorded_answer(request)):
                answer: Json = json.loads(recorded.answer_to(request))
                return answer
            head = self._store.head()
            session, event = start_session(
                head, epoch=self._new_epoch(), notes=notes, now=timestamp(self._clock())
            )
            record = Record(request, json.dumps(session.as_data())) if request else None
            try:
                self._store.start(head, session, event, record)
            except StreamMoved:
                continue
            return session.as_data()
        raise AssertionError  # attempts() never ends without raising
