"""Guests and hosts who join a real gateway with the client, and are let out again."""

import asyncio
from typing import Any

import pytest
from gamenight import GameNight, Refused, TokenRefused, join, sync

from tests.clients import Host, Target


@pytest.fixture
async def night(host: Host) -> Any:
    return await host.start("Friday")


async def test_a_guest_joins_votes_and_is_removed(target: Target, night: Any) -> None:
    host = GameNight(target.rest_url, target.token("admin"))
    code = (await host.invite(night["id"], ttl_seconds=600))["code"]
    joined = await join(target.rest_url, code, "Zoë / Ada")
    with pytest.raises(Refused, match="name_taken"):
        await join(target.rest_url, code, "zoë / ada")

    async with GameNight(target.rest_url, joined["token"]) as guest:
        events = guest.events()
        snapshot = await anext(events)
        added = await host.add_game(night["id"], "Quiplash 3")
        heard = await anext(events)
        vote = await guest.vote(night["id"], joined["name"], "up", game_id=added["id"])
        counted = await anext(events)
        await host.remove_guest(night["id"], joined["name"])
        with pytest.raises(TokenRefused, match="revoked"):
            await anext(events)
    await host.end_night(night["id"])

    assert (joined["role"], joined["session_id"]) == ("guest", night["id"])
    assert [event.type for event in (snapshot, heard, counted)] == ["snapshot", "game.added", "vote.received"]
    assert vote["game"] == {"id": added["id"], "title": "Quiplash 3"}


async def test_a_host_signs_in_by_a_link_without_asyncio(target: Target) -> None:
    def sign_in() -> tuple[Any, Any]:
        with sync.GameNight(target.rest_url, target.token("admin")) as first:
            joined = sync.join(target.rest_url, first.invite_host()["code"], "second host")
            with sync.GameNight(target.rest_url, joined["token"]) as second:
                nights = second.nights()
                first.revoke(joined["sub"])
        return joined["role"], nights

    role, nights = await asyncio.to_thread(sign_in)

    assert role == "admin"
    assert isinstance(nights, list)
