"""Where a bot's positions are kept."""

import logging
from collections.abc import Mapping
from pathlib import Path

import pytest
from gamenight import FileCursors, GameNight, NoCursors

from tests.bots.conftest import Serve, StartBot
from tests.bots.hostile_service import Peer, started


async def brings_one(peer: Peer) -> None:
    await peer.lets_in("S:8")
    await peer.sends(started(8), started(9))
    await peer.stays()


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    store = FileCursors(tmp_path / "cursors.json")

    store.save({"sessions": "S:8", "session:8": ""})

    assert store.load() == {"sessions": "S:8", "session:8": ""}
    assert [path.name for path in tmp_path.iterdir()] == ["cursors.json"]


def test_at_the_first_start_there_is_nothing(tmp_path: Path) -> None:
    assert FileCursors(tmp_path / "cursors.json").load() == {}


@pytest.mark.parametrize("text", ["", "\n", "\0\0\0"])
def test_an_empty_file_is_as_none_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    caplog.set_level(logging.WARNING)
    path = tmp_path / "cursors.json"
    path.write_text(text)

    cursors = FileCursors(path).load()

    assert cursors == {}
    assert "cursors.json is empty; starting from now on" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "# Game Night Live",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"sessions": 7}',
        '{"name": "a package"}',
        "\udcff",
    ],
)
async def test_a_file_of_something_else_is_an_error_and_stays_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "README.md"
    path.write_text(text, errors="surrogateescape")
    before = path.read_bytes()

    with pytest.raises(NoCursors, match=r"README\.md does not hold cursors.*Name another file"):
        await anext(GameNight("http://127.0.0.1:1", "a token", cursors=path).events())

    assert path.read_bytes() == before


def test_a_folder_that_is_not_there_is_said_before_anything_happens(tmp_path: Path) -> None:
    with pytest.raises(NoCursors, match=r"there is no folder .*nowhere"):
        FileCursors(tmp_path / "nowhere" / "cursors.json").load()


async def test_a_path_will_do_as_a_store(serve: Serve, start_bot: StartBot, tmp_path: Path) -> None:
    path = tmp_path / "cursors.json"
    path.write_text('{"sessions": "S:7"}')
    service = await serve(brings_one)

    async with start_bot(service, path) as bot:
        await bot.ear.hears(2)

    assert FileCursors(path).load() == {"sessions": "S:8", "session:8": ""}


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

    assert remote.saved == {"sessions": "S:8", "session:8": ""}
