import asyncio
import json
from pathlib import Path

import pytest

from infra.local.log_file import LogFile


def test_what_was_logged_is_read_oldest_first_and_what_is_no_line_is_passed_over(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "log.jsonl", most_bytes=1)
    file.path.write_text('{"n": 1}\n')
    file.turn_over()
    file.path.write_text('Traceback:\n{"n": 2}\n[]\n{"n": 3')

    assert list(file.lines()) == [{"n": 1}, {"n": 2}]


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert list(LogFile(tmp_path / "log.jsonl").lines()) == []


async def test_two_files_are_kept_at_most(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "log.jsonl", most_bytes=10)
    slept = 0

    async def fill(_: float) -> None:
        nonlocal slept
        slept += 1
        if slept == 5:
            raise asyncio.CancelledError
        file.path.write_text(json.dumps({"written": slept}) + "\n")

    with pytest.raises(asyncio.CancelledError):
        await file.keep_bounded(fill)

    assert (file.path.exists(), file.before.exists()) == (False, True)
    assert list(file.lines()) == [{"written": 4}]
