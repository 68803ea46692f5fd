from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from chalicelib.auth.secrets import Secret, SecretsUnreadable, TokenSecrets
from chalicelib.aws.secrets import RATE, ParameterSecrets
from chalicelib.retry import PATIENCE_SECONDS, Backoff, TimeBudget

KEPT = TokenSecrets(Secret("k1", "s" * 40))


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = botocore.session.get_session().create_client(
        "ssm", region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local"
    )
    session: Any = botocore.session.Session
    monkeypatch.setattr(session, "create_client", lambda *_, **__: client)
    with Stubber(client) as stubber:
        yield stubber


def secrets(slept: list[float]) -> ParameterSecrets:
    backoff = Backoff(RATE, TimeBudget(PATIENCE_SECONDS), lambda: 1.0, slept.append, lambda: sum(slept))
    return ParameterSecrets("name", "us-east-1", None, backoff)


def test_a_throttled_read_is_made_again(ssm: Stubber) -> None:
    slept: list[float] = []
    for _ in range(3):
        ssm.add_client_error("get_parameter", "ThrottlingException", "Rate exceeded")
    ssm.add_response("get_parameter", {"Parameter": {"Value": KEPT.document()}})

    assert secrets(slept).load() == KEPT
    assert slept == pytest.approx([0.1, 0.2, 0.4])


def test_a_parameter_that_is_missing_is_read_once(ssm: Stubber) -> None:
    slept: list[float] = []
    ssm.add_client_error("get_parameter", "ParameterNotFound")

    with pytest.raises(SecretsUnreadable):
        secrets(slept).load()

    assert slept == []
