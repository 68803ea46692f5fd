"""The model finds what is broken: each of these services breaks one promise of the contract."""

import pytest

from tests.model.mutants import of_answers, of_delivery, of_guests, of_revocation, of_votes
from tests.model.mutants.mutant import Mutant
from tests.model.play import play

pytestmark = pytest.mark.slow

NIGHTS = 5000
RARE = {
    "a_checkpoint_is_saved_too_early",
    "a_vote_that_may_be_counted_is_stored",
    "jobs_are_overtaken",
    "who_was_revoked_meanwhile_is_let_in",
}
"""It takes hundreds of nights to find these, more than every run has time for: `make test-model` does."""

MUTANTS = {
    name: broken
    for module in (of_delivery, of_answers, of_guests, of_revocation, of_votes)
    for name, broken in vars(module).items()
    if getattr(broken, "__module__", None) == module.__name__ and not name.startswith("_")
}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "broken",
    [pytest.param(MUTANTS[name], marks=[pytest.mark.rare] if name in RARE else []) for name in MUTANTS],
)
def test_the_model_finds(broken: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch)

    assert any(play(seed).complaints for seed in range(NIGHTS))
