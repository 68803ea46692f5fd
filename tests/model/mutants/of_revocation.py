"""Broken revocations."""

from typing import Any

from pytest import MonkeyPatch  # noqa: PT013 - a name of a type, as all others here

from chalicelib.connections import revocation
from chalicelib.connections.revocation import Revocation
from tests.fakes.stores import FakeConnectionStore
from tests.model.mutants.mutant import mutant


@mutant(FakeConnectionStore, "of_subject")
def a_revocation_closes_nothing(_right: Any, _self: Any, _subject: str, _until: float) -> Any:
    return ()


def a_connection_that_stays_open_is_said_to_be_closed(patch: MonkeyPatch) -> None:
    @mutant(Revocation, "_close")
    async def closed_anyway(right: Any, self: Any, *which: Any) -> bool:
        await right(self, *which)
        return True

    closed_anyway(patch)
    patch.setattr(revocation, "LOOKS", 1)  # a second look would close it


@mutant(FakeConnectionStore, "authenticate")
def who_was_revoked_meanwhile_is_let_in(right: Any, self: Any, *whom: Any, **how: Any) -> None:
    revoked, self._revoked = self._revoked, {}
    try:
        right(self, *whom, **how)
    finally:
        self._revoked = revoked
