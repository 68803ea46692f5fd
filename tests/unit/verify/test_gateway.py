from collections.abc import Callable

import pytest

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
