from itertools import count

import pytest

from chalicelib.connections.frame_limit import FrameLimit
from chalicelib.errors import TooManyFrames


class Stage:
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
    stage = Stage()
    burst = stage.sent(22)

    stage.now = 1.5

    assert burst == [True] * 20 + [False] * 2
    assert stage.sent(4) == [True, True, True, False]


def test_nobody_is_refused_for_what_another_sent() -> None:
    stage = Stage()
    stage.sent(30, "loud=")

    assert stage.sent(20, "quiet=") == [True] * 20


def test_the_connection_that_rests_longest_is_forgotten_first() -> None:
    stage = Stage(remembered=3)
    stage.sent(20, "loud=")
    for number in count(1):
        stage.admitted(f"{number}=")
        if number == 10:
            break
        assert not stage.admitted("loud=")

    assert len(stage.limit._senders) == 3


def refusal(stage: Stage) -> TooManyFrames:
    with pytest.raises(TooManyFrames, match="2 frames a second") as refused:
        stage.limit.admit("abc=")
    assert refused.value.retryable
    return refused.value


def test_whoever_goes_on_regardless_is_refused_for_the_last_time() -> None:
    stage = Stage()
    stage.sent(20)

    assert [refusal(stage).last for _ in range(21)] == [False] * 19 + [True] * 2


@pytest.mark.parametrize(("rested", "last"), [(10.0, False), (5.0, True)])
def test_only_whoever_rests_is_forgiven(rested: float, *, last: bool) -> None:
    stage = Stage()
    stage.sent(20 + 19)
    stage.now = rested
    stage.sent(int(2 * rested))

    assert refusal(stage).last is last
