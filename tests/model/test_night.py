"""Random nights: whatever happens, every promise of the contract is kept.

A failure names its night, and ``play`` plays the same one again. Leaves what can happen to ``actions``, and
what is promised to ``night``, ``clients`` and ``connection``.
"""

import itertools
import random
from collections.abc import Callable

import pytest

from chalicelib.aws.dynamodb.database import Table
from tests.model.night import Night
from tests.model.play import play
from tests.model.world.on_dynamodb import OnDynamoDB
from tests.model.world.storage import InMemory, Storage

ENOUGH = 1000
NIGHTS_ON_AN_ENGINE = 4


@pytest.mark.timeout(600)
def test_a_thousand_disconnects_lose_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    disconnects, storage, seeds = [0], InMemory(), other_nights_each_time()

    while sum(disconnects) < ENOUGH:
        disconnects.append(a_good_night(next(seeds), storage).disconnects)

    with capsys.disabled():
        print(f"\n{sum(disconnects)} disconnects in {len(disconnects) - 1} nights, and nothing lost")  # noqa: T201 - the run's figure


# A function that is killed leaves its sockets to the garbage collector, as it would leave them to Lambda.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.timeout(600)
def test_nights_on_a_real_engine_lose_nothing(make_table: Callable[[], Table]) -> None:
    storage = OnDynamoDB(make_table)

    with storage.watched():
        for seed in itertools.islice(other_nights_each_time(), NIGHTS_ON_AN_ENGINE):
            a_good_night(seed, storage)


def other_nights_each_time() -> "itertools.count[int]":
    return itertools.count(random.SystemRandom().randrange(10**9))


def a_good_night(seed: int, storage: Storage) -> Night:
    night = play(seed, storage)
    complaints = "\n".join(night.complaints)
    assert not complaints, f"night {seed}: {complaints}"
    return night
