"""Identity: who is let in, who is not, and how they are told, over REST and over the WebSocket."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from tests.clients import Bot, Connect, Host, Target
from tests.conformance.problems import challenge, problem

DAY = 24 * 60 * 60


def forged(token: str, forgery: str) -> str:
    """Return what somebody without the secret could make of a token to become an admin."""
    header, claims, signature = token.split(".")
    admin = {**json.loads(base64.urlsafe_b64decode(claims + "==")), "role": "admin"}
    if forgery == "another role under the same signature":
        raised = base64.urlsafe_b64encode(json.dumps(admin).encode()).decode().rstrip("=")
        return f"{header}.{raised}.{signature}"
    if forgery == "no algorithm":
        return jwt.encode(admin, "", "none")
    return jwt.encode(admin, "x" * 32, "HS256", headers=jwt.get_unverified_header(token))


@pytest.mark.parametrize(
    "forgery", ["another role under the same signature", "no algorithm", "another secret"]
)
async def test_a_forged_token_is_refused(target: Target, stranger: Bot, forgery: str) -> None:
    token = forged(target.token("bot"), forgery)

    async with target.host(token) as forger:
        answer = await forger.post({})
    refused = await stranger.ask({"type": "auth", "token": token})

    problem(answer, 401, "token_invalid")
    assert challenge(answer) == "Bearer"
    assert token not in answer.text
    assert (refused["type"], refused["code"]) == ("auth_error", "token_invalid")


async def test_an_expired_token_is_refused(target: Target, stranger: Bot) -> None:
    refused = await stranger.ask({"type": "auth", "token": target.token("bot", ttl=-60)})

    assert (refused["type"], refused["code"]) == ("auth_error", "token_expired")


async def test_the_scheme_is_not_case_sensitive(target: Target) -> None:
    async with target.host(token=None) as host:
        answer = await host.post({}, {"Authorization": f"bearer {target.token('admin')}"})

    assert answer.status_code == 201


@pytest.mark.parametrize("role", ["admin", "bot"])
async def test_a_connection_is_told_who_it_is(target: Target, stranger: Bot, role: str) -> None:
    claims = jwt.decode(target.token(role), options={"verify_signature": False})

    answer = await stranger.ask({"type": "auth", "token": target.token(role)})

    until = datetime.fromisoformat(answer["expiresAt"])
    assert answer.keys() == {"type", "message", "sub", "role", "expiresAt"}
    assert (answer["type"], answer["sub"], answer["role"]) == ("auth_success", claims["sub"], role)
    assert answer["expiresAt"].endswith("Z")
    assert abs(until - datetime.fromtimestamp(claims["exp"], UTC)) < timedelta(seconds=1)


async def test_the_third_refused_token_closes_the_connection(target: Target, stranger: Bot) -> None:
    for _ in range(2):
        refused = await stranger.ask({"type": "auth", "token": "junk"})
        assert refused == {"type": "auth_error", "code": "token_invalid", "message": refused["message"]}
        assert refused["message"]
    await stranger.authenticate(target.token("bot"))  # makes good for both

    for _ in range(3):
        await stranger.ask({"type": "ping"})
        assert (await stranger.ask({"type": "auth", "token": "junk"}))["type"] == "auth_error"

    await stranger.is_closed()


@pytest.mark.parametrize("frame_type", ["subscribe", "unsubscribe"])
async def test_before_auth_only_auth_and_ping_are_accepted(
    target: Target, stranger: Bot, frame_type: str
) -> None:
    refused = await stranger.ask({"type": frame_type, "sessionId": 1})

    assert (refused["type"], refused["code"]) == ("error", "not_authenticated")
    assert refused["retryable"] is False
    assert (await stranger.ask({"type": "ping"}))["type"] == "pong"
    assert await stranger.authenticate(target.token("bot"))


@pytest.mark.parametrize("subject", ["kosmi", "discord"])
async def test_a_connection_renews_only_its_own_token(
    target: Target, connected: Connect, host: Host, night: Any, subject: str
) -> None:
    bot = await connected(target.token("bot", "kosmi"))
    await bot.ask({"type": "subscribe", "sessionId": night["id"]})

    answer = await bot.ask({"type": "auth", "token": target.token("bot", subject, 7200)})
    await host.add_game(night["id"])

    if subject == "kosmi":
        assert (answer["type"], answer["sub"]) == ("auth_success", "kosmi")
    else:
        assert (answer["type"], answer["code"]) == ("auth_error", "subject_mismatch")
    assert await bot.hear_in(night["id"], 1)
    assert await bot.hear_start_of((await host.start())["id"])


async def test_an_admin_mints_tokens_for_bots(stranger: Bot, host: Host) -> None:
    body = {"name": "Zoës Bot 🎲", "ttl_seconds": DAY}
    answers = [await host.send("/api/tokens", body) for _ in range(2)]
    minted = answers[0].json()

    success = await stranger.authenticate(minted["token"])

    assert answers[0].status_code == 201
    assert answers[0].headers["cache-control"] == "no-store"
    assert list(minted) == ["token", "expires_at", "role", "sub"]
    assert (minted["role"], minted["sub"]) == ("bot", body["name"])
    until = datetime.fromisoformat(minted["expires_at"])
    assert abs(until - datetime.now(UTC) - timedelta(days=1)) < timedelta(minutes=5)
    assert (success["role"], success["sub"]) == ("bot", body["name"])
    assert success["expiresAt"] == minted["expires_at"]
    assert answers[1].json()["token"] != minted["token"]
