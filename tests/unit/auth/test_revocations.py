import pytest
from msgspec.structs import replace

from chalicelib.auth.claims import Claims
from chalicelib.auth.revocations import CACHE_SECONDS, RevocableVerifier
from chalicelib.errors import TokenRevoked
from tests.fakes.identity import claims


class Revoked:
    """A verifier of one token, and the store of revocations, which counts its reads."""

    def __init__(self) -> None:
        self.known: dict[str, float] = {}
        self.reads = 0
        self.shown = replace(claims("kosmi"), issued_at=100.5)
        self.seconds = 0.0

    def verify(self, _: str) -> Claims:
        return self.shown

    def revoked_at(self, subject: str) -> float | None:
        self.reads += 1
        return self.known.get(subject)

    def revoke(self, subject: str, at: float) -> None:
        self.known[subject] = at

    def verifier(self, cache_seconds: float) -> RevocableVerifier:
        return RevocableVerifier(self, self, cache_seconds, lambda: self.seconds)


@pytest.mark.parametrize("at", [100.5, 100.6, 1000])
def test_what_was_issued_before_is_refused(at: float) -> None:
    world = Revoked()
    world.revoke("kosmi", at)

    with pytest.raises(TokenRevoked):
        world.verifier(0).verify("token")


def test_what_was_issued_later_is_good_also_in_the_same_second() -> None:
    world = Revoked()
    world.revoke("kosmi", 100.4)
    world.revoke("somebody else", 1000)

    assert world.verifier(0).verify("token") == world.shown


def test_a_route_refuses_it_within_ten_seconds() -> None:
    world = Revoked()
    verifier = world.verifier(CACHE_SECONDS)
    verifier.verify("token")
    world.revoke("kosmi", 1000)

    verifier.verify("token")
    world.seconds = CACHE_SECONDS

    with pytest.raises(TokenRevoked):
        verifier.verify("token")
    assert CACHE_SECONDS <= 10
    assert world.reads == 2


def test_made_up_subjects_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.auth.revocations.MAX_CACHED", 10)
    world = Revoked()
    verifier = world.verifier(CACHE_SECONDS)

    for number in range(100):
        world.shown = claims(f"bot{number}")
        verifier.verify("token")

    assert len(verifier._cached) <= 10
