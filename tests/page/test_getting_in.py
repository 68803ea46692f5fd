"""Guests get in by a code and a name, and another device by a host's link."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Route, ViewportSize, expect

from tests.clients import Host, Target
from tests.page.conftest import Visit
from tests.page.reader import read_code
from tests.page.visitor import Visitor
from tests.page.wire import Wire

KEPT = "localStorage.getItem('game-night / host')"
"""Of a host, beyond the tab."""

PHONE: ViewportSize = {"width": 360, "height": 640}


async def code_of(host: Host, night: int) -> str:
    return str((await host.http.post(f"/api/sessions/{night}/invites")).json()["code"])


async def arrives(visit: Visit, target: Target, code: str, **options: Any) -> Visitor:
    """Open a code's link on a phone."""
    visitor = Visitor((await visit(viewport=PHONE, **options)).page, f"{target.rest_url}/#/join/{code}")
    await visitor.opens()
    return visitor


async def joins(visitor: Visitor, name: str) -> None:
    await visitor.page.get_by_label("Your name").fill(name)
    await visitor.page.keyboard.press("Enter")


async def shown_link(visitor: Visitor) -> str:
    """Read the QR code that is shown."""
    return await read_code(visitor.page.get_by_role("img", name="QR code"))


async def test_a_guest_is_asked_for_a_name_and_nothing_else(visit: Visit, host: Host, target: Target) -> None:
    night = (await host.start("Friday Game Night"))["id"]
    await host.add_game(night, "Quiplash")
    visitor = await arrives(visit, target, await code_of(host, night))
    await expect(visitor.page.get_by_role("textbox")).to_have_count(1)

    await joins(visitor, " Ana ")

    await visitor.reads_heading("Friday Game Night")
    assert visitor.page.url.endswith(f"#/night/{night}")
    await visitor.page.reload()
    await visitor.reads_heading("Friday Game Night")
    await visitor.connection_is("live")


@pytest.mark.parametrize("blocked", [False, True], ids=["live", "polling"])
async def test_a_guest_votes_in_its_own_name_and_hosts_nothing(
    visit: Visit, host: Host, target: Target, *, blocked: bool
) -> None:
    night = (await host.start("Of guests"))["id"]
    await host.add_game(night, "Quiplash")
    visitor = await arrives(visit, target, await code_of(host, night), wire=Wire(blocked=blocked))
    await joins(visitor, "Ana")
    await visitor.connection_is("polling" if blocked else "live")

    for way, score in (("up", "+1"), ("down", "−1"), ("down", "0")):
        await visitor.page.get_by_role("button", name=f"Vote Quiplash {way}").click()
        await visitor.reads_score("Quiplash", score)

    await expect(visitor.page.locator("#feed")).to_contain_text("Ana voted Quiplash up")
    await expect(visitor.page.get_by_role("textbox")).to_have_count(0)
    buttons = await visitor.page.get_by_role("button").all_inner_texts()
    assert [text for text in buttons if text.strip("▲▼ 0")] == ["Sign out"]
    await expect(visitor.page.get_by_role("link", name="Nights")).to_have_count(0)
    await host.start("Another one")
    await host.vote(night, "ben")
    await host.close(night)
    await expect(visitor.page.locator("#verdict")).to_have_text("Quiplash won with +1")
    await expect(visitor.page.get_by_text("Another night")).to_be_hidden()


async def test_a_guest_stays_in_its_night_whatever_the_address_says(
    visit: Visit, host: Host, target: Target
) -> None:
    other = (await host.start("Of others"))["id"]
    night = (await host.start("Of its own"))["id"]
    visitor = await arrives(visit, target, await code_of(host, night))
    await joins(visitor, "Ana")
    await visitor.reads_heading("Of its own")

    for address in (f"#/night/{other}", "#/nights", "#/"):
        await visitor.page.evaluate("address => { location.hash = address }", address)
        await visitor.page.wait_for_function("own => location.hash === own", arg=f"#/night/{night}")

    await visitor.reads_heading("Of its own")


