"""What machinery, operators and time do; see ``hosts`` for how actions are made."""

from dataclasses import dataclass
from typing import Any

from chalicelib.limits import EVENT_RETENTION_SECONDS
from chalicelib.nights.events import session_stream
from tests.model.actions.clients import come_back
from tests.model.actions.polls import poll
from tests.model.actions.which import Interruptions
from tests.model.clients import Since
from tests.model.night import Night


@dataclass(frozen=True, slots=True)
class Deliver:
    """The stream hands over ``count`` more records of a shard, behind ``again`` delivered ones."""

    shard: int
    count: int
    again: int
    interruptions: Interruptions = ()
    give_up: bool = False

    def __call__(self, night: Night) -> None:
        night.deliver(self.shard, self.count, self.again, self.interruptions, give_up=self.give_up)


@dataclass(frozen=True, slots=True)
class Work:
    """The worker of the queue gets the first job of one of the groups."""

    which: int
    interruptions: Interruptions = ()

    def __call__(self, night: Night) -> None:
        night.work(self.which, self.interruptions)


@dataclass(frozen=True, slots=True)
class DeliverAll:
    def __call__(self, night: Night) -> None:
        night.drain()


@dataclass(frozen=True, slots=True)
class Delivered:
    """Something happens, and everyone hears of it at once."""

    action: Any

    def __call__(self, night: Night) -> None:
        self.action(night)
        night.drain()


@dataclass(frozen=True, slots=True)
class SeasonPasses:
    """So long that all that was logged has expired. No connection, key or record lasts that long."""

    def __call__(self, night: Night) -> None:
        night.drain()
        night.stream.expire()
        for client in night.clients:
            night.hang_up(client)
        night.departed.clear()
        night.keyed.clear()
        night.pass_time(EVENT_RETENTION_SECONDS + 60)


@dataclass(frozen=True, slots=True)
class TablesAreMadeAnew:
    def __call__(self, night: Night) -> None:
        night.begin_life()


@dataclass(frozen=True, slots=True)
class TableIsRestored:
    """The operator's procedure: all are disconnected, and the streams have new epochs."""

    def __call__(self, night: Night) -> None:
        night.drain()
        for client in night.clients:
            night.hang_up(client)
        night.stream.expire()
        night.renew_epochs()


@dataclass(frozen=True, slots=True)
class Settle:
    """All is delivered, and what everyone has heard is checked; then everyone comes back, and once more."""

    def __call__(self, night: Night) -> None:
        night.drain()
        night.check_heard()
        for client in night.clients:
            come_back(night, client)
            for stream in [*client.places]:
                if stream in night.ledger.streams:
                    poll(night, client, stream, Since.BEGINNING, 3)
        night.drain()
        night.check_heard()
        for client in night.clients:
            for lack in client.behind():
                night.complain(lack)
        for entries in night.ledger.fired.values():
            if len(entries) > 1:
                night.complain(f"fired more than once: {entries}")
        self._check_heads(night)

    def _check_heads(self, night: Night) -> None:
        for session_id in range(1, night.ledger.sessions + 1):
            session = night.stores.sessions.session(session_id)
            if session.sequence != night.ledger.end(session_stream(session_id)):
                night.complain(f"the head of {session_id} is at {session.sequence}")
        if night.stores.sessions.head().sequence != night.ledger.sessions:
            night.complain("the head of sessions is not at their end")
