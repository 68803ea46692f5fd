"""Broken answers, joins and readings of the log; see ``of_delivery``."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pytest import MonkeyPatch  # noqa: PT013 - a name of a type, as all others here

from chalicelib.api.live.answers import Responder
from chalicelib.connections.clients import Connections
from chalicelib.connections.connection import Recipient
from chalicelib.delivery.ports import AudiencePage
from chalicelib.nights.cursors import BEGINNING, NOW, Cursor
from chalicelib.nights.events import Event
from chalicelib.nights.streams import Place, Stream
from tests.fakes.delivery import FakeAudiences
from tests.fakes.stores import FakeConnectionStore


def a_resume_is_live_at_once(patch: MonkeyPatch) -> None:
    right = FakeConnectionStore._put

    def put(self: FakeConnectionStore, connection: Any, stream: str, position: int, resume: Any) -> None:
        right(self, connection, stream, position, None)
        rows = self.audiences[stream]
        row = rows[connection.connection_id]
        rows[connection.connection_id] = replace(row, wants_cursor=resume is not None or row.wants_cursor)

    patch.setattr(FakeConnectionStore, "_put", put)


def who_has_missed_nothing_is_live_at_once(patch: MonkeyPatch) -> None:
    resumed, put = Connections._resumed, FakeConnectionStore._put

    def marked(self: Connections, stream: Any, since: Cursor) -> Any:
        found = resumed(self, stream, since)
        if found.place.cursor.sequence < found.place.last:
            return found
        return replace(found, resume=replace(found.resume, behind=0))

    def put_live(self: FakeConnectionStore, connection: Any, stream: str, position: int, resume: Any) -> None:
        put(self, connection, stream, position, resume)
        rows = self.audiences[stream]
        row = rows[connection.connection_id]
        rows[connection.connection_id] = replace(row, behind=row.behind or None)

    patch.setattr(Connections, "_resumed", marked)
    patch.setattr(FakeConnectionStore, "_put", put_live)


def an_answer_that_failed_ends_nothing(patch: MonkeyPatch) -> None:
    right = Responder._post

    async def send(self: Responder, sender: Recipient, reply: Any, *, within: float) -> None:
        outcome = await right(self, sender, reply.frame, within)
        if reply.resumed is not None and not outcome.failed:
            await self._catch_up(sender, reply.resumed, asyncio.get_running_loop().time() + within)

    patch.setattr(Responder, "send", send)


def everyone_gets_places(patch: MonkeyPatch) -> None:
    _alter_pages(
        patch,
        lambda page: replace(page, recipients=[replace(one, wants_cursor=True) for one in page.recipients]),
    )


def nobody_gets_places_live(patch: MonkeyPatch) -> None:
    _alter_pages(
        patch,
        lambda page: replace(page, recipients=[replace(one, wants_cursor=False) for one in page.recipients]),
    )


def a_frame_does_not_name_its_stream(patch: MonkeyPatch) -> None:
    right: Any = vars(Event)["with_place"].fget

    def without(self: Event) -> str:
        text: str = right(self)
        return text.replace(f'"stream":"{self.stream}",', "")

    patch.setattr(Event, "with_place", property(without))


def the_beginning_is_the_end(patch: MonkeyPatch) -> None:
    _alter_places(patch, lambda stream, since: stream.end if since == BEGINNING else None)


def now_is_the_beginning(patch: MonkeyPatch) -> None:
    _alter_places(patch, lambda stream, since: replace(stream.end, sequence=0) if since == NOW else None)


def the_place_of_a_lost_cursor_is_its_own(patch: MonkeyPatch) -> None:
    def place(stream: Stream[Any], since: Cursor) -> Cursor | None:
        lost = since.epoch not in {"", stream.end.epoch}
        return replace(stream.end, sequence=min(since.sequence, stream.end.sequence)) if lost else None

    _alter_places(patch, place)


def a_lost_cursor_is_said_to_be_recovered(patch: MonkeyPatch) -> None:
    right = Stream.place

    def place(self: Stream[Any], since: Cursor) -> Place:
        return replace(right(self, since), recovered=True)

    patch.setattr(Stream, "place", place)


def who_leaves_stays(patch: MonkeyPatch) -> None:
    def unsubscribe(self: Connections, connection_id: str, _session_id: int) -> None:
        self._authenticated(connection_id)

    patch.setattr(Connections, "unsubscribe", unsubscribe)


def the_log_is_read_with_a_hole(patch: MonkeyPatch) -> None:
    def following(self: Stream[Any], position: int, limit: int = 100) -> Sequence[Any]:
        limit = min(limit, self.end.sequence - position)
        return self.read(position, limit) if limit > 0 else ()

    patch.setattr(Stream, "following", following)


def events_keep_the_epoch_of_a_restored_table(patch: MonkeyPatch) -> None:
    patch.setattr(Event, "in_epoch", lambda self, _epoch: self)


def _alter_pages(patch: MonkeyPatch, alter: Any) -> None:
    right = FakeAudiences.page

    async def page(self: FakeAudiences, *arguments: Any, **named: Any) -> AudiencePage:
        altered: AudiencePage = alter(await right(self, *arguments, **named))
        return altered

    patch.setattr(FakeAudiences, "page", page)


def _alter_places(patch: MonkeyPatch, alter: Any) -> None:
    """Have a stream go on elsewhere than ``since`` says where ``alter(stream, since)`` returns a cursor."""
    right = Stream.place

    def place(self: Stream[Any], since: Cursor) -> Place:
        found = right(self, since)
        return replace(found, cursor=alter(self, since) or found.cursor)

    patch.setattr(Stream, "place", place)
