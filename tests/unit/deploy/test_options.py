"""What AWS enumerates or bounds is refused before it is asked, with what it would take."""

import pytest
from click.testing import CliRunner

from infra.cli.commands import gamenight
from infra.deploy.stage import LOG_RETENTION_DAYS, StageConfig

TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"


@pytest.mark.parametrize("command", ["deploy", "provision"])
@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--log-retention-days", "45", "30, 60"),
        ("--log-retention-days", "0", "1, 3, 5"),
        ("--architecture", "mips", "arm64"),
        ("--account-rate", "99", "100"),
        ("--alarm-topic-arn", "alarms", "arn:aws:sns:"),
        ("--alarm-topic-arn", TOPIC.replace(":sns:", ":sqs:"), "arn:aws:sns:"),
        ("--alarm-topic-arn", f"{TOPIC}:sub", "arn:aws:sns:"),
    ],
)
def test_a_value_that_aws_does_not_have_is_refused(command: str, option: str, value: str, told: str) -> None:
    refused = CliRunner().invoke(gamenight, ["stage", command, "--stage", "dev", option, value])

    assert refused.exit_code == 2
    assert told in refused.output.replace("'", "")


@pytest.mark.parametrize("command", ["add", "remove"])
def test_a_mail_goes_to_an_address(command: str) -> None:
    typed = ["stage", "notify", command, "--stage", "dev", "--email", "nonsense"]

    refused = CliRunner().invoke(gamenight, typed)

    assert refused.exit_code == 2
    assert "'nonsense' is no e-mail address." in refused.output


def test_events_can_be_asked_for_and_are_kept() -> None:
    events = StageConfig.of({}, events=True)

    assert events.parameters["Events"] == "true"
    assert StageConfig.of(events.parameters, events=None) == events
    assert StageConfig.of(events.parameters).kept() == ["--events"]
    assert StageConfig.of(events.parameters, events=True).kept() == []
    assert StageConfig.of(events.parameters, events=False) == StageConfig()


def test_the_help_offers_the_values_that_aws_has() -> None:
    shown = CliRunner().invoke(gamenight, ["stage", "deploy", "--help"]).output

    assert "|".join(map(str, LOG_RETENTION_DAYS)) in shown
