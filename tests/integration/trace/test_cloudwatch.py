"""The lines of a stage, asked of moto's CloudWatch: it finds all lines where AWS finds those that match."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.timestamps import timestamp
from infra.deploy.stage import Stage
from infra.deploy.trace.lines import FUNCTIONS, CloudWatchLogs, NotTraceable, Query, lines_about

STAGE = Stage("dev")
NOW = time.time()
"""Not a time of our own: CloudWatch, and moto as well, takes no line that is two weeks old."""

WRITTEN = timestamp(datetime.fromtimestamp(NOW - 360, UTC))


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    with mock_aws():
        yield


@pytest.fixture
def client() -> Any:
    client = boto3.client("logs", region_name="us-east-1")
    for function in FUNCTIONS:
        client.create_log_group(logGroupName=STAGE.log_group(function))
        client.create_log_stream(logGroupName=STAGE.log_group(function), logStreamName="one")
    return client


def write(client: Any, function: str, *lines: Any, hours_ago: float = 0.1) -> None:
    at = int((NOW - hours_ago * 3600) * 1000)
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    events = [{"timestamp": at, "message": text} for text in texts]
    client.put_log_events(logGroupName=STAGE.log_group(function), logStreamName="one", logEvents=events)


def line(stage: str, event: str = "17/1", **more: Any) -> dict[str, Any]:
    session, _, sequence = event.partition("/")
    return {
        "timestamp": WRITTEN,
        "message": stage,
        "stage": stage,
        "event": event,
        "session_id": int(session),
        "stream": f"session:{session}",
        "cursor": f"e{session}:{sequence}",
        **more,
    }


def stages(client: Any, event: str = "17/1", hours: float = 1) -> list[str]:
    logs = CloudWatchLogs(client, STAGE, hours, lambda: NOW)
    return [one["stage"] for one in lines_about(Query.parse(event), logs)]


@pytest.mark.parametrize("event", ["17/1", "e17:1"])
def test_only_the_lines_about_an_event_are_found(client: Any, event: str) -> None:
    answered = {"timestamp": WRITTEN, "message": "answered", "stage": "answered"}
    write(
        client,
        "api_handler",
        "START RequestId: 1 Version: $LATEST",
        line("appended", request_id="r-1"),
        {**answered, "request_id": "r-1"},
        {**answered, "request_id": "r-2"},
        line("appended", "18/1", request_id="r-2"),
    )
    write(client, "broadcast", line("received"), line("fanned_out"), line("received", "117/1"))
    write(client, "deliver", line("posted"), '"no line of ours"')

    assert stages(client, event) == ["appended", "received", "fanned_out", "posted", "answered"]


def test_only_the_hours_that_are_asked_for_are_looked_through(client: Any) -> None:
    write(client, "broadcast", line("received"), hours_ago=5)

    with pytest.raises(
        NotTraceable, match=r"last 1 hours is about 17/1, in dev\. --hours looks further back"
    ):
        stages(client)
    assert stages(client, hours=6) == ["received"]


def test_events_of_one_place_differ_by_cursor(client: Any) -> None:
    write(client, "broadcast", line("received"), line("received", cursor="other:1"))

    with pytest.raises(NotTraceable, match="Name one: e17:1, other:1"):
        stages(client)
    assert stages(client, "e17:1") == ["received"]


def test_a_start_is_found_by_the_cursor_of_either_stream(client: Any) -> None:
    write(client, "broadcast", line("received", stream="sessions", cursor="e:17"), line("caught_up"))

    assert stages(client, "e17:1") == ["caught_up", "received"]
    assert stages(client, "e:17") == ["received", "caught_up"]


def test_a_missing_stage_is_told_of() -> None:
    client = boto3.client("logs", region_name="us-east-1")

    told = r"no log group /aws/lambda/game-night-live-dev here\. `gamenight stage status"
    with pytest.raises(NotTraceable, match=told):
        stages(client)
