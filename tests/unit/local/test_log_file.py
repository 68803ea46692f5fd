from pathlib import Path

from infra.local.log_file import LogFile


def test_lines_are_read_oldest_first_and_others_passed_over(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "log.jsonl", most_bytes=1)
    file.path.write_text('{"n": 1}\n')
    file.turn_over()
    file.path.write_text('Traceback:\n{"n": 2}\n[]\n{"n": 3')

    assert list(file.lines()) == [{"n": 1}, {"n": 2}]


def test_a_missing_file_has_no_lines(tmp_path: Path) -> None:
    assert list(LogFile(tmp_path / "log.jsonl").lines()) == []


def test_two_files_are_kept_at_most(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "log.jsonl", most_bytes=10)

    for number in range(5):
        file.path.write_text(f'{{"number": {number}}}\n')
        file.turn_over()

    assert (file.path.exists(), file.before.exists()) == (False, True)
    assert list(file.lines()) == [{"number": 4}]
