import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib import logs
from infra.local.log_file import LogFile


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    yield
    for handler in root.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.close()
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    for ours in logs.OURS:
        logging.getLogger(ours).setLevel(logging.NOTSET)


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_line_names_the_invocation_that_it_is_from(capsys: pytest.CaptureFixture[str]) -> None:
    lines = logs.configure("INFO")
    lines.begin("api_handler", {"request_id": "r-1", "connection_id": None, "trace_id": "1-2-3"})
    lines.add(subject="host")

    logging.getLogger("x").info("said", extra={"n": 1})
    lines.begin("api_handler", {"request_id": "r-2"})
    logging.getLogger("x").info("said again")

    first, second = printed(capsys)
    ids = ("function", "request_id", "trace_id", "subject")
    assert [first[name] for name in ids] == ["api_handler", "r-1", "1-2-3", "host"]
    assert "connection_id" not in first
    assert (second["request_id"], second.keys() & {"trace_id", "subject"}) == ("r-2", set())


def test_a_line_with_metrics_is_in_the_embedded_metric_format(capsys: pytest.CaptureFixture[str]) -> None:
    lines = logs.configure("INFO", "dev")
    lines.begin("broadcast", {})

    logging.getLogger("x").info(
        "said", extra={"failed": 3, "gone": 0, "record_age_ms": 40, "metrics": ["failed", "record_age_ms"]}
    )

    [line] = printed(capsys)
    directive = line["_aws"]["CloudWatchMetrics"]
    assert directive == [
        {
            "Namespace": "GameNightLive",
            "Dimensions": [["Stage", "Function"]],
            "Metrics": [
                {"Name": "failed", "Unit": "Count"},
                {"Name": "record_age_ms", "Unit": "Milliseconds"},
            ],
        }
    ]
    assert (line["Stage"], line["Function"], line["failed"], line["gone"]) == ("dev", "broadcast", 3, 0)
    assert isinstance(line["_aws"]["Timestamp"], int)
    assert "metrics" not in line


@pytest.mark.parametrize("level", ["WARNING", "ERROR"])
def test_metrics_get_out_on_aws_whatever_the_level(capsys: pytest.CaptureFixture[str], level: str) -> None:
    logs.configure(level, "dev")

    logging.getLogger("x").info("a figure", extra={"behind": 0, "metrics": ["behind"]})
    logging.getLogger("x").info("no figure")

    assert [line["message"] for line in printed(capsys)] == ["a figure"]


def test_the_file_has_metrics_a_terminal_not(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    logs.configure("WARNING", file=str(file))

    logging.getLogger("metrics").warning("a figure", extra={"behind": 0, "metrics": ["behind"]})
    logging.getLogger("x").info("for the file")
    logging.getLogger("x").warning("for both", extra={"failed": 1, "metrics": ["failed"]})

    kept = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["message"] for line in kept] == ["a figure", "for the file", "for both"]
    shown = printed(capsys)
    assert [line["message"] for line in shown] == ["for both"]
    assert shown[0].keys() & {"_aws", "metrics", "Stage"} == set()


def test_at_debug_only_our_own_loggers_say_more(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("DEBUG")

    logging.getLogger("websockets.server").debug("< TEXT a frame with a token in it")
    logging.getLogger("chalicelib.delivery.delivery_log").debug("ours")

    assert [line["message"] for line in printed(capsys)] == ["ours"]


def test_a_terminal_gets_a_short_line_the_file_the_record(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "log.jsonl"
    logs.configure("INFO", file=str(file), form="text")

    logging.getLogger("x").info("said", extra={"event": "17/3", "n": 1})
    logging.getLogger("x").warning("no frame: %s", "\x1b[2J\n\x9b")
    logging.getLogger("x").info("authenticated", extra={"connection_id": "abc="})
    logging.getLogger("x").error("not handled", exc_info=ValueError("a reason"))

    first, second, third, fourth, *trace = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d  said  \(17/3\)", first)
    assert second[8:] == "  WARNING no frame:  [2J  "
    assert third.endswith("  authenticated  (abc=)")
    assert fourth.endswith("  ERROR not handled")
    assert trace == ["ValueError: a reason"]
    kept = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["message"] for line in kept] == [
        "said",
        "no frame: \x1b[2J\n\x9b",
        "authenticated",
        "not handled",
    ]
    assert (kept[0]["event"], kept[0]["n"]) == ("17/3", 1)


def test_whoever_logs_goes_on_in_the_new_file(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "log.jsonl", most_bytes=1)
    logs.configure("INFO", file=str(file.path))

    logging.getLogger("x").info("before")
    file.turn_over()
    logging.getLogger("x").info("after")

    assert "before" in file.before.read_text()
    assert [line["message"] for line in file.lines()] == ["before", "after"]
