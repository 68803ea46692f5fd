import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.delivery.catch_up import ATTEMPTS
from infra import ROOT
from infra.local.engine.queues import ensure_queues
from infra.template import queues


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    with mock_aws():
        yield boto3.client("sqs", "us-east-1")


def attributes(sqs: Any, url: str) -> dict[str, str]:
    found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found


def test_queues_are_made_with_their_dead_letters(sqs: Any) -> None:
    made = ensure_queues(sqs, queues("local"))

    delivery = attributes(sqs, made["DeliveryQueue"].url)
    assert delivery["QueueArn"].endswith(":game-night-live-local-delivery.fifo")
    assert delivery["FifoQueue"] == "true"
    assert delivery["DeduplicationScope"] == "messageGroup"
    assert delivery["VisibilityTimeout"] == "60"
    assert json.loads(delivery["RedrivePolicy"]) == {
        "deadLetterTargetArn": made["DeliveryDeadLetterQueue"].arn,
        "maxReceiveCount": 50,
    }


def test_queues_that_are_there_get_the_stacks_settings(sqs: Any) -> None:
    url = ensure_queues(sqs, queues("local"))["DeliveryQueue"].url
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})

    again = ensure_queues(sqs, queues("local"))

    assert again["DeliveryQueue"].url == url
    assert attributes(sqs, url)["VisibilityTimeout"] == "60"


def test_a_connection_closes_before_its_job_is_dead() -> None:
    assert queues("local")["DeliveryQueue"].receives > ATTEMPTS


def test_a_job_is_hidden_while_its_function_may_run() -> None:
    definition = queues("local")["DeliveryQueue"]
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    timeout = config["lambda_functions"]["deliver"]["lambda_timeout"]

    assert timeout <= definition.attributes["VisibilityTimeout"]
