"""Random nights: whatever happens, every promise of the contract is kept.

hypothesis makes them up; a failure prints how to bring the same night back. Leaves what can happen to
``actions`` and what is promised to ``night`` and ``clients``.
"""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from chalicelib.aws.dynamodb.tables import Table
from tests.model.machine import NightMachine
from tests.model.night import Night
from tests.model.storage import InMemory, OnDynamoDB

RANDOM = settings(
    derandomize=False,  # other nights each time
    database=None,
    print_blob=True,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),  # a night is meant to be large
    phases=[Phase.generate],  # shrinking takes minutes; the printed failure can be shrunk by hand
    stateful_step_count=50,
)
ENOUGH = 1000
NIGHTS_AT_ONCE = 100
NIGHTS_AT_MOST = 1500
NIGHTS_ON_AN_ENGINE = 10


@pytest.mark.timeout(600)
def test_a_thousand_disconnects_lose_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    disconnects: list[int] = []

    class Machine(NightMachine):
        storage = InMemory

        @staticmethod
        def finished(night: Night) -> None:
            disconnects.append(night.disconnects)

    while sum(disconnects) < ENOUGH and len(disconnects) < NIGHTS_AT_MOST:
        run_state_machine_as_test(Machine, settings=settings(RANDOM, max_examples=NIGHTS_AT_ONCE))

    assert sum(disconnects) >= ENOUGH
    with capsys.disabled():
        print(f"\n{sum(disconnects)} disconnects in {len(disconnects)} nights, and nothing lost")  # noqa: T201 - the run's figure


# A function that is killed leaves its sockets to the garbage collector, as it would leave them to Lambda.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.timeout(600)
def test_nights_on_a_real_engine_lose_nothing(make_table: Callable[[], Table]) -> None:
    nights: list[Night] = []
    store = OnDynamoDB(make_table)

    class Machine(NightMachine):
        storage = staticmethod(lambda: store)
        finished = staticmethod(nights.append)

    with store.watched():
        run_state_machine_as_test(Machine, settings=settings(RANDOM, max_examples=NIGHTS_ON_AN_ENGINE))

    assert len(nights) >= NIGHTS_ON_AN_ENGINE
