"""A program's event loop: a signal that comes while it is being made."""

import asyncio
import signal

import pytest

from infra.event_loop import run


async def answer() -> int:
    return 42


def test_ctrl_c_leaves_no_open_loop(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    make, made = asyncio.new_event_loop, []

    def interrupted() -> asyncio.AbstractEventLoop:
        signal.raise_signal(signal.SIGINT)
        made.append(make())
        return made[-1]

    monkeypatch.setattr(asyncio.events, "new_event_loop", interrupted)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(answer)
    finally:
        signal.signal(signal.SIGINT, handler)

    assert [loop.is_closed() for loop in made] == [True]
    assert capfd.readouterr().err == ""