async def test_a_guest_whose_tab_is_gone_comes_back_by_the_link(
    visit: Visit, host: Host, target: Target
) -> None:
    night = (await host.start("Back again"))["id"]
    code = await code_of(host, night)
    visitor = await arrives(visit, target, code)
    await joins(visitor, "Ana")
    await visitor.reads_heading("Back again")
    another = Visitor(await visitor.page.context.new_page(), visitor.url)

    await another.opens()
    await another.reads_heading("Back again")
    await another.presses("Sign out")
    await another.page.goto("about:blank")
    await another.opens()

    await expect(another.page.get_by_label("Your name")).to_be_visible()


async def types_a_code(visitor: Visitor, code: str, name: str) -> None:
    await visitor.opens()
    await visitor.page.get_by_role("link", name="Join with a code").click()
    await visitor.page.get_by_label("Code").fill(code)
    await joins(visitor, name)


@pytest.mark.parametrize("link", ["", "Come: http://localhost:5000/#/join/"], ids=["code", "link"])
async def test_a_code_is_typed_as_it_is_read(visit: Visit, host: Host, target: Target, link: str) -> None:
    night = (await host.start("Typed"))["id"]
    code = await code_of(host, night)
    visitor = await visit()

    await types_a_code(visitor, f" {link}{code[:3]} {code[3:].lower()} ", "Ana")

    await visitor.reads_heading("Typed")
    later = Visitor(await visitor.page.context.new_page(), f"{target.rest_url}/#/join/{code[:3]} {code[3:]}")
    await later.opens()
    await later.reads_heading("Typed")


async def test_a_guest_whose_tab_is_gone_types_the_code_again(visit: Visit, host: Host) -> None:
    night = (await host.start("Typed again"))["id"]
    code = await code_of(host, night)
    visitor = await visit()
    await types_a_code(visitor, code, "Ana")
    await visitor.reads_heading("Typed again")
    again, other = [Visitor(await visitor.page.context.new_page(), f"{visitor.url}#/nights") for _ in "12"]

    await types_a_code(again, code.lower(), "ana ")
    await again.reads_heading("Typed again")
    await expect(again.page.locator("#who-name")).to_have_text("Ana")
    await types_a_code(other, code, "Ben")

    await expect(other.page.locator("#who-name")).to_have_text("Ben")


async def test_a_guest_needs_no_link_in_another_tab(visit: Visit, host: Host, target: Target) -> None:
    others = (await host.start("Of others"))["id"]
    night = (await host.start("Without a link"))["id"]
    guest = await arrives(visit, target, await code_of(host, night))
    await joins(guest, "Ana")
    await guest.reads_heading("Without a link")

    for address in ("", f"#/night/{night}"):
        tab = Visitor(await guest.page.context.new_page(), f"{target.rest_url}/{address}")
        await tab.opens()
        await tab.reads_heading("Without a link")
    tab = Visitor(await guest.page.context.new_page(), f"{target.rest_url}/#/night/{others}")
    await tab.opens()

    await expect(tab.page.get_by_text("This night is for its guests and hosts.")).to_be_visible()
    await tab.page.get_by_role("link", name="Join with a code").click()
    await tab.reads_heading("You are invited.")


async def test_what_stands_in_the_way_is_told_where_it_is(visit: Visit, host: Host, target: Target) -> None:
    night = (await host.start("Taken"))["id"]
    code = await code_of(host, night)
    first = await arrives(visit, target, code)
    await joins(first, "Ana")
    await first.reads_heading("Taken")
    visitor = await arrives(visit, target, "XXXXXXX")

    await joins(visitor, "ana")
    await is_told_at(visitor, "Code", "No night has this code")
    await visitor.page.get_by_label("Code").fill(code)
    await joins(visitor, "ana")
    await is_told_at(visitor, "Your name", "Choose another one")
    await joins(visitor, "")
    await is_told_at(visitor, "Your name", "1 to 80 characters")
    await host.close(night)
    await joins(visitor, "Ben")

    await is_told_at(visitor, "Code", "not good any more")


