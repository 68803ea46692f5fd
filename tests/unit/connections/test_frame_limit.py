from itertools import count

import pytest

from chalicelib.connections.frame_limit import FrameLimit
from chalicelib.errors import TooManyFrames


class LimitedClient:
    """A limit of two frames a second, twenty at once, with the time at ``now``."""

    def __init__(self, remembered: int = 100) -> None:
        self.now = 0.0
        self.limit = FrameLimit(2, monotonic=lambda: self.now, remembered=remembered)

    def sent(self, frames: int, connection_id: str = "abc=") -> list[bool]:
        """Send frames at once, and return which were admitted."""
        return [self.admitted(connection_id) for _ in range(frames)]

    def admitted(self, connection_id: str = "abc=") -> bool:
        try:
            self.limit.admit(connection_id)
        except TooManyFrames:
            return False
        return True


def test_after_a_burst_frames_pass_at_the_rate() -> None:
    client = LimitedClient()
    burst = client.sent(22)

    client.now = 1.5

    assert burst == [True] * 20 + [False] * 2
    assert client.sent(4) == [True, True, True, False]


def test_nobody_is_refused_for_what_another_sent() -> None:
    client = LimitedClient()
    client.sent(30, "loud=")

    assert client.sent(20, "quiet=") == [True] * 20


def test_the_connection_that_rests_longest_is_forgotten_first() -> None:
    client = LimitedClient(remembered=3)
    client.sent(20, "loud=")
    for number in count(1):
        client.admitted(f"{number}=")
        if number == 10:
            break
        assert not client.admitted("loud=")

    assert len(client.limit._senders) == 3


def refusal(client: LimitedClient) -> TooManyFrames:
    with pytest.raises(TooManyFrames, match="2 frames a second") as refused:
        client.limit.admit("abc=")
    assert refused.value.retryable
    return refused.value


def test_whoever_goes_on_regardless_is_refused_for_the_last_time() -> None:
    client = LimitedClient()
    client.sent(20)

    assert [refusal(client).last for _ in range(21)] == [False] * 19 + [True] * 2


@pytest.mark.parametrize(("rested", "last"), [(10.0, False), (5.0, True)])
def test_only_whoever_rests_is_forgiven(rested: float, *, last: bool) -> None:
    client = LimitedClient()
    client.sent(20 + 19)
    client.now = rested
    client.sent(int(2 * rested))

    assert refusal(client).last is last
