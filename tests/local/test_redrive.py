"""What was given up, redone by the command on a gateway that runs."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from infra.template import queues
from tests.clients import Host, Target
from tests.gateway import ROOT, Gateway

FAILURES = queues("local")["StreamFailureQueue"].name


@pytest.fixture
def failures(gateway: Gateway) -> Any:
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    sqs = boto3.client("sqs", "us-east-1", endpoint_url=gateway.sqs_url, **keys)
    return boto3.resource("sqs", "us-east-1", endpoint_url=gateway.sqs_url, **keys).Queue(
        sqs.get_queue_url(QueueName=FAILURES)["QueueUrl"]
    )


def redriven(gateway: Gateway, *options: str) -> Any:
    command = [
        sys.executable,
        "-m",
        "infra.cli",
        "stage",
        "redrive",
        "--json",
        "--state-dir",
        str(gateway.state),
        *options,
    ]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def given_up() -> str:
    """Return Lambda's document for records that no stream has any more."""
    now = datetime.now(UTC)
    return json.dumps(
        {
            "DDBStreamBatchInfo": {
                "shardId": "shardId-00000000000000000000-gone",
                "startSequenceNumber": f"{1:021}",
                "endSequenceNumber": f"{2:021}",
                "approximateArrivalOfFirstRecord": (now - timedelta(seconds=1)).isoformat(),
                "approximateArrivalOfLastRecord": now.isoformat(),
                "batchSize": 2,
                "streamArn": "arn:aws:dynamodb:us-east-1:000000000000:table/gone/stream/gone",
            }
        }
    )


async def test_what_was_given_up_is_heard_again_after_a_redrive(
    gateway: Gateway, target: Target, host: Host, failures: Any
) -> None:
    async with target.bot(target.token("bot")) as bot:
        session_id = (await host.start("given up"))["id"]
        await bot.hear_start_of(session_id)
        bot.heard.clear()
        failures.send_message(MessageBody=given_up())

        shown = redriven(gateway, "--dry-run")
        redone = redriven(gateway)
        heard = await bot.hear_start_of(session_id)

    assert shown["records"]["redone"] == 0
    assert redone["records"]["redone"] == shown["records"]["found"] == 1
    assert json.loads(heard)["data"]["session"]["notes"] == "given up"
    assert redriven(gateway)["records"]["found"] == 0
