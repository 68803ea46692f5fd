from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.deploy.operate.restored import complete_table
from infra.template import tables

SESSIONS = tables("dev")["SessionsTable"]


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        client = boto3.client("dynamodb", "us-east-1")
        bare = {key: value for key, value in SESSIONS.create.items() if key != "StreamSpecification"}
        client.create_table(**bare)
        yield client


def test_a_restored_table_gets_what_the_restore_left_off(dynamodb: Any) -> None:
    done = [*complete_table(dynamodb, SESSIONS)]

    table = dynamodb.describe_table(TableName=SESSIONS.name)["Table"]
    expiry = dynamodb.describe_time_to_live(TableName=SESSIONS.name)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=SESSIONS.name)["ContinuousBackupsDescription"]
    assert len(done) == 3
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert expiry["AttributeName"] == "expires_at"
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_table_that_has_all_is_left_alone(dynamodb: Any) -> None:
    [*complete_table(dynamodb, SESSIONS)]

    assert [*complete_table(dynamodb, SESSIONS)] == []
