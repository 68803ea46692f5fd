"""Each night has an address, all of them are in a list, and nobody lands in another one's night unasked."""

import asyncio

import pytest
from playwright.async_api import Route, expect

from tests.clients import Host, Target
from tests.page.conftest import Visit
from tests.page.visitor import Visitor


async def is_at(visitor: Visitor, address: str) -> None:
    await visitor.page.wait_for_function("address => location.hash === address", arg=address)


async def test_an_older_night_that_is_on_can_be_reached(visit: Visit, host: Host) -> None:
    older = (await host.start("The older"))["id"]
    newer = (await host.start("The newer"))["id"]
    visitor = await visit("admin")
    await visitor.reads_heading("The newer")
    await is_at(visitor, f"#/night/{newer}")

    await visitor.page.get_by_role("link", name="Nights").click()
    await visitor.reads_heading("2 nights are on.")
    await visitor.page.get_by_role("button", name="The older").click()
    await visitor.reads_heading("The older")
    await visitor.adds("Quiplash")
    await is_at(visitor, f"#/night/{older}")
    await visitor.page.reload()
    await visitor.reads_heading("The older")
    await visitor.page.go_back()
    await visitor.reads_heading("2 nights are on.")
    await visitor.page.go_back()

    await visitor.reads_heading("The newer")
    assert (await host.read(f"/api/sessions/{older}"))["games_played"] == 1


async def test_a_link_leads_to_its_night_through_the_sign_in(
    visit: Visit, host: Host, target: Target
) -> None:
    linked = (await host.start("The linked"))["id"]
    await host.start("The newest")
    visitor = Visitor((await visit()).page, f"{target.rest_url}/#/night/{linked}")

    await visitor.signs_in(target.token("bot"))

    await visitor.reads_heading("The linked")
    await visitor.connection_is("live")
    await host.add_game(linked, "Fibbage")
    await expect(visitor.game("Fibbage")).to_be_visible()


@pytest.mark.parametrize("address", ["#/night/999999", "#/night/0", "#/night/seventeen", "#/night/"])
async def test_an_address_of_no_night_is_told_in_the_list(
    visit: Visit, host: Host, target: Target, address: str
) -> None:
    night = (await host.start("On"))["id"]
    visitor = Visitor((await visit()).page, f"{target.rest_url}/{address}")
    said: list[str] = []
    visitor.page.on("console", lambda message: said.append(message.text))

    await visitor.signs_in(target.token("admin"))

    await visitor.is_told("There is no such night")
    await visitor.page.get_by_role("button", name="On").first.click()
    await is_at(visitor, f"#/night/{night}")
    await expect(visitor.page.get_by_text("There is no such night")).to_be_hidden()
    assert said == []


async def test_all_nights_before_are_listed_when_asked_for(visit: Visit, host: Host) -> None:
    nights = [(await host.start(f"Riddles {number}"))["id"] for number in range(10)]
    for night in nights:
        await host.close(night)
    visitor = await visit("admin")
    first = visitor.page.get_by_role("button", name="Riddles 0", exact=False)
    await expect(visitor.page.get_by_role("button", name="Riddles 9")).to_be_visible()
    await expect(first).to_be_hidden()

    await visitor.presses("All nights before")
    await first.click()

    await visitor.reads_heading("Riddles 0")


@pytest.mark.usefixtures("host")
async def test_hosts_who_start_at_the_same_moment_are_told_of_each_other(visit: Visit) -> None:
    ana, ben = await visit("admin", "ana"), await visit("admin", "ben")
    for visitor, notes in ((ana, "Of Ana"), (ben, "Of Ben")):
        await visitor.connection_is("live")
        await visitor.page.get_by_label("What is it?").fill(notes)
    await asyncio.gather(ana.presses("Start the night"), ben.presses("Start the night"))

    for visitor, own, other in ((ana, "Of Ana", "Of Ben"), (ben, "Of Ben", "Of Ana")):
        await visitor.reads_heading(own)
        told = visitor.page.get_by_role("listitem").filter(has_text="Another night").filter(has_text=other)
        await expect(told).to_be_visible()
    await ana.presses("Go there")
    await ana.reads_heading("Of Ben")
    await expect(ana.page.get_by_role("listitem").filter(has_text="Another night")).to_be_hidden()
    await ben.presses("Stay here")
    await expect(ben.page.get_by_role("listitem").filter(has_text="Another night")).to_be_hidden()
    await ben.reads_heading("Of Ben")


async def test_who_is_slow_to_start_stays_in_its_own_night(visit: Visit, host: Host) -> None:
    visitor = await visit("admin")
    await visitor.connection_is("live")

    async def while_another_starts(route: Route) -> None:
        if route.request.method == "POST":
            await host.start("Of another")
            await asyncio.sleep(0.5)  # so that its start is heard before the answer
        await route.continue_()

    await visitor.page.route("**/api/sessions", while_another_starts)
    await visitor.page.get_by_label("What is it?").fill("My own")
    await visitor.presses("Start the night")

    await visitor.reads_heading("My own")
    await expect(visitor.page.get_by_text("Of another")).to_be_visible()
    await visitor.presses("Go there")
    await visitor.reads_heading("Of another")


async def test_who_types_is_not_taken_away(visit: Visit, host: Host) -> None:
    visitor = await visit("admin")
    await visitor.connection_is("live")
    await visitor.page.get_by_label("What is it?").fill("Half a sen")

    await host.start("Of another")

    await expect(visitor.page.get_by_text("Another night has started")).to_be_visible()
    await expect(visitor.page.get_by_label("What is it?")).to_have_value("Half a sen")


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("role", ["admin", "bot"])
async def test_the_console_is_empty_while_no_night_is_on(visit: Visit, target: Target, role: str) -> None:
    visitor = await visit()
    said: list[str] = []
    answers: list[int] = []
    visitor.page.on("console", lambda message: said.append(message.text))
    visitor.page.on("response", lambda answer: answers.append(answer.status))

    await visitor.signs_in(target.token(role))
    await visitor.connection_is("live")
    await visitor.page.reload()
    await visitor.reads_heading("No night is on.")
    await visitor.connection_is("live")

    assert said == []
    assert [status for status in answers if status >= 400] == []
