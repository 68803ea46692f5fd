from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from infra.deploy import post_deploy
from infra.deploy.stack import UNTOLD
from infra.deploy.verify import measures
from infra.deploy.verify.finding import Finding, NotMeasured, Verdict
from tests.unit.verify.stage import FakeBot, service, started


def test_the_first_event_is_cold_and_the_next_ones_warm() -> None:
    stage = service(FakeBot(), seconds=[3.0, *[0.1] * 19, 0.5])

    found = measures.latency(stage)

    assert found == Finding(Verdict.SHOWN, "cold 3000 ms; warm median 100 ms, longest of 20 500 ms")
    renewed: Any = stage.target.aws
    assert renewed.renewed == ["game-night-live-dev", "game-night-live-dev-broadcast"]


@pytest.mark.parametrize(("seconds", "verdict"), [([0.2], Verdict.HOLDS), ([], Verdict.CONTRADICTED)])
def test_a_connection_outlives_a_deployment_or_not(
    seconds: list[float], verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployments = []

    def put(*_: object, **how: object) -> None:
        deployments.append(how)

    monkeypatch.setattr(post_deploy, "websocket_deployment", put)

    assert measures.redeploy(service(FakeBot(), seconds=seconds)).verdict is verdict
    assert deployments == [{"changed": True}]


@pytest.mark.parametrize(("window", "verdict"), [(0, Verdict.HOLDS), (5, Verdict.CONTRADICTED)])
def test_the_queue_is_measured_by_two_events(
    window: int, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    again: list[Any] = []

    @contextmanager
    def application() -> Iterator[Any]:
        log = SimpleNamespace(events=lambda *where: where)
        yield SimpleNamespace(redelivery=SimpleNamespace(log=log, deliver=again.append)), lambda _: None

    monkeypatch.setattr(measures, "deployed_stage", lambda *_: SimpleNamespace(application=application))
    arn = "arn:aws:lambda:us-east-1:1:function:game-night-live-dev-deliver"
    mapping = {"FunctionArn": arn, "MaximumBatchingWindowInSeconds": window}
    bot = FakeBot(*[started(1), started()] * 4)

    assert measures.queue_window(service(bot, listed=[mapping])).verdict is verdict
    assert again == [("sessions", 6, 1)] * 2


def test_drift_is_named() -> None:
    assert measures.drift(service()).verdict is Verdict.HOLDS
    assert measures.drift(service(drift=["Table modified /Tags"])) == Finding(
        Verdict.CONTRADICTED, "Table modified /Tags"
    )
    with pytest.raises(NotMeasured):
        measures.drift(service(drift=[f"{UNTOLD}: denied"]))
