"""How chance chooses what happens next, and what happens within it. The same seed makes the same night."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from tests.model.actions import clients, hosts, machinery, polls
from tests.model.clients import Since
from tests.model.night import CLIENTS, Setting
from tests.model.world.interruptions import Fault, Interruption

Choice = Callable[[], Any]
Within = Callable[[], Sequence[Interruption]]

SINCES = [Since.LAST] * 5 + [Since.NOT_ASKED] * 3 + [*Since]
LAST_STEP = 14
"""Of a resume: so many steps are there before it is live. What the stream and the queue begin has fewer."""


def nothing() -> Sequence[Interruption]:
    return ()


class Chance:
    """Chooses by a seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def setting(self) -> Setting:
        return Setting(self._random.randint(1, 2), self._of(500, 1, 2))

    def whatever(self) -> Any:
        within = self._interruptions
        return self._weighted(
            (32, lambda: self._by_a_client(within)),
            (26, lambda: self._by_a_host(within)),
            (22, lambda: self._by_the_stream(lambda: self._interruptions(LAST_STEP // 2))),
            (4, machinery.DeliverAll),
            (2, machinery.Settle),
            (1, machinery.SeasonPasses),
            (1, machinery.TablesAreMadeAnew),
            (1, machinery.TableIsRestored),
        )

    def _by_a_host(self, within: Within) -> Any:
        session, keyed = self._session(), self._random.random() < 0.5
        return self._weighted(
            (5, lambda: hosts.Vote(session, keyed, within())),
            (1, lambda: self._crowd(session)),
            (3, lambda: hosts.AddGame(session, keyed, within())),
            (2, lambda: hosts.Start(session, keyed, within())),
            (2, lambda: hosts.AskAgain(session, within())),
            (1, lambda: hosts.Close(session, keyed, within())),
        )

    def _crowd(self, session: int, others: int = 2) -> hosts.Vote:
        """Return a vote during which others vote, so that it loses the race and is stored."""
        at, keyed = self._random.randint(2, 4), self._random.random() < 0.5
        within = [Interruption(at, meanwhile=self._crowd(session, others - 1))] if others else []
        return hosts.Vote(session, keyed, within)

    def _by_a_client(self, within: Within) -> Any:
        client, session = self._random.randrange(CLIENTS), self._session()
        since, limit = self._of(*SINCES), self._random.randint(1, 4)
        return self._weighted(
            (5, lambda: clients.Subscribe(client, within(), session, since)),
            (5, lambda: clients.ComeBack(client, within())),
            (3, lambda: clients.Vanish(client, within(), self._of("at once", "later", "never"))),
            (3, lambda: clients.Authenticate(client, within(), since)),
            (2, lambda: clients.Unsubscribe(client, within(), session)),
            (2, lambda: polls.Poll(client, within(), session, since, limit)),
            (1, lambda: polls.ListSessions(client, within(), since, limit)),
            (2, lambda: clients.StopReading(client, self._random.randint(1, 3))),
            (1, lambda: clients.Connect(client, within())),
            (1, lambda: clients.HearOfDeparture(within())),
        )

    def _by_the_stream(self, within: Within) -> Any:
        shard, count = self._random.randint(0, 1), self._of(1, 1, 2, 3, 6)
        again, give_up = self._of(0, 0, 0, 1, 3), self._random.random() < 1 / 2
        return self._weighted(
            (3, lambda: machinery.Deliver(shard, count, again, within(), give_up)),
            (3, lambda: machinery.Work(self._random.randint(0, 3), within())),
        )

    def _interruptions(self, last: int = LAST_STEP) -> Sequence[Interruption]:
        return [self._interruption(last) for _ in range(self._of(0, 1, 1, 2, 3))]

    def _interruption(self, last: int) -> Interruption:
        at = self._random.randint(0, last)
        if self._random.random() < 0.5:
            return Interruption(at, fault=self._of(*Fault))
        return Interruption(at, meanwhile=self._meanwhile())

    def _meanwhile(self) -> Any:
        keyed = self._random.random() < 0.5
        return self._weighted(
            (3, lambda: machinery.Delivered(self._by_a_host(nothing))),
            (5, lambda: machinery.Delivered(hosts.AddGame(self._session(), keyed))),
            (1, lambda: machinery.Delivered(hosts.Start(0, keyed))),
            (2, lambda: self._by_a_host(nothing)),
            (3, lambda: self._by_a_client(nothing)),
            (2, lambda: self._by_the_stream(nothing)),
        )

    def _session(self) -> int:
        return int(self._of(0, 0, 0, 1, 2))

    def _of(self, *those: Any) -> Any:
        return self._random.choice(those)

    def _weighted(self, *choices: tuple[int, Choice]) -> Any:
        weights, ways = zip(*choices, strict=True)
        return self._random.choices(ways, weights)[0]()