async def is_told_at(visitor: Visitor, label: str, sentence: str) -> None:
    field = visitor.page.get_by_role("textbox", name=label)
    await expect(field).to_have_accessible_description(re.compile(sentence))
    await expect(field).to_be_focused()


@pytest.mark.usefixtures("host")
async def test_who_has_tried_too_often_is_told_to_wait(visit: Visit, target: Target) -> None:
    visitor = await arrives(visit, target, "XXXXXXX")

    async def refuse(route: Route) -> None:
        body = json.dumps({"code": "too_many_attempts", "detail": "Wait."})
        await route.fulfill(status=429, headers={"Retry-After": "60"}, body=body)

    await visitor.page.route("**/api/join", refuse)
    await joins(visitor, "Ana")

    await visitor.is_told("Wait a minute")


async def test_a_guest_whom_a_host_removes_is_told_and_asked_nothing(
    visit: Visit, host: Host, target: Target
) -> None:
    night = (await host.start("Removed"))["id"]
    guest = await arrives(visit, target, await code_of(host, night))
    await joins(guest, "An a/ü")
    await guest.connection_is("live")
    visitor = await visit("admin", viewport=PHONE)

    await visitor.presses("Invite guests")
    await visitor.page.get_by_text("Remove a guest").click()
    await visitor.presses("Remove")
    await is_told_at(visitor, "Name", "1 to 80 characters")
    await visitor.page.get_by_label("Name", exact=True).fill("Nobody")
    await visitor.presses("Remove")
    await visitor.is_told("There is no guest of that name")
    await visitor.page.get_by_label("Name", exact=True).fill("An a/ü")
    await visitor.presses("Remove")

    await expect(visitor.page.get_by_text("An a/ü is removed")).to_be_visible()
    await guest.reads_heading("The host has removed you.")
    await expect(guest.page.get_by_role("textbox")).to_have_count(0)
    assert await guest.remembers("token") is None
    await guest.page.goto("about:blank")
    await guest.opens()
    await guest.reads_heading("The host has removed you.")


async def test_a_host_shows_and_shares_the_code_of_a_night(visit: Visit, host: Host) -> None:
    night = (await host.start("Inviting"))["id"]
    visitor = await visit("admin", viewport=PHONE)
    await visitor.page.add_init_script("navigator.share = async what => { window.shared = what }")
    await visitor.page.reload()

    links = []
    for _ in range(2):
        await visitor.presses("Invite guests")
        links.append(await shown_link(visitor))
        await visitor.presses("Share the link")
        await visitor.presses("Close")

    assert links[0] == links[1], "the code is the same one as long as it is good"
    code = links[0].rpartition("/")[2]
    assert await visitor.page.evaluate("shared") == {"text": "Come to game night", "url": links[0]}
    joined = await host.http.post("/api/join", json={"code": code, "name": "Ana"})
    assert joined.json()["session_id"] == night


async def test_the_television_shows_how_to_get_in(visit: Visit, host: Host, target: Target) -> None:
    night = (await host.start("Shown"))["id"]
    visitor = Visitor((await visit()).page, f"{target.rest_url}/#/night/{night}/tv")
    await visitor.page.set_viewport_size({"width": 1280, "height": 720})

    await visitor.signs_in(target.token("admin"))

    code = (await shown_link(visitor)).rpartition("/")[2]
    await expect(visitor.page.get_by_text(code, exact=True)).to_be_visible()
    ticket = visitor.page.locator("#tv .ticket")
    assert await visitor.page.locator("#tv .qr").evaluate("code => code.clientWidth") > 720 / 3
    assert await ticket.evaluate("ticket => ticket.getBoundingClientRect().bottom") < 720
    await host.close(night)
    await expect(visitor.page.get_by_text(code, exact=True)).to_be_hidden()


