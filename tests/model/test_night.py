"""Random nights: whatever happens, every promise of the contract is kept.

A failure names its night, and ``play`` plays the same one again. ``actions`` has what can happen;
``night``, ``clients`` and ``connection`` have the promises.
"""

import random

import pytest

from tests.model.play import play

pytestmark = pytest.mark.slow

ENOUGH = 1000


@pytest.mark.timeout(600)
def test_a_thousand_disconnects_lose_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    seed = first = random.SystemRandom().randrange(10**9)
    disconnects = 0

    while disconnects < ENOUGH:
        night = play(seed)
        complaints = "\n".join(night.complaints)
        assert not complaints, f"night {seed}: {complaints}"
        disconnects += night.disconnects
        seed += 1

    with capsys.disabled():
        print(f"\n{disconnects} disconnects in {seed - first} nights, and nothing lost")  # noqa: T201 - the run's figure
