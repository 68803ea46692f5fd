"""What a gateway does with files of its engine that were cut off."""

from pathlib import Path

import pytest

from infra.local.engine.files import keep_damaged_files
from infra.local.state import StateUnusable


def test_a_damaged_file_is_kept_and_told(tmp_path: Path) -> None:
    whole, cut_off = tmp_path / "sqs.json", tmp_path / "dynamodb.json"
    whole.write_text('{"payload": {}}')
    cut_off.write_text('{"payload": {"tables')
    said: list[str] = []

    keep_damaged_files(tmp_path, said.append)

    kept = tmp_path / "dynamodb.json.damaged-1"
    assert sorted(tmp_path.iterdir()) == [kept, whole]
    assert kept.read_text() == '{"payload": {"tables'
    [told] = said
    assert f"{cut_off} can't be read (Unterminated string" in told
    assert f"kept as {kept}" in told
    assert "start again" in told


def test_no_file_that_was_kept_is_written_over(tmp_path: Path) -> None:
    cut_off, said = tmp_path / "dynamodb.json", list[str]()
    for text in ("", "{", "\udcff"):
        cut_off.write_text(text, errors="surrogateescape")
        keep_damaged_files(tmp_path, said.append)

    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert kept == {f"dynamodb.json.damaged-{n}": text for n, text in enumerate([b"", b"{", b"\xff"], 1)}
    assert len(said) == 3


def test_a_file_of_somebody_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "dynamodb.json").mkdir()  # root, whom nothing is denied, can't read a folder either

    with pytest.raises(StateUnusable, match=r"dynamodb\.json can't be read or moved: Is a directory"):
        keep_damaged_files(tmp_path, print)


def test_where_nothing_is_damaged_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "dynamodb.json").write_text("{}")
    (tmp_path / "dynamodb.json.damaged-1").write_text("{")
    (tmp_path / "dynamodb.json.tmp").write_text("{")
    said: list[str] = []

    keep_damaged_files(tmp_path, said.append)

    assert said == []
    assert len([*tmp_path.iterdir()]) == 3
