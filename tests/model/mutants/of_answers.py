"""Broken answers, joins and readings of the log."""

import asyncio
from typing import Any

from msgspec.structs import replace
from pytest import MonkeyPatch  # noqa: PT013 - a name of a type, as all others here

from chalicelib.api.live.answers import Responder
from chalicelib.connections.clients import Connections
from chalicelib.nights.cursors import BEGINNING, NOW, Cursor
from chalicelib.nights.events import Event
from chalicelib.nights.streams import Place, Stream
from tests.fakes.delivery import FakeAudiences
from tests.fakes.stores import FakeConnectionStore
from tests.model.mutants.mutant import mutant


@mutant(FakeConnectionStore, "_put")
def a_resume_is_live_at_once(right: Any, self: Any, one: Any, stream: str, *how: Any) -> None:
    position, resume = how
    right(self, one, stream, position, None)
    _change(self, one, stream, lambda row: replace(row, wants_cursor=resume is not None or row.wants_cursor))


def who_has_missed_nothing_is_live_at_once(patch: MonkeyPatch) -> None:
    @mutant(Connections, "_resumed")
    def marked(right: Any, self: Any, stream: Any, since: Cursor) -> Any:
        found = right(self, stream, since)
        if found.place.cursor.sequence < found.place.last:
            return found
        return replace(found, resume=replace(found.resume, behind=0))

    @mutant(FakeConnectionStore, "_put")
    def put_live(right: Any, self: Any, one: Any, stream: str, *how: Any) -> None:
        right(self, one, stream, *how)
        _change(self, one, stream, lambda row: replace(row, behind=row.behind or None))

    marked(patch)
    put_live(patch)


@mutant(Responder, "send")
async def an_answer_that_failed_ends_nothing(
    _right: Any, self: Any, sender: Any, reply: Any, *, within: float
) -> None:
    outcome = await self._post(sender, reply.frame, within)
    if reply.resumed is not None and not outcome.failed:
        await self._catch_up(sender, reply.resumed, asyncio.get_running_loop().time() + within)


@mutant(FakeAudiences, "page")
async def everyone_gets_places(right: Any, *where: Any, **limit: Any) -> Any:
    page = await right(*where, **limit)
    return replace(page, recipients=[replace(one, wants_cursor=True) for one in page.recipients])


@mutant(FakeAudiences, "page")
async def nobody_gets_places_live(right: Any, *where: Any, **limit: Any) -> Any:
    page = await right(*where, **limit)
    return replace(page, recipients=[replace(one, wants_cursor=False) for one in page.recipients])


def a_frame_does_not_name_its_stream(patch: MonkeyPatch) -> None:
    right: Any = vars(Event)["with_place"].fget
    without = property(lambda self: right(self).replace(f'"stream":"{self.stream}",', ""))
    patch.setattr(Event, "with_place", without)


@mutant(Stream, "place")
def the_beginning_is_the_end(right: Any, self: Any, since: Cursor) -> Place:
    found: Place = right(self, since)
    return replace(found, cursor=self.end) if since == BEGINNING else found


@mutant(Stream, "place")
def now_is_the_beginning(right: Any, self: Any, since: Cursor) -> Place:
    found: Place = right(self, since)
    return replace(found, cursor=replace(self.end, sequence=0)) if since == NOW else found


@mutant(Stream, "place")
def the_place_of_a_lost_cursor_is_its_own(right: Any, self: Any, since: Cursor) -> Place:
    found: Place = right(self, since)
    if since.epoch in {"", self.end.epoch}:
        return found
    return replace(found, cursor=replace(self.end, sequence=min(since.sequence, self.end.sequence)))


@mutant(Stream, "place")
def a_lost_cursor_is_said_to_be_recovered(right: Any, self: Any, since: Cursor) -> Any:
    return replace(right(self, since), recovered=True)


@mutant(Connections, "unsubscribe")
def who_leaves_stays(_right: Any, self: Any, connection_id: str, _session_id: int) -> None:
    self._authenticated(connection_id)


@mutant(Stream, "following")
def the_log_is_read_with_a_hole(_right: Any, self: Any, position: int, limit: int = 100) -> Any:
    limit = min(limit, self.end.sequence - position)
    return self.read(position, limit) if limit > 0 else ()


@mutant(Event, "in_epoch")
def events_keep_the_epoch_of_a_restored_table(_right: Any, self: Any, _epoch: str) -> Any:
    return self


def _change(store: Any, connection: Any, stream: str, change: Any) -> None:
    rows = store.audiences[stream]
    rows[connection.connection_id] = change(rows[connection.connection_id])
