"""How chance chooses what happens next, and what happens within it. The same seed makes the same night."""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any

from tests.model.actions import clients, guests, hosts, machinery, undo
from tests.model.clients import Since
from tests.model.night import CLIENTS, Night, Setting
from tests.model.world.interruptions import Fault, Interruption
from tests.model.world.ledger import SESSIONS

Action = Callable[[Night], None]
Within = Callable[[], Sequence[Interruption]]

SINCES = [Since.LAST] * 5 + [Since.NOT_ASKED] * 3 + [*Since]
LAST_STEP = 14
"""Of a resume: so many steps are there before it is live. What the stream and the queue begin has fewer."""


def nothing() -> Sequence[Interruption]:
    return ()


class Chance:
    """Chooses by a seed. In every other night nobody undoes anything, which leaves more room for all else."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._undoing = 1 - seed % 2

    def setting(self) -> Setting:
        return Setting(self._random.randint(1, 2), self._of(500, 1, 2))

    def whatever(self) -> Action:
        within = self._interruptions
        return self._weighted(
            (32, lambda: self._by_a_client(within)),
            (26, lambda: self._by_a_host(within)),
            (22, lambda: self._by_the_stream(lambda: self._interruptions(LAST_STEP // 2))),
            (4, lambda: Night.drain),
            (2, lambda: machinery.settle),
            (1, lambda: machinery.season_passes),
            (1, lambda: Night.begin_life),
            (1, lambda: machinery.table_is_restored),
        )

    def _by_a_host(self, within: Within) -> Action:
        session, keyed = self._session(), self._random.random() < 0.5

        def of_session(kind: str) -> Action:
            return partial(hosts.of_session, kind=kind, back=session, keyed=keyed, within=within())

        return self._weighted(
            (5, lambda: of_session("votes")),
            (1, lambda: self._crowd(session)),
            (1, lambda: self._crowd_at_the_end(session)),
            (3, lambda: of_session("games")),
            (2, lambda: partial(hosts.start, keyed=keyed, within=within())),
            (2, lambda: partial(hosts.ask_again, which=session, within=within())),
            (1, lambda: of_session("close")),
            (1, lambda: partial(guests.invite, back=session, keyed=keyed, within=within())),
            (2, lambda: self._of_a_name(guests.join, session, keyed=keyed, within=within())),
            (1, lambda: self._of_a_name(guests.shut_out, session, within=within())),
            (2 * self._undoing, lambda: self._undone(undo.withdraw, session, within())),
            (self._undoing, lambda: self._undone(undo.remove, session, within())),
            (self._undoing, lambda: self._crowd_and_undo(session)),
        )

    def _of_a_name(self, deed: Callable[..., None], session: int, **how: Any) -> Action:
        return partial(deed, back=session, which=self._random.randint(0, 1), **how)

    def _undone(self, deed: Callable[..., None], session: int, within: Sequence[Interruption]) -> Action:
        return partial(deed, back=session, which=self._random.randint(0, 3), within=within)

    def _crowd_and_undo(self, session: int) -> Action:
        """Return votes that wait, and what undoes one or all of them, during which another votes."""
        vote = partial(hosts.of_session, kind="votes", back=session, keyed=False)
        within = [Interruption(self._random.randint(0, 9), meanwhile=one) for one in (vote, Night.drain)]
        crowd, undone = (
            self._crowd(session),
            self._undone(self._of(undo.remove, undo.withdraw), session, within),
        )

        def votes_and_undone(night: Night) -> None:
            crowd(night)
            undone(night)

        return votes_and_undone

    def _crowd(self, session: int, others: int = 2) -> Action:
        """Return a vote during which others vote, so that it loses the race and is stored."""
        at, keyed = self._random.randint(2, 4), self._random.random() < 0.5
        within = [Interruption(at, meanwhile=self._crowd(session, others - 1))] if others else []
        return partial(hosts.of_session, kind="votes", back=session, keyed=keyed, within=within)

    def _crowd_at_the_end(self, session: int) -> Action:
        """Return votes that wait, and a close during which the stream counts them and another votes."""
        crowd, vote = self._crowd(session), partial(hosts.of_session, kind="votes", back=session, keyed=False)
        within = [Interruption(self._random.randint(0, 9), meanwhile=one) for one in (vote, Night.drain)]

        def votes_and_close(night: Night) -> None:
            crowd(night)
            hosts.of_session(night, "close", session, keyed=False, within=within)

        return votes_and_close

    def _by_a_client(self, within: Within) -> Action:
        number, session = self._random.randrange(CLIENTS), self._session()
        since = self._of(*SINCES)
        page = {"since": since, "limit": self._random.randint(1, 4)}

        def by_client(action: Callable[..., None], **more: Any) -> Action:
            return lambda night: action(night, night.clients[number], **more)

        return self._weighted(
            (5, lambda: by_client(clients.subscribe, within=within(), back=session, since=since)),
            (5, lambda: by_client(clients.come_back, within=within())),
            (
                3,
                lambda: by_client(
                    clients.vanish, within=within(), told=self._of("at once", "later", "never")
                ),
            ),
            (3, lambda: by_client(clients.authenticate, within=within(), since=since)),
            (2, lambda: by_client(clients.unsubscribe, within=within(), back=session)),
            (2, lambda: by_client(clients.poll_session, within=within(), back=session, **page)),
            (1, lambda: by_client(clients.poll, within=within(), stream=SESSIONS, **page)),
            (2, lambda: by_client(clients.stop_reading, posts=self._random.randint(1, 3))),
            (1, lambda: by_client(clients.connect, within=within())),
            (1, lambda: partial(clients.hear_of_departure, within=within())),
            (1, lambda: lambda night: hosts.revoke(night, night.clients[number], within())),
        )

    def _by_the_stream(self, within: Within) -> Action:
        shard, count = self._random.randint(0, 1), self._of(1, 1, 2, 3, 6)
        again, give_up = self._of(0, 0, 0, 1, 3), self._random.random() < 1 / 2
        batch = {"shard": shard, "count": count, "again": again, "give_up": give_up}
        return self._weighted(
            (3, lambda: partial(Night.deliver, interruptions=within(), **batch)),
            (3, lambda: partial(Night.work, which=self._random.randint(0, 3), interruptions=within())),
        )

    def _interruptions(self, last: int = LAST_STEP) -> Sequence[Interruption]:
        return [self._interruption(last) for _ in range(self._of(0, 1, 1, 2, 3))]

    def _interruption(self, last: int) -> Interruption:
        at = self._random.randint(0, last)
        if self._random.random() < 0.5:
            return Interruption(at, fault=self._of(*Fault))
        return Interruption(at, meanwhile=self._meanwhile())

    def _meanwhile(self) -> Action:
        keyed = self._random.random() < 0.5

        def delivered(action: Action) -> Action:
            return partial(machinery.delivered, action=action)

        def game() -> Action:
            return partial(hosts.of_session, kind="games", back=self._session(), keyed=keyed)

        return self._weighted(
            (3, lambda: delivered(self._by_a_host(nothing))),
            (5, lambda: delivered(game())),
            (1, lambda: delivered(partial(hosts.start, keyed=keyed))),
            (2, lambda: self._by_a_host(nothing)),
            (3, lambda: self._by_a_client(nothing)),
            (2, lambda: self._by_the_stream(nothing)),
        )

    def _session(self) -> int:
        return int(self._of(0, 0, 0, 1, 2))

    def _of(self, *those: Any) -> Any:
        return self._random.choice(those)

    def _weighted(self, *choices: tuple[int, Callable[[], Action]]) -> Action:
        weights, ways = zip(*choices, strict=True)
        chosen: Action = self._random.choices(ways, weights)[0]()
        return chosen