async def test_a_host_signs_in_another_device_once(visit: Visit, host: Host) -> None:
    await host.start("On another device")
    visitor = await visit("admin", "nora")
    await visitor.presses("Sign in another device")
    link = await shown_link(visitor)
    await expect(visitor.page.get_by_text("Remove a guest")).to_be_hidden()
    other = Visitor((await visit(viewport=PHONE)).page, link)
    await other.opens()

    await other.reads_heading("Sign in as a host")
    await expect(other.page.get_by_text("You will be a host")).to_be_visible()
    await expect(other.page.get_by_label("Your name (optional)")).to_be_visible()
    await other.presses("Sign in")

    await other.reads_heading("On another device")
    await expect(other.page.get_by_role("button", name="End the night")).to_be_visible()
    again = Visitor(await other.page.context.new_page(), link)
    await again.opens()
    await again.reads_heading("On another device")
    late = Visitor((await visit(viewport=PHONE)).page, link)
    await late.opens()
    await joins(late, "Eve")
    await is_told_at(late, "Code", "not good any more")


async def test_a_host_who_came_by_a_link_comes_back_next_week(
    visit: Visit, host: Host, target: Target
) -> None:
    await host.start("Next week")
    made = (await host.http.post("/api/invites")).json()
    visitor = await arrives(visit, target, made["code"])
    await visitor.presses("Sign in")
    await visitor.reads_heading("Next week")
    next_week = Visitor(await visitor.page.context.new_page(), f"{target.rest_url}/")
    await next_week.opens()
    await next_week.reads_heading("Next week")

    await next_week.page.clock.set_fixed_time(datetime.now(UTC) + timedelta(days=16))
    before = await next_week.page.evaluate(KEPT)
    await next_week.page.reload()
    await next_week.page.wait_for_function(f"before => {KEPT} !== before", arg=before)
    await next_week.presses("Sign out")
    await next_week.page.reload()

    await next_week.reads_heading("Sign in")
    assert await next_week.page.evaluate(KEPT) is None


async def test_a_host_who_is_revoked_is_told_and_let_in_by_a_new_link(
    visit: Visit, host: Host, target: Target
) -> None:
    await host.start("Revoked")

    async def link() -> str:
        return f"{target.rest_url}/#/join/{(await host.http.post('/api/invites')).json()['code']}"

    async def not_yet_revoked(route: Route) -> None:
        await route.fulfill(json=await host.read("/api/sessions", newest=100))

    visitor = Visitor((await visit()).page, await link())
    await visitor.opens()
    await visitor.page.get_by_label("Your name (optional)").fill("Rey")
    await visitor.presses("Sign in")
    await visitor.connection_is("live")
    kept = await visitor.page.evaluate(KEPT)
    assert (await host.http.delete("/api/tokens/Rey")).status_code == 204

    await visitor.is_told("A host has revoked this sign-in. Ask for a new link.")
    assert await visitor.page.evaluate(KEPT) is None
    await visitor.page.evaluate("kept => localStorage.setItem('game-night / host', kept)", kept)
    unaware = Visitor(await visitor.page.context.new_page(), await link())
    await unaware.page.route("**/api/sessions?newest=100", not_yet_revoked, times=1)
    await unaware.opens()
    await unaware.presses("Sign in")
    await unaware.reads_heading("Revoked")


async def test_who_is_signed_in_can_join_as_somebody_else(visit: Visit, host: Host) -> None:
    night = (await host.start("Changed"))["id"]
    code = await code_of(host, night)
    visitor = await visit("admin")
    await visitor.reads_heading("Changed")

    await visitor.page.evaluate("address => { location.hash = address }", f"#/join/{code}")
    await expect(visitor.page.get_by_label("Your name")).to_be_visible()
    await host.add_game(night, "Quiplash")
    await visitor.page.go_back()
    await expect(visitor.page.get_by_role("button", name="End the night")).to_be_visible()
    await visitor.page.go_forward()
    await joins(visitor, "Ana")

    await expect(visitor.game("Quiplash")).to_be_visible()
    await expect(visitor.page.get_by_role("button", name="End the night")).to_be_hidden()
