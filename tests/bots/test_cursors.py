"""Where a bot's positions are kept."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from gamenight import FileCursors, GameNight, NoCursors

from tests.bots.bot import AT_SEVEN, bot_on
from tests.bots.server import Script, auth, started

BRINGS_ONE: Script = [auth("S:8"), started(8), started(9)]
AFTER_IT = {"sessions": "S:8", "session:8": ""}
OTHER_FILES = [
    *["# Game Night Live", "{", "[]", "null", "[" * 100_000],
    *['{"sessions": 7}', '{"name": "a package"}', "\udcff"],
]


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    store = FileCursors(tmp_path / "cursors.json")
    first = store.load()

    store.save(AFTER_IT)

    assert (first, store.load()) == ({}, AFTER_IT)
    assert [path.name for path in tmp_path.iterdir()] == ["cursors.json"]


def test_a_file_that_another_program_uses_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cursors.json"
    ours, other = FileCursors(path), FileCursors(path)
    ours.load()
    other.load()
    ours.save({"sessions": "S:7"})

    with pytest.raises(NoCursors, match=r"cursors\.json is in use by another program"):
        other.save(AFTER_IT)

    ours.save(AFTER_IT)
    path.unlink()
    ours.save({"sessions": "S:9"})
    assert other.load() == {"sessions": "S:9"}


def test_a_file_that_cant_be_written_is_told(tmp_path: Path) -> None:
    (folder := tmp_path / "folder").mkdir()
    store = FileCursors(folder / "cursors.json")
    store.load()
    folder.rmdir()

    with pytest.raises(NoCursors, match=r"can't be kept in .*: No such file or directory\."):
        store.save(AFTER_IT)


@pytest.mark.parametrize("text", ["", "\n", "\0\0\0"])
def test_an_empty_file_is_as_none_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    path = tmp_path / "cursors.json"
    path.write_text(text)

    assert FileCursors(path).load() == {}
    assert "cursors.json is empty; starting from now on" in caplog.text


@pytest.mark.parametrize("text", OTHER_FILES, ids=range(len(OTHER_FILES)))
async def test_a_file_of_something_else_stays_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "README.md"
    path.write_text(text, errors="surrogateescape")
    before = path.read_bytes()

    with pytest.raises(NoCursors, match=r"README\.md does not hold cursors.*Name another file"):
        await anext(GameNight("http://127.0.0.1:1", "a token", cursors=path).events())

    assert path.read_bytes() == before


def test_a_missing_folder_is_told_before_anything_happens(tmp_path: Path) -> None:
    with pytest.raises(NoCursors, match=r"there is no folder .*nowhere"):
        FileCursors(tmp_path / "nowhere" / "cursors.json").load()


async def test_a_path_will_do_as_a_store(tmp_path: Path) -> None:
    path = tmp_path / "cursors.json"
    path.write_text('{"sessions": "S:7"}')

    async with bot_on(BRINGS_ONE, cursors=path) as bot:
        await bot.hears(2)

    assert FileCursors(path).load() == AFTER_IT


async def test_a_store_may_be_asynchronous() -> None:
    class Remote:
        saved: Mapping[str, str] = AT_SEVEN

        async def load(self) -> Mapping[str, str]:
            return self.saved

        async def save(self, cursors: Mapping[str, str]) -> None:
            self.saved = dict(cursors)

    remote = Remote()

    async with bot_on(BRINGS_ONE, cursors=remote) as bot:
        await bot.hears(2)

    assert remote.saved == AFTER_IT
