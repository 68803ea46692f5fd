"""A night on a television: all of it is in sight, it follows the night, and the screen stays on."""

import re

import pytest
from playwright.async_api import ViewportSize, expect

from tests.clients import Host, Target
from tests.page.conftest import Visit
from tests.page.visitor import Visitor

TELEVISIONS: tuple[ViewportSize, ...] = ({"width": 1280, "height": 720}, {"width": 1920, "height": 1080})
IN_SIGHT = """() => {
  const root = document.documentElement;
  const cut = [...document.querySelectorAll('#tv-list li, #tv > .ticket, #tv-now, #tv-more, #tv-about')]
    .filter(element => element.getBoundingClientRect().bottom > innerHeight);
  return cut.length === 0 && root.scrollHeight <= innerHeight && root.scrollWidth <= innerWidth;
}"""
SMALLEST = """() => Math.min(...[...document.querySelectorAll('#tv *')]
  .filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
  .map(element => parseFloat(getComputedStyle(element).fontSize))) / innerHeight"""
LETTERS_AT_4_METRES = 0.025
"""The smallest letters, of the screen's height: some 17 mm on a television of 55 inches."""

LOCKS = """window.locks = [];
navigator.wakeLock.request = async kind => {
  const lock = Object.assign(new EventTarget(), { kind, held: true });
  lock.release = async () => { lock.held = false; lock.dispatchEvent(new Event('release')); };
  locks.push(lock);
  return lock;
};"""


async def on_television(visit: Visit, target: Target, night: int, role: str = "bot") -> Visitor:
    visitor = Visitor((await visit()).page, f"{target.rest_url}/#/night/{night}/tv")
    await visitor.page.add_init_script(LOCKS)
    await visitor.page.set_viewport_size(TELEVISIONS[0])
    await visitor.signs_in(target.token(role))
    await visitor.connection_is("live")
    return visitor


@pytest.mark.parametrize("role", ["admin", "bot"])
async def test_it_follows_the_night_to_its_end(visit: Visit, host: Host, target: Target, role: str) -> None:
    night = (await host.start("Friday Game Night"))["id"]
    visitor = await on_television(visit, target, night, role)
    now, scores = visitor.page.locator("#tv-now"), visitor.page.locator("#tv-list li")
    await expect(now).to_have_text("The first game comes soon")

    for title in ("Quiplash", "Fibbage"):
        await host.add_game(night, title)
        await expect(now).to_have_text(title)
    await host.vote(night, "ana", game_id=2)
    await expect(scores).to_have_text([re.compile(r"\+1.*Fibbage"), re.compile(r"0.*Quiplash")])
    await host.close(night)

    await expect(now).to_have_text("Fibbage won with +1")
    following = (await host.start("The next night"))["id"]
    await visitor.reads_heading("The next night")
    assert visitor.page.url.endswith(f"#/night/{following}/tv")


async def test_a_link_leads_there_and_back(visit: Visit, host: Host) -> None:
    await host.start("There and back")
    visitor = await visit("bot")

    await visitor.page.get_by_role("link", name="Television").click()
    await expect(visitor.page.locator("#tv")).to_be_visible()
    await visitor.page.reload()
    await expect(visitor.page.locator("#tv")).to_be_visible()
    await visitor.page.get_by_role("link", name="Back to the night").click()

    await visitor.reads_heading("As it happens")
    await expect(visitor.page.locator("#tv")).to_be_hidden()


@pytest.mark.parametrize("size", TELEVISIONS, ids=["720", "1080"])
async def test_nothing_has_to_be_scrolled_or_read_from_nearby(
    visit: Visit, host: Host, target: Target, size: ViewportSize
) -> None:
    night = (await host.start("A night with a name that is long enough for more than one line " * 5))["id"]
    for number in range(12):
        more = {"pack_name": "P" * 80, "min_players": 3, "max_players": 8}
        await host.add_game(night, f"{number} " + "Donaudampfschifffahrtsgesellschaft " * 4, **more)
    visitor = await on_television(visit, target, night, "admin")
    await visitor.page.set_viewport_size(size)

    for _ in ("on", "over"):
        await expect(visitor.page.locator("#tv-more")).to_have_text("and 7 more")
        assert await visitor.page.evaluate(IN_SIGHT)
        assert await visitor.page.evaluate(SMALLEST) >= LETTERS_AT_4_METRES
        await host.http.post(f"/api/sessions/{night}/close")
        await expect(visitor.page.locator("#tv-stamp")).to_have_text("Ended")


async def test_the_screen_stays_on_while_it_is_shown(visit: Visit, host: Host, target: Target) -> None:
    night = (await host.start("Awake"))["id"]
    visitor = await on_television(visit, target, night)
    locks = "locks.map(({ kind, held }) => [kind, held])"
    assert await visitor.page.evaluate(locks) == [["screen", True]]

    await visitor.page.evaluate("locks[0].release()")  # as a browser does where the tab is hidden
    await visitor.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert await visitor.page.evaluate(locks) == [["screen", False], ["screen", True]]
    await visitor.page.get_by_role("link", name="Back to the night").click()
    await visitor.reads_heading("As it happens")

    assert await visitor.page.evaluate(locks) == [["screen", False], ["screen", False]]
