"""The page offers a host the games of earlier nights and of a list, and picks one."""

from playwright.async_api import FilePayload, Locator, Route, expect

from tests.clients import Host
from tests.page.conftest import Visit
from tests.page.visitor import Visitor

LIST = "\ufefftitle;Max players\r\nWingspan of the picker;5\r\n"


async def evening(host: Host, *titles: str, **about: object) -> int:
    """Play a night of games, and end it."""
    night: int = (await host.start("An evening"))["id"]
    for title in titles:
        await host.add_game(night, title, **about)
    await host.close(night)
    return night


def offered(visitor: Visitor, title: str) -> Locator:
    return visitor.page.locator(f'#known-games option[value="{title}"]')


async def opens_the_picker(visitor: Visitor) -> None:
    await visitor.page.get_by_text("Pick one for us").click()


async def brings_in(visitor: Visitor, content: bytes) -> None:
    file: FilePayload = {"name": "games.csv", "mimeType": "text/csv", "buffer": content}
    await visitor.page.get_by_label("Bring in a list").set_input_files(file)


async def test_a_title_of_before_brings_its_pack_and_players(visit: Visit, host: Host) -> None:
    await evening(host, "Quiplash of the picker", pack_name="Pack 2", min_players=3, max_players=8)
    night = (await host.start("Tonight"))["id"]
    visitor = await visit("admin")
    title, pack = visitor.page.get_by_label("Title", exact=True), visitor.page.locator("#pack")

    await title.click()
    await expect(offered(visitor, "Quiplash of the picker")).to_have_count(1)
    await title.fill("quiplash OF the picker")
    await expect(visitor.page.get_by_text("Pack and players: Pack 2 · 3–8 players")).to_be_visible()
    await title.fill("Quiplash of the pick")
    await expect(pack).to_have_value("")
    await visitor.page.get_by_text("Pack and players").click()
    await pack.fill("A pack of mine")
    await title.fill("Quiplash of the picker")
    await visitor.presses("Put it on")

    await expect(visitor.game("Quiplash of the picker")).to_contain_text("A pack of mine · 3–8 players")
    await expect(visitor.page.get_by_text("Pack and players", exact=True)).to_be_visible()
    [game] = (await host.read(f"/api/sessions/{night}"))["games"]
    assert (game["min_players"], game["max_players"]) == (3, 8)


async def test_a_game_is_picked_and_put_on(visit: Visit, host: Host) -> None:
    lately = await evening(host, "For 1000 players", "Also for 1000 players", min_players=999)
    await host.start("Tonight")
    visitor = await visit("admin")

    async def only_that_night(route: Route) -> None:
        read = await host.read("/api/sessions", newest=21)
        sessions = [session for session in read["sessions"] if session["id"] == lately]
        await route.fulfill(json={**read, "sessions": sessions})

    await visitor.page.route("**/api/sessions?newest=21", only_that_night)
    await opens_the_picker(visitor)
    players = visitor.page.get_by_label("How many play?")

    await players.fill("1000")
    await players.press("Enter")
    picked = visitor.page.locator("#picked")
    await expect(picked).to_contain_text("Played once, also in the last night; takes 999 or more players.")
    first = await picked.get_by_role("heading").inner_text()
    await visitor.presses("Pick another one")
    await expect(picked.get_by_role("heading")).not_to_have_text(first)
    second = await picked.get_by_role("heading").inner_text()
    await visitor.presses("Put this one on")
    await expect(visitor.game(second)).to_contain_text("999 or more players")
    await expect(picked).to_be_hidden()
    await expect(visitor.page.get_by_role("button", name="Pick one")).to_be_focused()
    await visitor.presses("Pick one")
    await expect(picked.get_by_role("heading")).to_have_text(first)
    await visitor.presses("Put this one on")
    await expect(visitor.game(first)).to_be_visible()
    await visitor.presses("Pick one")

    await visitor.is_told("No game that takes so many is left.")
    await players.fill("0")
    await visitor.presses("Pick one")
    await visitor.is_told("From 1 to 1000 players.")
    assert {first, second} == {one["title"] for one in (await host.read(f"/api/sessions/{lately}"))["games"]}


async def test_the_picker_says_why_it_knows_no_games(visit: Visit, host: Host) -> None:
    await evening(host, "Unread by the picker")
    await host.start("Tonight")
    visitor = await visit("admin")
    await visitor.connection_is("live")
    await visitor.page.route("**/api/sessions?newest=21", lambda route: route.abort())
    await opens_the_picker(visitor)

    await visitor.presses("Pick one")

    await visitor.is_told("could not be reached")
    await visitor.page.unroute("**/api/sessions?newest=21")
    await visitor.presses("Pick one")
    await expect(visitor.page.get_by_role("button", name="Pick another one")).to_be_visible()


async def test_a_list_stays_in_the_browser_until_it_is_forgotten(visit: Visit, host: Host) -> None:
    await host.start("Tonight")
    visitor = await visit("admin")
    await opens_the_picker(visitor)

    await brings_in(visitor, LIST.encode())
    await expect(visitor.page.get_by_text("Your list has 1 game.")).to_be_visible()
    await visitor.page.reload()
    await expect(offered(visitor, "Wingspan of the picker")).to_have_count(1)
    await opens_the_picker(visitor)
    for wrong, says in (
        (b"title;max\n" + b"a;x\n" * 7, "Line 2: max_players is “x”."),
        (b"title;max\n" + b"a;x\n" * 7, "And 2 more."),
        ("title\nCafé".encode("cp1252"), "Save it as “CSV UTF-8”"),
        (b"title\n" + b"a\n" * 1001, "which has 1000 games at most"),
    ):
        await brings_in(visitor, wrong)
        await visitor.is_told(says)
    await expect(visitor.page.get_by_text("Your list has 1 game.")).to_be_visible()
    await brings_in(visitor, b"title,year\nAzul,2017\nCatan,1995\n")
    await expect(visitor.page.get_by_text("has 2 games now. It had 1 before.")).to_be_visible()
    await expect(visitor.page.get_by_text("The column year is not known and is passed over.")).to_be_visible()
    await visitor.presses("Forget it")

    await expect(visitor.page.get_by_text("Your list has")).to_be_hidden()
    await expect(offered(visitor, "Wingspan of the picker")).to_have_count(0)
    assert await visitor.page.evaluate("Object.keys(localStorage)") == []


async def test_a_night_goes_on_where_the_nights_before_cannot_be_read(visit: Visit, host: Host) -> None:
    before = await evening(host, "Out of reach of the picker")
    await host.start("Tonight")
    visitor = await visit("admin")
    await visitor.connection_is("live")
    await visitor.page.route(f"**/api/sessions/{before}", lambda route: route.abort())

    await visitor.adds("Quiplash")

    await visitor.connection_is("live")
    await expect(offered(visitor, "Out of reach of the picker")).to_have_count(0)
    await visitor.page.unroute(f"**/api/sessions/{before}")
    await visitor.adds("Fibbage")
    await expect(offered(visitor, "Out of reach of the picker")).to_have_count(1)
