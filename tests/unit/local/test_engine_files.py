"""What a gateway does with files of its engine that were cut off."""

from pathlib import Path

import pytest

from infra.local.engine.embedded import keep_damaged_files
from infra.local.state import StateUnusable


def test_damaged_files_are_kept_and_told(tmp_path: Path) -> None:
    whole, cut_off, said = tmp_path / "sqs.json", tmp_path / "dynamodb.json", list[str]()
    whole.write_text('{"payload": {}}')
    (tmp_path / "dynamodb.json.tmp").write_text("{")

    for text in ('{"payload": {"tables', "", "\udcff"):
        cut_off.write_text(text, errors="surrogateescape")
        keep_damaged_files(tmp_path, said.append)

    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.damaged-*")} == {
        "dynamodb.json.damaged-1": b'{"payload": {"tables',
        "dynamodb.json.damaged-2": b"",
        "dynamodb.json.damaged-3": b"\xff",
    }
    assert len([*tmp_path.iterdir()]) == 5
    assert f"{cut_off} can't be read (Unterminated string" in said[0]
    assert f"kept as {cut_off}.damaged-1" in said[0]
    assert len(said) == 3


def test_a_file_of_somebody_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "dynamodb.json").mkdir()  # root, whom nothing is denied, can't read a folder either

    with pytest.raises(StateUnusable, match=r"dynamodb\.json can.t be read: Is a directory"):
        keep_damaged_files(tmp_path, print)
