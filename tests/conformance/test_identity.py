"""Identity: who is let in, who is not, and how they are told, over REST and over the WebSocket."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from tests.clients import Bot, Connect, Host, Target
from tests.conformance.problems import challenge, problem

DAY = 24 * 60 * 60


async def test_only_a_good_token_lets_in(target: Target, stranger: Bot) -> None:
    known, real = jwt.decode(target.token("bot"), options={"verify_signature": False}), target.token("bot")
    headers = jwt.get_unverified_header(real)
    forged = jwt.encode({**known, "role": "admin"}, "x" * 32, "HS256", headers=headers)

    for token, code in [(forged, "token_invalid"), (target.token("admin", ttl=-60), "token_expired")]:
        async with target.host(token) as intruder:
            answer = await intruder.post({})
        refused = await stranger.ask({"type": "auth", "token": token})

        problem(answer, 401, code)
        assert challenge(answer) == "Bearer"
        assert token not in answer.text
        assert (refused["type"], refused["code"]) == ("auth_error", code)


async def test_a_bot_may_read_and_vote_and_nothing_else(target: Target, host: Host, night: Any) -> None:
    await host.add_game(night["id"])

    async with target.host(target.token("bot")) as bot:
        await bot.vote(night["id"], "zoe")
        answers = [await bot.post({}), await bot.send(f"/api/sessions/{night['id']}/close", {})]

    for answer in answers:
        assert "admin" in problem(answer, 403, "forbidden")["detail"]
    assert (await host.read(f"/api/sessions/{night['id']}"))["is_active"] == 1


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
