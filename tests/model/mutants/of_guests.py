"""Broken ways in."""

from typing import Any

from msgspec.structs import replace

from chalicelib.connections.revocation import Revocation
from tests.fakes.stores import FakeSessionStore
from tests.model.mutants.mutant import mutant


@mutant(FakeSessionStore, "add_guest")
def a_name_is_given_twice(right: Any, self: Any, guest: Any, records: Any = ()) -> None:
    self._guests.pop((guest.session, guest.name.lower()), None)
    right(self, guest, records)


@mutant(FakeSessionStore, "add_guest")
def a_guest_is_stored_without_the_answer(right: Any, self: Any, guest: Any, _records: Any = ()) -> None:
    right(self, guest)


@mutant(FakeSessionStore, "invite")
def a_code_lets_into_another_night(right: Any, self: Any, digest: str) -> Any:
    invite = right(self, digest)
    return invite and replace(invite, session=1)


@mutant(Revocation, "remove_guest")
async def a_guest_who_is_removed_stays(_right: Any, *_whom: Any) -> None:
    return None
