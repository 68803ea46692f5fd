import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from infra.local.functions.deployed import Function
from infra.local.functions.environment import (
    Environment,
    FunctionFailed,
    start_fork_server,
)

HANDLERS = "tests.integration.local.handlers"


@pytest.fixture(scope="module", autouse=True)
def fork_server() -> None:
    start_fork_server()


@contextmanager
def environment(handler: str, timeout_seconds: int = 60) -> Iterator[Environment]:
    opened = Environment(Function("a_function", f"{HANDLERS}.{handler}", timeout_seconds))
    yield opened
    opened.kill()


def test_a_handler_gets_event_and_context_as_on_lambda() -> None:
    with environment("echo", timeout_seconds=30) as lambda_:
        answer = lambda_.invoke({"text": "é\n"}, "request-1")
        again = lambda_.invoke(None, "request-2")

    assert answer["event"] == {"text": "é\n"}
    assert (answer["function_name"], answer["request_id"]) == ("a_function", "request-1")
    assert answer["arn"] == "arn:aws:lambda:us-east-1:000000000000:function:a_function"
    assert 0 < answer["remaining"] <= 30_000
    assert again["pid"] == answer["pid"] != os.getpid()


@pytest.mark.parametrize(
    ("event", "words"),
    [("raise", "ValueError: the handler's own words"), ("unserializable", "not JSON serializable")],
)
def test_after_a_failure_the_environment_goes_on(event: str, words: str) -> None:
    with environment("misbehave") as lambda_:
        before = lambda_.invoke("be good", "r")
        with pytest.raises(FunctionFailed, match=words):
            lambda_.invoke(event, "r")

        assert lambda_.invoke("be good", "r") == before
        assert lambda_.usable


def test_a_missing_handler_is_a_failure() -> None:
    with environment("no_such_handler") as lambda_, pytest.raises(FunctionFailed, match="no_such_handler"):
        lambda_.invoke("x", "r")


@pytest.mark.parametrize("event", ["exit", "die"])
def test_a_process_that_ends_is_a_crash(event: str) -> None:
    with environment("misbehave") as lambda_:
        with pytest.raises(FunctionFailed, match="Runtime exited"):
            lambda_.invoke(event, "r")

        assert not lambda_.usable


def test_a_function_that_takes_too_long_is_ended() -> None:
    with environment("misbehave", timeout_seconds=0) as lambda_:
        with pytest.raises(FunctionFailed, match="Task timed out"):
            lambda_.invoke("hang", "r")

        assert not lambda_.usable
