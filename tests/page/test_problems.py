"""What goes wrong is told as a sentence, next to what caused it."""

import json

from playwright.async_api import Request, Route, expect

from tests.clients import Host, Target
from tests.page.conftest import Visit


async def test_what_is_no_token_is_told_at_the_field(visit: Visit) -> None:
    visitor = await visit()

    await visitor.signs_in("open sesame")

    field = visitor.page.get_by_role("textbox", name="Token", exact=True)
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_be_focused()
    await expect(visitor.page.get_by_text("That is no token.")).to_be_visible()


async def test_a_token_that_has_expired_or_is_not_known_is_told_so(visit: Visit, target: Target) -> None:
    visitor = await visit()

    await visitor.signs_in(target.token("admin", "late", -3600))
    await visitor.is_told("This token has expired.")
    head, claims, _ = target.token("admin").split(".")
    await visitor.signs_in(f"{head}.{claims}.AAAA")
    await visitor.is_told("The service does not know this token.")

    assert await visitor.remembers("token") is None


async def test_a_game_without_a_title_is_told_at_the_title(visit: Visit, target: Target, host: Host) -> None:
    await host.start("Untitled")
    visitor = await visit()
    await visitor.signs_in(target.token("admin"))

    await visitor.presses("Put it on")

    field = visitor.page.get_by_role("textbox", name="Title")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_accessible_description("A game needs a title, of 200 characters at most.")
    await expect(field).to_be_focused()


async def test_more_players_at_least_than_at_most_is_told_at_the_players(
    visit: Visit, target: Target, host: Host
) -> None:
    await host.start("Crowded")
    visitor = await visit()
    await visitor.signs_in(target.token("admin"))
    await visitor.page.get_by_role("textbox", name="Title").fill("Quiplash")
    await visitor.page.get_by_text("Pack and players").click()
    await visitor.page.get_by_label("At least").fill("8")
    await visitor.page.get_by_label("At most").fill("2")

    await visitor.presses("Put it on")

    await expect(visitor.page.get_by_label("At least")).to_have_attribute("aria-invalid", "true")


async def test_a_vote_without_a_name_is_told_at_the_name(visit: Visit, target: Target, host: Host) -> None:
    night = (await host.start("Nameless"))["id"]
    await host.add_game(night, "Quiplash")
    visitor = await visit()
    await visitor.signs_in(target.token("admin"))

    await visitor.votes("Quiplash", "up", " ")

    await visitor.is_told("Say who is voting first.")
    await expect(visitor.page.get_by_label("Voting as")).to_be_focused()


async def test_an_answer_that_never_came_is_asked_for_again_and_it_is_done_once(
    visit: Visit, target: Target, host: Host
) -> None:
    night = (await host.start("Twice sent"))["id"]
    visitor = await visit()
    await visitor.signs_in(target.token("admin"))
    keys: list[str | None] = []

    async def lose_first_answer(route: Route, request: Request) -> None:
        keys.append(request.headers.get("idempotency-key"))
        await route.fetch()
        await (route.abort() if len(keys) == 1 else route.continue_())

    await visitor.page.route("**/games", lose_first_answer)
    await visitor.adds("Quiplash")

    await expect(visitor.page.get_by_role("textbox", name="Title")).to_have_value("")
    assert len(keys) > 1
    assert len(set(keys)) == 1
    assert [game["title"] for game in (await host.read(f"/api/sessions/{night}"))["games"]] == ["Quiplash"]


async def test_what_was_typed_is_kept_and_pressing_again_does_it_once(
    visit: Visit, target: Target, host: Host
) -> None:
    night = (await host.start("Unreachable"))["id"]
    visitor = await visit()
    await visitor.signs_in(target.token("admin"))
    await visitor.reads_heading("Unreachable")

    async def lose_answer(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await visitor.page.route("**/games", lose_answer)
    await visitor.page.get_by_role("textbox", name="Title").fill("Quiplash")
    await visitor.presses("Put it on")
    await visitor.is_told("The service could not be reached.")
    await expect(visitor.page.get_by_role("textbox", name="Title")).to_have_value("Quiplash")
    await visitor.page.unroute("**/games")
    await visitor.presses("Put it on")

    await expect(visitor.page.get_by_role("textbox", name="Title")).to_have_value("")
    assert len((await host.read(f"/api/sessions/{night}"))["games"]) == 1


async def test_a_night_that_ended_meanwhile_is_told_where_the_vote_was(
    visit: Visit, target: Target, host: Host
) -> None:
    night = (await host.start("Over"))["id"]
    await host.add_game(night, "Quiplash")
    visitor = await visit()
    await visitor.signs_in(target.token("admin"))

    async def refuse(route: Route) -> None:
        problem = {"title": "The session has ended", "status": 409, "detail": "Session 1 has ended."}
        body = json.dumps({**problem, "code": "session_closed"})
        await route.fulfill(status=409, content_type="application/problem+json", body=body)

    await visitor.page.route("**/votes", refuse)
    await visitor.votes("Quiplash", "up", "ana")

    await expect(visitor.game("Quiplash").get_by_role("alert")).to_have_text(
        "This night has ended, so nothing more can happen in it."
    )
