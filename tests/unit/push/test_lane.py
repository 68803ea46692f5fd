import asyncio
from typing import Any, cast

import pytest

from chalicelib.push.delivery import Post
from chalicelib.push.lane import Lane

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
POST = cast("Post", "a post")


class Owner:
    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def answered(self, lane: Lane, post: Post, status: int) -> None:
        self.heard.append(("answered", post, status, lane.usable))

    def unanswered(self, lane: Lane, post: Post, reason: str, *, kept_alive_died: bool) -> None:
        self.heard.append(("unanswered", post, kept_alive_died, lane.usable))
        assert reason

    def lost(self, lane: Lane) -> None:
        assert not lane.usable
        self.heard.append(("lost",))


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def abort(self) -> None:
        self.aborted = True


class Table:
    """A lane between a recording owner and a recording wire."""

    def __init__(self) -> None:
        self.owner = Owner()
        self.wire = Wire()
        self.lane = Lane(self.owner, cast("Any", None), asyncio.get_running_loop().create_future())
        self.lane.connection_made(self.wire)

    def ask(self) -> None:
        self.lane.send(POST, b"request", 0)

    def hear(self, data: bytes) -> None:
        while data:
            buffer = self.lane.get_buffer(-1)
            piece, data = data[: len(buffer)], data[len(buffer) :]
            buffer[: len(piece)] = piece
            self.lane.buffer_updated(len(piece))


@pytest.fixture
async def table() -> Table:
    return Table()


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 410 Gone\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 410 Gone\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\nh\r\n0\r\nTrailer: a\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 10000\r\n\r\n" + b"x" * 10_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + OK,
    ],
)
@pytest.mark.parametrize("piece", [1, 7, 100_000])
async def test_an_answer_is_heard_once_however_it_is_cut(table: Table, answer: bytes, piece: int) -> None:
    status = int(answer.rpartition(b"HTTP/1.1 ")[2][:3])

    for _ in range(3):
        table.ask()
        for start in range(0, len(answer), piece):
            table.hear(answer[start : start + piece])

    assert table.owner.heard == [("answered", POST, status, True)] * 3
    assert not table.wire.aborted


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        OK + OK,
        OK + b"HTTP/1.1 410",
        OK + b"garbage",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\nmore",
    ],
)
async def test_a_lane_that_closes_or_is_out_of_step_counts_its_answer_and_serves_no_more(
    table: Table, answer: bytes
) -> None:
    table.ask()

    table.hear(answer)
    table.lane.connection_lost(None)

    assert table.owner.heard == [("answered", POST, 200, False), ("lost",)]
    assert table.wire.aborted


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
)
async def test_what_is_no_answer_ends_the_lane_and_not_the_post(table: Table, answer: bytes) -> None:
    table.ask()

    table.hear(answer)

    assert table.owner.heard == [("unanswered", POST, False, False)]
    assert table.wire.aborted


async def test_an_answer_that_nobody_asked_for_ends_the_lane(table: Table) -> None:
    table.ask()
    table.hear(OK)

    table.hear(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")

    assert table.owner.heard == [("answered", POST, 200, True)]
    assert table.wire.aborted
    assert not table.lane.usable


async def test_a_status_that_was_said_counts_where_its_body_is_cut_off(table: Table) -> None:
    table.ask()
    table.hear(b"HTTP/1.1 410 Gone\r\nContent-Length: 100\r\n\r\nhalf a")

    table.lane.connection_lost(None)

    assert table.owner.heard == [("answered", POST, 410, False), ("lost",)]


async def test_a_body_without_a_length_ends_with_the_connection(table: Table) -> None:
    table.ask()
    table.hear(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
    before_the_end = list(table.owner.heard)

    table.lane.connection_lost(None)

    assert before_the_end == []
    assert table.owner.heard == [("answered", POST, 200, False), ("lost",)]


async def test_a_fresh_lane_that_closes_without_an_answer_did_not_die_of_idleness(table: Table) -> None:
    table.ask()

    table.lane.connection_lost(ConnectionResetError("reset"))

    assert table.owner.heard == [("unanswered", POST, False, False), ("lost",)]


async def test_a_lane_that_served_before_and_closes_without_a_byte_was_stale(table: Table) -> None:
    table.ask()
    table.hear(OK)
    table.ask()

    table.lane.connection_lost(None)

    assert table.owner.heard[1:] == [("unanswered", POST, True, False), ("lost",)]


async def test_a_lane_that_served_before_and_stops_within_an_answer_was_not_stale(table: Table) -> None:
    table.ask()
    table.hear(OK)
    table.ask()
    table.hear(b"HTTP/1.1 20")

    table.lane.connection_lost(None)

    assert table.owner.heard[1:] == [("unanswered", POST, False, False), ("lost",)]


async def test_giving_up_ends_post_and_lane_and_a_late_answer_is_not_heard(table: Table) -> None:
    table.ask()

    table.lane.give_up("too late")
    table.hear(OK)
    table.lane.connection_lost(None)

    assert table.owner.heard == [("unanswered", POST, False, False), ("lost",)]
    assert table.wire.aborted


async def test_an_idle_lane_that_is_closed_only_leaves(table: Table) -> None:
    table.ask()
    table.hear(OK)

    table.lane.connection_lost(None)

    assert table.owner.heard[1:] == [("lost",)]
    assert table.lane.closed.done()
