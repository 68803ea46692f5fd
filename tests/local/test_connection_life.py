"""The life of connections end to end, on a gateway whose times are short: on AWS they can't be waited for.

No test has to be faster than these times: what comes too late on a slow machine is tried with longer ones.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import jwt
import pytest

from infra.template import tables
from tests.clients import Bot, Connect, Host, Target
from tests.gateway import Gateway, gateway_engine, running_gateway
from tests.local.conftest import target_of

SHORT = {
    "TOKEN_EXPIRING_SECONDS": "3597",
    "CONNECTION_MAX_AGE_SECONDS": "3",
    "GATEWAY_SWEEP_INTERVAL": "0.5",
}
HOUR = 3600
"""So that a token of an hour is told to expire three seconds after it was minted."""
LIVES = (2, 6, 18, 54)
"""Of tokens that are to expire, in seconds."""


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("hasty")
    with gateway_engine(folder) as engine, running_gateway(folder, {**engine, **SHORT}) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def target(hasty: Gateway) -> Target:
    return target_of(hasty)


async def frame(bot: Bot) -> Any:
    """Return the next frame that is no event."""
    return await bot.answer()


async def resuming(connected: Connect, token: str) -> Bot:
    bot = await connected()
    answer = await bot.ask({"type": "auth", "token": token, "since": ""})
    assert answer["type"] == "auth_success", answer
    return bot


async def expiring(target: Target, connected: Connect, subject: str) -> Bot:
    """Return an authenticated bot whose token expires as soon as the machine is fast enough for."""
    for seconds in LIVES:
        bot = await connected()
        answer = await bot.ask({"type": "auth", "token": target.token("bot", subject, seconds)})
        if answer["type"] == "auth_success":
            return bot
    raise AssertionError(f"no bot could be authenticated within {LIVES[-1]} seconds")


async def test_who_can_resume_is_told_in_time_and_others_are_told_nothing(
    target: Target, connected: Connect, host: Host
) -> None:
    token = target.token("bot", "told", HOUR)
    expires_at = jwt.decode(token, options={"verify_signature": False})["exp"]
    plain = await connected(token)
    resumes = await resuming(connected, token)

    notices = {notice["type"]: notice for notice in [await frame(resumes), await frame(resumes)]}
    session = await host.start()
    pong = await plain.ask({"type": "ping"})

    expiring, reconnect = notices["token_expiring"], notices["reconnect"]
    assert datetime.fromisoformat(expiring["expiresAt"]) == datetime.fromtimestamp(expires_at, UTC)
    assert expiring.keys() == {"type", "expiresAt"}
    assert reconnect.keys() == {"type", "reason", "afterMs"}
    assert reconnect["reason"] == "max_connection_age"
    assert 0 <= reconnect["afterMs"] <= 300_000
    assert pong["type"] == "pong"
    for bot in (plain, resumes):
        await bot.hear_start_of(session["id"])


async def test_whose_token_has_expired_is_told_so_closed_and_gets_nothing_more(
    target: Target, connected: Connect, hasty: Gateway, host: Host
) -> None:
    bot = await expiring(target, connected, "brief")

    goodbye = await frame(bot)
    await bot.is_closed()
    await host.start()

    assert (goodbye["type"], goodbye["code"]) == ("error", "token_expired")
    assert bot.heard == []
    assert traces_of(hasty, "brief") == []


def traces_of(gateway: Gateway, subject: str) -> list[Any]:
    """Return the heads that the table of connections still has of a subject."""
    credentials = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    dynamodb = boto3.client("dynamodb", "us-east-1", endpoint_url=gateway.dynamodb_url, **credentials)
    rows = dynamodb.scan(TableName=tables("local")["ConnectionsTable"].name, ConsistentRead=True)["Items"]
    return [row for row in rows if row.get("subject") == {"S": subject}]
