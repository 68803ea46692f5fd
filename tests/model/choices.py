"""How hypothesis chooses what happens next, and what happens within it."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.model import actions
from tests.model.clients import Since
from tests.model.interruptions import Fault, Interruption
from tests.model.night import CLIENTS, Setting

Choice = st.SearchStrategy[Any]


def weighted(*choices: tuple[int, Choice]) -> Choice:
    """Choose one of several strategies, each as often as its weight says."""
    return st.sampled_from([one for weight, one in choices for _ in range(weight)]).flatmap(lambda one: one)


clients = st.integers(0, CLIENTS - 1)
sessions = st.sampled_from([0, 0, 0, 1, 2])
sinces = st.sampled_from([Since.LAST] * 5 + [Since.NOT_ASKED] * 3 + [*Since])
told = st.sampled_from(["at once", "later", "never"])
limits = st.integers(1, 4)
keyed = st.booleans()


def by_hosts(within: Choice) -> Choice:
    return weighted(
        (6, st.builds(actions.Vote, sessions, keyed, within)),
        (3, st.builds(actions.AddGame, sessions, keyed, within)),
        (2, st.builds(actions.Start, sessions, keyed, within)),
        (2, st.builds(actions.AskAgain, sessions, within)),
        (1, st.builds(actions.Close, sessions, keyed, within)),
    )


def by_clients(within: Choice) -> Choice:
    return weighted(
        (5, st.builds(actions.Subscribe, clients, within, sessions, sinces)),
        (4, st.builds(actions.ComeBack, clients, within)),
        (3, st.builds(actions.Vanish, clients, within, told)),
        (3, st.builds(actions.Authenticate, clients, within, sinces)),
        (2, st.builds(actions.Unsubscribe, clients, within, sessions)),
        (2, st.builds(actions.Poll, clients, within, sessions, sinces, limits)),
        (1, st.builds(actions.ListSessions, clients, within, sinces, limits)),
        (2, st.builds(actions.StopReading, clients, st.integers(1, 3))),
        (1, st.builds(actions.Connect, clients, within)),
        (1, st.builds(actions.HearOfDeparture, within)),
    )


def by_the_stream(within: Choice) -> Choice:
    again = st.sampled_from([0, 0, 0, 1, 3])
    return weighted(
        (3, st.builds(actions.Deliver, st.integers(0, 1), st.integers(1, 6), again, within)),
        (2, st.builds(actions.Work, st.integers(0, 3), within)),
    )


nothing = st.just(())

meanwhile = weighted(
    (4, st.builds(actions.Delivered, by_hosts(nothing))),
    (1, st.builds(actions.Delivered, st.builds(actions.Start, sessions, keyed))),
    (2, by_hosts(nothing)),
    (3, by_clients(nothing)),
    (2, by_the_stream(nothing)),
)

steps = st.integers(0, 7)

interruption = weighted(
    (1, st.builds(Interruption, steps, fault=st.sampled_from(Fault))),
    (1, st.builds(Interruption, steps, meanwhile=meanwhile)),
)

interruptions: st.SearchStrategy[Sequence[Interruption]] = st.lists(interruption, max_size=3)

settings = st.builds(Setting, st.integers(1, 2), st.sampled_from([500, 1, 2]))

whatever = weighted(
    (32, by_clients(interruptions)),
    (26, by_hosts(interruptions)),
    (22, by_the_stream(interruptions)),
    (4, st.just(actions.DeliverAll())),
    (2, st.just(actions.Settle())),
    (1, st.just(actions.SeasonPasses())),
    (1, st.just(actions.TablesAreMadeAnew())),
)
