"""Guests and hosts who get in by a code, what a guest may do, and how somebody is let in no more."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.clients import Bot, Connect, Host, Target
from tests.conformance.problems import problem

GUESTS = 50


@dataclass(frozen=True, slots=True)
class Door:
    """Where people join who have no token."""

    target: Target
    http: httpx.AsyncClient

    async def join(self, code: str, name: str | None = None, **headers: str) -> httpx.Response:
        body = {"code": code} if name is None else {"code": code, "name": name}
        return await self.http.post("/api/join", json=body, headers=headers)

    async def joined(self, code: str, name: str | None = None) -> Any:
        answer = await self.join(code, name)
        assert answer.status_code == 201, answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.json()


@pytest.fixture
async def door(target: Target) -> AsyncIterator[Door]:
    async with target.host(token=None) as nobody:
        yield Door(target, nobody.http)


async def invite(host: Host, path: str, **body: object) -> Any:
    answer = await host.send(f"{path}/invites", body or None)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_code_leads_to_the_page_and_into_one_night(
    host: Host, target: Target, night: Any, game: Any, door: Door
) -> None:
    made = await invite(host, f"/api/sessions/{night['id']}", ttl_seconds=600)

    guest = await door.joined(made["code"].lower(), "Zoë")

    assert made.keys() == {"code", "url", "expires_at"}
    assert made["url"] == f"{target.rest_url.rstrip('/')}/#/join/{made['code']}"
    assert guest.keys() == {"token", "expires_at", "role", "sub", "name", "session_id"}
    assert (guest["role"], guest["name"], guest["session_id"]) == ("guest", "Zoë", night["id"])
    async with target.host(guest["token"]) as zoe:
        assert (await zoe.read(f"/api/sessions/{night['id']}"))["id"] == night["id"]
        vote = await zoe.vote(night["id"], "zoë")
        changed = await zoe.vote(night["id"], "Zoë", "down")
        withdrawn = await zoe.http.delete(
            f"/api/sessions/{night['id']}/votes/{game['id']}", params={"username": "Zoë"}
        )
    assert (vote["totals"]["score"], changed["totals"]["score"]) == (1, -1)
    assert withdrawn.json() == {"upvotes": 0, "downvotes": 0, "score": 0}


async def test_a_guest_can_do_nothing_else(
    host: Host, target: Target, night: Any, game: Any, door: Door
) -> None:
    other = await host.start("Saturday")
    here = f"/api/sessions/{night['id']}"
    guest = await door.joined((await invite(host, here))["code"], "Zoë")

    async with target.host(guest["token"]) as zoe:
        refused = [
            await zoe.send(f"{here}/votes", {"username": "Ada", "type": "up"}),
            await zoe.http.delete(f"{here}/votes/{game['id']}", params={"username": "Ada"}),
            await zoe.send(f"{here}/games", {"title": "Mine"}),
            await zoe.send(f"{here}/close"),
            await zoe.send(f"{here}/invites"),
            await zoe.send("/api/invites"),
            await zoe.post({}),
            await zoe.http.get("/api/sessions"),
            await zoe.http.get("/api/sessions/active"),
            await zoe.http.get(f"/api/sessions/{other['id']}"),
            await zoe.http.get(f"/api/sessions/{other['id']}/events"),
            await zoe.send(f"/api/sessions/{other['id']}/votes", {"username": "Zoë", "type": "up"}),
            await zoe.http.delete(f"{here}/guests/Ada"),
            await zoe.http.delete("/api/tokens/kosmi"),
        ]

    for answer in refused:
        problem(answer, 403, "forbidden")


async def test_a_guest_hears_its_night_and_no_other(
    host: Host, night: Any, door: Door, connected: Connect
) -> None:
    code = (await invite(host, f"/api/sessions/{night['id']}"))["code"]
    guest = await connected((await door.joined(code, "Zoë"))["token"])
    other = await host.start("Saturday")

    refused = await guest.ask({"type": "subscribe", "sessionId": other["id"]})
    await guest.ask({"type": "subscribe", "sessionId": night["id"], "since": ""})
    await host.add_game(night["id"])
    await host.close(night["id"])

    await guest.hear_in(night["id"], 2)
    assert (refused["type"], refused["code"]) == ("error", "forbidden")
    assert {*guest.started} <= {night["id"]}


async def test_a_guest_that_resumes_is_told_where_it_is(
    host: Host, night: Any, door: Door, stranger: Bot
) -> None:
    code = (await invite(host, f"/api/sessions/{night['id']}"))["code"]
    token = (await door.joined(code, "Zoë"))["token"]

    answer = await stranger.ask({"type": "auth", "token": token, "since": ""})

    assert (answer["role"], answer["stream"], answer["recovered"]) == ("guest", "sessions", True)
    assert answer["sequence"] == answer["last"] >= night["id"]
    assert (await stranger.ask({"type": "ping"}))["type"] == "pong"


async def test_who_has_no_good_code_is_told_why(host: Host, night: Any, door: Door) -> None:
    here = f"/api/sessions/{night['id']}"
    code = (await invite(host, here))["code"]
    await door.joined(code, "Zoë")

    taken, unknown = await door.join(code, "zoë "), await door.join("AAAAAAA", "Ada")
    await host.close(night["id"])
    late, closed = await door.join(code, "Ada"), await host.send(f"{here}/invites")

    assert "zoë" in problem(taken, 409, "name_taken")["detail"]
    problem(unknown, 404, "invite_not_found")
    assert "ended" in problem(late, 410, "invite_expired")["detail"]
    problem(closed, 409, "session_closed")


async def test_joining_again_with_the_same_key_is_one_guest(host: Host, night: Any, door: Door) -> None:
    code = (await invite(host, f"/api/sessions/{night['id']}"))["code"]
    key = {"Idempotency-Key": str(uuid.uuid4())}

    first, again = await door.join(code, "Zoë", **key), await door.join(code, "Zoë", **key)
    other = await door.join(code, "Ada", **key)

    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (201, first.json())
    problem(other, 422, "idempotency_mismatch")


async def test_a_hosts_link_signs_in_once(host: Host, target: Target, door: Door) -> None:
    made = await invite(host, "/api")

    signed_in = await door.joined(made["code"])
    again = await door.join(made["code"])

    assert (signed_in["role"], signed_in["session_id"]) == ("admin", None)
    async with target.host(signed_in["token"]) as other:
        assert (await other.start())["is_active"] == 1
    assert "used" in problem(again, 410, "invite_expired")["detail"]


async def test_fifty_guests_join_and_vote_at_once(
    host: Host, target: Target, night: Any, game: Any, door: Door
) -> None:
    here, names = f"/api/sessions/{night['id']}", [f"guest {number}" for number in range(GUESTS)]
    code = (await invite(host, here))["code"]

    async def come_and_vote(name: str) -> Any:
        token = (await door.joined(code, name))["token"]
        async with target.host(token) as guest, target.bot(token) as socket:
            await socket.ask({"type": "subscribe", "sessionId": night["id"]})
            cast = await guest.cast(night["id"], name, game_id=game["id"])
            while not any(f'"username":"{name}"' in text for text in socket.heard):
                await socket.listen()
            return cast

    cast = await asyncio.gather(*map(come_and_vote, names))
    await host.close(night["id"])

    [tallied] = (await host.read(here))["games"]
    assert [one["vote"]["username"] for one in cast] == names
    assert tallied["totals"] == {"upvotes": GUESTS, "downvotes": 0, "score": GUESTS}


async def test_a_removed_guest_is_out_at_once_and_its_name_stays_taken(
    host: Host, night: Any, door: Door, connected: Connect
) -> None:
    here, target = f"/api/sessions/{night['id']}", door.target
    await host.add_game(night["id"])
    code = (await invite(host, here))["code"]
    token = (await door.joined(code, "Zoë & Ada"))["token"]
    guest, neighbour = await connected(token), await connected((await door.joined(code, "Bob"))["token"])
    async with target.host(token) as zoe:
        await zoe.vote(night["id"], "Zoë & Ada")

    removed = await host.http.delete(f"{here}/guests/zo%C3%AB%20%26%20ada")
    unknown = await host.http.delete(f"{here}/guests/Eve")

    assert (removed.status_code, removed.content) == (204, b"")
    assert "Eve" in problem(unknown, 404, "guest_not_found")["detail"]
    await is_revoked(target, guest, token)
    assert (await neighbour.ask({"type": "ping"}))["type"] == "pong"
    problem(await door.join(code, "Zoë & Ada"), 409, "name_taken")
    [tallied] = (await host.read(here))["games"]
    assert tallied["totals"]["score"] == 1


async def test_revoked_tokens_open_nothing_and_later_ones_do(
    host: Host, target: Target, connected: Connect
) -> None:
    name = f"bót {uuid.uuid4()}"
    asked = {"name": name, "ttl_seconds": 600}
    token = (await host.send("/api/tokens", asked)).json()["token"]
    bots = [await connected(token) for _ in range(3)]

    revoked = await host.http.delete(f"/api/tokens/{quote(name)}")
    later = (await host.send("/api/tokens", asked)).json()["token"]

    assert revoked.status_code == 204
    for bot in bots:
        await is_revoked(target, bot, token)
    async with target.host(later) as again:
        assert (await again.http.get("/api/sessions")).status_code == 200
    await connected(later)


async def is_revoked(target: Target, bot: Bot, token: str) -> None:
    """Fail unless a connection was closed for it, and its token is refused within ten seconds."""
    told = await bot.answer()
    assert (told["type"], told["code"], told["retryable"]) == ("error", "token_revoked", False)
    await bot.is_closed()
    async with target.host(token) as refused:
        for _ in range(20):
            if (answer := await refused.http.get("/api/sessions/1")).status_code == 401:
                break
            await asyncio.sleep(0.5)
    problem(answer, 401, "token_revoked")
    async with target.bot() as stranger:
        answer = await stranger.ask({"type": "auth", "token": token})
        assert (answer["type"], answer["code"]) == ("auth_error", "token_revoked")
