"""Where a bot's positions are kept."""

import logging
from collections.abc import Mapping
from pathlib import Path

import pytest
from gamenight import FileCursors

from tests.bots.conftest import Serve, StartBot
from tests.bots.hostile_service import Peer, started


async def brings_one(peer: Peer) -> None:
    await peer.lets_in("S:8")
    await peer.sends(started(8), started(9))
    await peer.stays()


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    store = FileCursors(tmp_path / "cursors.json")

    store.save({"sessions": "S:8", "8": ""})

    assert store.load() == {"sessions": "S:8", "8": ""}
    assert [path.name for path in tmp_path.iterdir()] == ["cursors.json"]


def test_at_the_first_start_there_is_nothing(tmp_path: Path) -> None:
    assert FileCursors(tmp_path / "cursors.json").load() == {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"sessions": 7}', "\x00"])
def test_a_file_that_holds_no_cursors_is_as_none_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    caplog.set_level(logging.WARNING)
    path = tmp_path / "cursors.json"
    path.write_text(text)

    cursors = FileCursors(path).load()

    assert cursors == {}
    assert "cursors.json does not hold cursors; starting from now on" in caplog.text


async def test_a_path_will_do_as_a_store(serve: Serve, start_bot: StartBot, tmp_path: Path) -> None:
    path = tmp_path / "cursors.json"
    path.write_text('{"sessions": "S:7"}')
    service = await serve(brings_one)

    async with start_bot(service, path) as bot:
        await bot.ear.hears(2)

    assert FileCursors(path).load() == {"sessions": "S:8", "8": ""}


async def test_a_store_may_be_asynchronous(serve: Serve, start_bot: StartBot) -> None:
    class Remote:
        saved: Mapping[str, str] = {"sessions": "S:7"}

        async def load(self) -> Mapping[str, str]:
            return self.saved

        async def save(self, cursors: Mapping[str, str]) -> None:
            self.saved = dict(cursors)

    remote = Remote()
    service = await serve(brings_one)

    async with start_bot(service, remote) as bot:
        await bot.ear.hears(2)

    assert remote.saved == {"sessions": "S:8", "8": ""}
