"""Guests get in by a code and a name, and another device by a host's link."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Page, Route, ViewportSize, expect

from tests.clients import Host, Target
from tests.page.conftest import Visit
from tests.page.reader import read_code
from tests.page.visitor import Visitor
from tests.page.wire import Wire

CODE = "K7QM2X"
PHONE: ViewportSize = {"width": 360, "height": 640}


async def answers(page: Page, path: str, status: int, body: dict[str, Any]) -> list[Any]:
    """Have the service answer a path, and return what it is asked."""
    asked: list[Any] = []

    async def answer(route: Route) -> None:
        asked.append(route.request.post_data_json if route.request.method == "POST" else route.request.url)
        await route.fulfill(status=status, body=json.dumps(body), content_type="application/json")

    await page.route(re.compile(rf"{path}$"), answer)
    return asked


async def lets_in(page: Page, target: Target, night: int, name: str = "Ana") -> list[Any]:
    token = target.token("bot", f"guest-of-{night}")
    joined = {"token": token, "role": "guest", "name": name, "session_id": night}
    return await answers(page, "/api/join", 201, joined)


async def guest(visit: Visit, target: Target, night: int, **options: Any) -> Visitor:
    """Let a guest in by the link of a code."""
    visitor = Visitor((await visit(viewport=PHONE, **options)).page, f"{target.rest_url}/#/join/{CODE}")
    await lets_in(visitor.page, target, night)
    await visitor.opens()
    await visitor.page.get_by_label("Your name").fill("Ana")
    await visitor.presses("Join")
    return visitor


async def test_a_link_asks_for_a_name_and_nothing_else(visit: Visit, host: Host, target: Target) -> None:
    night = (await host.start("Friday Game Night"))["id"]
    await host.add_game(night, "Quiplash")
    visitor = Visitor((await visit(viewport=PHONE)).page, f"{target.rest_url}/#/join/{CODE}")
    asked = await lets_in(visitor.page, target, night)
    await visitor.opens()
    await expect(visitor.page.get_by_role("textbox")).to_have_count(1)

    await visitor.page.get_by_label("Your name").fill(" Ana ")
    await visitor.page.keyboard.press("Enter")

    await visitor.reads_heading("Friday Game Night")
    assert asked == [{"code": CODE, "name": "Ana"}]
    assert visitor.page.url.endswith(f"#/night/{night}")
    await visitor.page.reload()
    await visitor.reads_heading("Friday Game Night")


async def test_a_guest_votes_in_its_own_name_and_hosts_nothing(
    visit: Visit, host: Host, target: Target
) -> None:
    night = (await host.start("Of guests"))["id"]
    await host.add_game(night, "Quiplash")
    visitor = await guest(visit, target, night)
    await visitor.connection_is("live")

    await visitor.page.get_by_role("button", name="Vote Quiplash up").click()
    await visitor.reads_score("Quiplash", "+1")
    await visitor.page.get_by_role("button", name="Vote Quiplash down").click()
    await visitor.reads_score("Quiplash", "−1")
    await visitor.page.get_by_role("button", name="Vote Quiplash down").click()
    await visitor.reads_score("Quiplash", "0")

    await expect(visitor.page.locator("#feed")).to_contain_text("Ana voted Quiplash up")
    await expect(visitor.page.get_by_role("textbox")).to_have_count(0)
    buttons = await visitor.page.get_by_role("button").all_inner_texts()
    assert [text for text in buttons if text.strip("▲▼ 0")] == ["Sign out"]
    assert await visitor.page.get_by_role("link").filter(has_text="Nights").count() == 0
    await host.start("Another one")
    await host.close(night)
    await expect(visitor.page.locator("#verdict")).to_have_text("Nobody voted")
    await expect(visitor.page.get_by_text("Another night")).to_be_hidden()


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        ((404, "invite_not_found"), ("Code", "There is no such code")),
        ((410, "invite_expired"), ("Code", "not good any more")),
        ((409, "name_taken"), ("Your name", "Choose another one")),
        ((429, "too_many_requests"), (None, "Wait a minute")),
    ],
)
async def test_what_stands_in_the_way_is_told(
    visit: Visit, target: Target, refusal: tuple[int, str], told: tuple[str | None, str]
) -> None:
    (status, code), (label, sentence) = refusal, told
    visitor = Visitor((await visit()).page, f"{target.rest_url}/#/join/{CODE}")
    await answers(visitor.page, "/api/join", status, {"code": code, "detail": "No."})
    await visitor.opens()

    await visitor.page.get_by_label("Your name").fill("Ana")
    await visitor.presses("Join")

    await expect(visitor.page.get_by_text(sentence)).to_be_visible()
    if label:
        field = visitor.page.get_by_role("textbox", name=label)
        await expect(field).to_be_focused()
        await expect(field).to_have_accessible_description(re.compile(sentence))


async def test_a_code_can_be_typed(visit: Visit, host: Host, target: Target) -> None:
    night = (await host.start("Typed"))["id"]
    visitor = await visit()
    asked = await lets_in(visitor.page, target, night)
    await visitor.opens()

    await visitor.page.get_by_role("link", name="Join with a code").click()
    await visitor.page.get_by_label("Code").fill(f" {CODE} ")
    await visitor.page.get_by_label("Your name").fill("Ana")
    await visitor.presses("Join")

    await visitor.reads_heading("Typed")
    assert asked == [{"code": CODE, "name": "Ana"}]


async def test_a_removed_guest_is_told_and_asked_nothing(visit: Visit, host: Host, target: Target) -> None:
    night = (await host.start("Removed"))["id"]
    wire = Wire()
    visitor = await guest(visit, target, night, wire=wire)
    await visitor.connection_is("live")

    wire.tells({"type": "error", "code": "token_revoked", "message": "Revoked.", "retryable": False})

    await visitor.reads_heading("The host has removed you.")
    await expect(visitor.page.get_by_role("textbox")).to_have_count(0)
    assert await visitor.remembers("token") is None


async def test_a_host_invites_guests_and_removes_one(visit: Visit, host: Host, target: Target) -> None:
    night = (await host.start("Inviting"))["id"]
    visitor = await visit("admin", viewport=PHONE)
    until = (datetime.now(UTC) + timedelta(hours=8)).isoformat()
    made = {"code": CODE, "url": f"{target.rest_url}/#/join/{CODE}", "expires_at": until}
    asked = await answers(visitor.page, f"/api/sessions/{night}/invites", 201, made)
    removed = await answers(visitor.page, f"/api/sessions/{night}/guests/An%20a", 204, {})
    link = f"{target.rest_url}/#/join/{CODE}"

    for _ in range(2):
        await visitor.presses("Invite guests")
        await expect(visitor.page.get_by_text(CODE, exact=True)).to_be_visible()
        assert await read_code(visitor.page.get_by_role("img", name="QR code")) == link
        await expect(visitor.page.get_by_role("link", name=CODE)).to_have_attribute("href", link)
        await visitor.presses("Close")

    assert asked == [{}], "the code is the same one as long as it is good"
    await visitor.presses("Invite guests")
    await visitor.page.get_by_text("Remove a guest").click()
    await visitor.page.get_by_label("Name", exact=True).fill("An a")
    await visitor.presses("Remove")
    await expect(visitor.page.get_by_text("An a is removed")).to_be_visible()
    assert len(removed) == 1


async def test_the_television_shows_how_to_get_in(visit: Visit, host: Host, target: Target) -> None:
    night = (await host.start("Shown"))["id"]
    visitor = Visitor((await visit()).page, f"{target.rest_url}/#/night/{night}/tv")
    await visitor.page.set_viewport_size({"width": 1280, "height": 720})
    until = (datetime.now(UTC) + timedelta(hours=8)).isoformat()
    made = {"code": CODE, "url": "", "expires_at": until}
    await answers(visitor.page, f"/api/sessions/{night}/invites", 201, made)

    await visitor.signs_in(target.token("admin"))

    await expect(visitor.page.get_by_text(CODE, exact=True)).to_be_visible()
    code = visitor.page.get_by_role("img", name="QR code")
    assert await read_code(code) == f"{target.rest_url}/#/join/{CODE}"
    width, bottom = await code.evaluate("code => [code.clientWidth, code.getBoundingClientRect().bottom]")
    assert width > 720 / 3
    assert bottom < 720
    assert await visitor.page.evaluate("document.documentElement.scrollHeight") <= 720


async def test_a_host_signs_in_another_device(visit: Visit, host: Host, target: Target) -> None:
    await host.start("On another device")
    visitor = await visit("admin")
    until = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
    await answers(visitor.page, "/api/invites", 201, {"code": CODE, "url": "", "expires_at": until})
    await visitor.presses("Sign in another device")
    link = await read_code(visitor.page.get_by_role("img", name="QR code"))
    await expect(visitor.page.get_by_text("Remove a guest")).to_be_hidden()
    other = Visitor((await visit()).page, link)
    joined = {"token": target.token("admin"), "role": "admin", "name": "Nora", "session_id": None}
    await answers(other.page, "/api/join", 201, joined)

    await other.opens()
    await other.page.get_by_label("Your name").fill("Nora")
    await other.presses("Join")

    await other.reads_heading("On another device")
    await expect(other.page.get_by_role("button", name="End the night")).to_be_visible()
