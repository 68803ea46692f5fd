from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from infra.deploy import post_deploy
from infra.deploy.stack import UNTOLD
from infra.deploy.verify import measures
from infra.deploy.verify.finding import Finding, NotMeasured, Verdict
from infra.deploy.verify.service import Service
from tests.unit.verify.stage import CLOSED, FakeBot, service, started

MISSING = "Invalid key=value pair (missing equal-sign) in Authorization header (hashed): 'abc'."
PONG = {"type": "pong"}


@pytest.mark.parametrize(
    ("status", "message", "verdict"),
    [
        (403, MISSING, Verdict.HOLDS),
        (403, "Missing Authentication Token", Verdict.CONTRADICTED),
        (404, MISSING, Verdict.CONTRADICTED),
    ],
)
def test_a_missing_path_is_answered_as_the_documents_say(status: int, message: str, verdict: Verdict) -> None:
    found = measures.missing_path(service(answer=(status, {"message": message})))

    assert found.verdict is verdict
    assert "abc" not in found.text


def test_what_a_client_of_the_connect_route_hears_is_told() -> None:
    silent = FakeBot(TimeoutError(), PONG)
    answered = FakeBot(started(), {"message": "Forbidden"}, PONG)

    texts = [
        measures.connect_by_message(service(bot, listed=["START"] * 2)).text for bot in (silent, answered)
    ]

    assert silent.sent == [{"action": "$connect"}, {"type": "ping"}]
    assert texts == [
        f"{said}; websocket_connect logged 2 runs for one connection, which still works"
        for said in ("no answer in 20 s", "answered 'Forbidden'")
    ]


@pytest.mark.parametrize("bot", [FakeBot(CLOSED), FakeBot(TimeoutError()), FakeBot(TimeoutError(), CLOSED)])
def test_a_connection_that_such_a_frame_harms_is_a_contradiction(bot: FakeBot) -> None:
    assert measures.connect_by_message(service(bot)).verdict is Verdict.CONTRADICTED


OPEN, GONE = FakeBot(), FakeBot(pong=CLOSED)


@pytest.mark.parametrize(
    ("silent", "pinged", "verdict", "said"),
    [
        (GONE, OPEN, Verdict.HOLDS, "with pings is open, one without is closed"),
        (GONE, GONE, Verdict.HOLDS, "with pings is closed, one without is closed"),
        (OPEN, OPEN, Verdict.CONTRADICTED, "with pings is open, one without is open"),
    ],
)
def test_pings_are_compared_with_silence(
    silent: FakeBot, pinged: FakeBot, verdict: Verdict, said: str
) -> None:
    found = measures.protocol_pings(service(silent, pinged), idle_seconds=0)

    assert found.verdict is verdict
    assert said in found.text


@pytest.mark.parametrize("measure", [measures.missing_path, measures.protocol_pings])
def test_an_emulator_is_not_asked_what_only_aws_does(measure: Callable[[Service], Finding]) -> None:
    with pytest.raises(NotMeasured):
        measure(service(emulator="http://127.0.0.1"))


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
