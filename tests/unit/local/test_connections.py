import pytest

from infra.local.apigateway.connections import (
    ConnectionClosed,
    Connections,
    MessageTooLarge,
    OpenConnection,
    OutgoingFull,
)
from infra.local.apigateway.limits import Limits
from infra.local.apigateway.websocket_events import Caller, Closing

LIMITS = Limits(message_bytes=10, outgoing_bytes=100, idle_seconds=600, age_seconds=7200)


class FakeOutlet:
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closings: list[Closing] = []
        self.waiting = 0
        self.gone = False

    def waiting_bytes(self) -> int:
        return self.waiting

    def send(self, text: bytes) -> None:
        if self.gone:
            raise ConnectionResetError
        self.sent.append(text)

    async def close(self, closing: Closing) -> None:
        self.closings.append(closing)


class Stage:
    """One open connection, at a time of the test's choosing."""

    def __init__(self) -> None:
        self.seconds = 0
        self.connections = Connections(LIMITS, lambda: 1_762_027_200_000 + self.seconds * 1000)
        self.outlet = FakeOutlet()
        self.connection: OpenConnection = self.connections.open(
            Caller("id=", "localhost", "127.0.0.1", "curl", 1_762_027_200_000), self.outlet
        )


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_a_message_goes_to_its_connection(stage: Stage) -> None:
    stage.connections.post("id=", b"hello")

    assert stage.outlet.sent == [b"hello"]


async def test_an_unknown_connection_is_gone(stage: Stage) -> None:
    with pytest.raises(ConnectionClosed):
        stage.connections.post("nobody=", b"hello")


async def test_a_client_that_has_left_is_gone_from_then_on(stage: Stage) -> None:
    stage.outlet.gone = True

    with pytest.raises(ConnectionClosed):
        stage.connections.post("id=", b"hello")

    assert len(stage.connections) == 0


@pytest.mark.parametrize(("text", "fits"), [("x" * 10, True), ("x" * 11, False), ("é" * 6, False)])
async def test_a_message_has_as_many_bytes_as_are_allowed(stage: Stage, text: str, *, fits: bool) -> None:
    if fits:
        stage.connections.post("id=", text.encode())
    else:
        with pytest.raises(MessageTooLarge):
            stage.connections.post("id=", text.encode())

    assert bool(stage.outlet.sent) is fits


async def test_a_client_that_does_not_read_gets_no_more(stage: Stage) -> None:
    stage.outlet.waiting = 101

    with pytest.raises(OutgoingFull):
        stage.connections.post("id=", b"hello")

    assert stage.outlet.sent == []


async def test_a_deleted_connection_is_closed_normally_and_gone_at_once(stage: Stage) -> None:
    await stage.connections.disconnect("id=")

    assert [closing.code for closing in stage.outlet.closings] == [1000]
    with pytest.raises(ConnectionClosed):
        stage.connections.post("id=", b"hello")
    with pytest.raises(ConnectionClosed):
        await stage.connections.disconnect("id=")


async def test_a_connection_is_described_as_aws_does(stage: Stage) -> None:
    stage.seconds = 5
    stage.connections.post("id=", b"hello")

    described = stage.connections.describe("id=")

    assert described == {
        "connectedAt": "2025-11-01T20:00:00.000Z",
        "identity": {"sourceIp": "127.0.0.1", "userAgent": "curl"},
        "lastActiveAt": "2025-11-01T20:00:05.000Z",
    }


async def test_what_is_said_in_either_direction_keeps_a_connection_from_being_idle(stage: Stage) -> None:
    stage.seconds = 599
    stage.connections.touch(stage.connection)
    stage.seconds = 1198
    stage.connections.post("id=", b"hello")
    stage.seconds = 1797

    assert stage.connections.seconds_left(stage.connection) == 1


def test_a_silent_connection_is_overdue_after_ten_minutes(stage: Stage) -> None:
    stage.seconds = 600

    assert stage.connections.seconds_left(stage.connection) == 0


def test_no_connection_lasts_longer_than_two_hours(stage: Stage) -> None:
    stage.seconds = 7199
    stage.connections.touch(stage.connection)

    assert stage.connections.seconds_left(stage.connection) == 1
