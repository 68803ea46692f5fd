"""Identity: who is let in, who is not, and how they are told, over REST and over the WebSocket."""

import base64
import json
from datetime import datetime, timedelta

import jwt
import pytest

from tests.clients import Connect, Host, Target
from tests.conformance.problems import challenge, problem

SOMEBODY = {"sub": "somebody", "role": "admin", "iss": "game-night-live", "jti": "1"}
SOMEBODY_NOW = {**SOMEBODY, "iat": 1_000_000_000, "exp": 4_000_000_000}


def forged(token: str, forgery: str) -> str:
    """Return what somebody without the secret could make of a token to become an admin."""
    head, claims, signature = token.split(".")
    if forgery == "another role under the same signature":
        content = json.loads(base64.urlsafe_b64decode(claims + "=="))
        raised = base64.urlsafe_b64encode(json.dumps({**content, "role": "admin"}).encode())
        return f"{head}.{raised.decode().rstrip('=')}.{signature}"
    if forgery == "no signature":
        return f"{head}.{claims}."
    if forgery == "no algorithm":
        return jwt.encode(SOMEBODY_NOW, "", "none")
    kid = jwt.get_unverified_header(token).get("kid")
    return jwt.encode(SOMEBODY_NOW, "x" * 32, "HS256", headers={"kid": kid} if kid else None)


FORGERIES = ["another role under the same signature", "no signature", "no algorithm", "another secret"]


@pytest.mark.parametrize("authorization", [None, "Bearer", "Basic aG9zdDpwYXNzd29yZA=="])
async def test_a_request_without_a_token_is_told_to_bring_one(
    target: Target, authorization: str | None
) -> None:
    headers = {"Authorization": authorization} if authorization else None

    async with target.host(token=None) as nobody:
        answer = await nobody.post({}, headers)

    problem(answer, 401, "token_missing")
    assert challenge(answer) == "Bearer"


@pytest.mark.parametrize("token", ["junk", "a.b.c", "x" * 5000])
async def test_a_request_with_junk_for_a_token_is_refused(target: Target, token: str) -> None:
    async with target.host(token) as stranger:
        answer = await stranger.post({})

    problem(answer, 401, "token_invalid")
    assert challenge(answer) == "Bearer"
    assert token not in answer.text


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_token_is_refused_over_rest(target: Target, forgery: str) -> None:
    token = forged(target.token("bot"), forgery)

    async with target.host(token) as forger:
        answer = await forger.post({})

    problem(answer, 401, "token_invalid")


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_token_is_refused_over_the_websocket(
    target: Target, connected: Connect, forgery: str
) -> None:
    bot = await connected()

    answer = await bot.ask({"type": "auth", "token": forged(target.token("bot"), forgery)})

    assert (answer["type"], answer["code"]) == ("auth_error", "token_invalid")


async def test_an_expired_token_is_refused_over_rest(target: Target) -> None:
    async with target.host(target.token("admin", ttl=-60)) as late:
        answer = await late.post({})

    problem(answer, 401, "token_expired")
    assert challenge(answer) == "Bearer"


async def test_an_expired_token_is_refused_over_the_websocket(target: Target, connected: Connect) -> None:
    bot = await connected()

    answer = await bot.ask({"type": "auth", "token": target.token("bot", ttl=-60)})

    assert (answer["type"], answer["code"]) == ("auth_error", "token_expired")


async def test_who_is_not_let_in_is_told_so_before_anything_about_the_body(target: Target) -> None:
    async with target.host(token=None) as nobody:
        answer = await nobody.post_text("{")

    problem(answer, 401, "token_missing")


async def test_a_bot_may_not_start_a_session(target: Target) -> None:
    async with target.host(target.token("bot")) as bot:
        answer = await bot.post({})

    document = problem(answer, 403, "forbidden")
    assert "admin" in document["detail"]


async def test_the_scheme_is_not_case_sensitive(target: Target) -> None:
    async with target.host(token=None) as host:
        answer = await host.post({}, {"Authorization": f"bearer {target.token('admin')}"})

    assert answer.status_code == 201


@pytest.mark.parametrize("role", ["admin", "bot"])
async def test_a_connection_is_told_who_it_is_and_until_when(
    target: Target, connected: Connect, role: str
) -> None:
    bot = await connected()
    claims = jwt.decode(target.token(role), options={"verify_signature": False})

    answer = await bot.ask({"type": "auth", "token": target.token(role)})

    until = datetime.fromisoformat(answer["expiresAt"])
    assert answer["type"] == "auth_success"
    assert isinstance(answer["message"], str)
    assert (answer["sub"], answer["role"]) == (claims["sub"], role)
    assert answer["expiresAt"].endswith("Z")
    assert abs(until - datetime.fromtimestamp(claims["exp"], until.tzinfo)) < timedelta(seconds=1)
    assert answer.keys() == {"type", "message", "sub", "role", "expiresAt"}


async def test_a_refused_token_is_explained_and_another_may_be_tried(
    target: Target, connected: Connect
) -> None:
    bot = await connected()

    refused = await bot.ask({"type": "auth", "token": "junk"})
    accepted = await bot.ask({"type": "auth", "token": target.token("bot")})

    assert refused.keys() == {"type", "code", "message"}
    assert (refused["type"], refused["code"]) == ("auth_error", "token_invalid")
    assert refused["message"]
    assert accepted["type"] == "auth_success"


async def test_the_third_refused_token_closes_the_connection(connected: Connect) -> None:
    bot = await connected()

    for _ in range(3):
        refused = await bot.ask({"type": "auth", "token": "junk"})
        assert refused["type"] == "auth_error"

    await bot.is_closed()


async def test_an_accepted_token_makes_good_for_refused_ones(target: Target, connected: Connect) -> None:
    bot = await connected()
    for _ in range(2):
        await bot.ask({"type": "auth", "token": "junk"})
    await bot.authenticate(target.token("bot"))

    for _ in range(2):
        await bot.ask({"type": "auth", "token": "junk"})

    assert (await bot.ask({"type": "ping"}))["type"] == "pong"


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "subscribe", "sessionId": 1},
        {"type": "unsubscribe", "sessionId": 1},
    ],
)
async def test_before_auth_nothing_but_auth_and_ping_is_accepted(
    target: Target, connected: Connect, frame: object
) -> None:
    bot = await connected()

    refused = await bot.ask(frame)
    pong = await bot.ask({"type": "ping"})
    accepted = await bot.ask({"type": "auth", "token": target.token("bot")})

    assert (refused["type"], refused["code"]) == ("error", "not_authenticated")
    assert refused["retryable"] is False
    assert (pong["type"], accepted["type"]) == ("pong", "auth_success")


async def test_a_connection_may_refresh_its_token(target: Target, connected: Connect, host: Host) -> None:
    bot = await connected(target.token("bot", "kosmi"))

    again = await bot.authenticate(target.token("bot", "kosmi"))
    session = await host.start()

    assert again["sub"] == "kosmi"
    assert await bot.hear_start_of(session["id"])


async def test_a_connection_does_not_become_somebody_else(
    target: Target, connected: Connect, host: Host
) -> None:
    bot = await connected(target.token("bot", "kosmi"))

    refused = await bot.ask({"type": "auth", "token": target.token("bot", "discord")})
    session = await host.start()

    assert (refused["type"], refused["code"]) == ("auth_error", "subject_mismatch")
    assert await bot.hear_start_of(session["id"])
