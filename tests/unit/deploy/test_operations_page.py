"""Each alarm has its section in docs/operations.md, and the metrics that alarms go by are put out."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import cfn_yaml

from chalicelib.metrics import NAMESPACE, UNITS
from infra.template import EVENTS, STACK

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "operations.md").read_text()
RESOURCES: Any = {
    name: one for path in (STACK, EVENTS) for name, one in cfn_yaml.load(str(path))["Resources"].items()
}
ALARMS = {
    one["Properties"]["AlarmName"]["Fn::Sub"].removeprefix("game-night-live-${Stage}-"): one["Properties"]
    for one in RESOURCES.values()
    if one["Type"] == "AWS::CloudWatch::Alarm"
}
SECTIONS = dict(
    re.findall(
        r"^### (\S+)\n\n(.*?)(?=^#|\Z)",
        PAGE.partition("\n## Alarms\n")[2].partition("\n## ")[0],
        re.MULTILINE | re.DOTALL,
    )
)
FUNCTIONS = {"broadcast", "deliver", "sweep", "websocket_message", "api_handler"}


def test_alarms_and_sections_match() -> None:
    assert SECTIONS.keys() == ALARMS.keys()
    for name, alarm in ALARMS.items():
        assert alarm["AlarmDescription"].endswith(f"See docs/operations.md#{name}")


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_says_what_it_means_and_what_to_do(name: str) -> None:
    said = re.findall(r"^- \*\*(.*?)\.\*\* .{6,}$", SECTIONS[name], re.MULTILINE)

    assert said == ["Means", "Clients notice", "Look at", "Do"]


def test_every_link_within_the_page_leads_to_a_section() -> None:
    headings = re.findall(r"^##+ (.*)$", PAGE, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}

    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= anchors


def test_the_metrics_that_are_explained_are_those_that_there_are() -> None:
    explained = re.findall(r"^\| `(\w+)` \| (Count|Milliseconds|None) \|", PAGE, re.MULTILINE)

    assert dict(explained) == UNITS


def test_alarms_and_the_dashboard_use_metrics_that_exist() -> None:
    ours = [one for one in ALARMS.values() if one["Namespace"] == NAMESPACE]
    alarmed = [(one["MetricName"], one["Dimensions"][1]["Value"]) for one in ours]
    body = re.sub(
        r"\$\{.*?\}", "x", next(iter(RESOURCES["Dashboard"]["Properties"]["DashboardBody"].values()))
    )
    shown = [
        (metric[1], metric[5])
        for widget in json.loads(body)["widgets"]
        for metric in widget["properties"].get("metrics", ())
        if metric[0] == NAMESPACE
    ]

    assert len(alarmed) == 9
    assert all([one["Name"] for one in alarm["Dimensions"]] == ["Stage", "Function"] for alarm in ours)
    for metric, function in alarmed + shown:
        assert metric in UNITS
        assert function in FUNCTIONS


def test_a_waiting_job_raises_an_alarm_in_time() -> None:
    retention = RESOURCES["DeliveryQueue"]["Properties"]["MessageRetentionPeriod"]
    alarm = ALARMS["delivery-queue-age"]

    assert alarm["MetricName"] == "ApproximateAgeOfOldestMessage"
    assert alarm["Dimensions"][0]["Value"] == {"Fn::GetAtt": ["DeliveryQueue", "QueueName"]}
    assert alarm["Threshold"] <= retention / 4
