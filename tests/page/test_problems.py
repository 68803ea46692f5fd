"""What goes wrong is told as a sentence, next to what caused it."""

import json
import re

import pytest
from playwright.async_api import Request, Route, expect

from tests.clients import Host, Target
from tests.page.conftest import Visit


async def test_a_token_of_no_use_is_told_at_the_field(visit: Visit, target: Target) -> None:
    visitor = await visit()
    field = visitor.page.get_by_role("textbox", name="Token", exact=True)
    head, claims, _ = target.token("admin").split(".")

    await visitor.signs_in("open sesame")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_be_focused()
    await expect(visitor.page.get_by_text("That is no token.")).to_be_visible()
    await visitor.signs_in(target.token("admin", "late", -3600))
    await visitor.is_told("This token has expired.")
    await visitor.signs_in(f"{head}.{claims}.AAAA")
    await visitor.is_told("The service does not know this token.")

    assert await visitor.remembers("token") is None


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize(
    "pasted",
    [
        " {token}\n",
        "\u200b{token}\u200b",
        "\ufeff{token}\u00a0\u00ad",
        '"{token}"',
        "\u201c{token}\u201d",
        "`{token}`,",
        "Bearer {token}",
        "Authorization: bearer  {token}",
        "GAMENIGHT_TOKEN='{token}'",
        '{{"token":"{token}","role":"admin"}}',
        "This is it: {token} Have fun!",
    ],
)
async def test_what_stands_around_a_pasted_token_does_not_matter(
    visit: Visit, target: Target, pasted: str
) -> None:
    token = target.token("admin")
    visitor = await visit()

    await visitor.signs_in(pasted.format(token=token))

    await visitor.connection_is("live")
    assert await visitor.remembers("token") == token


@pytest.mark.usefixtures("host")
async def test_a_token_that_a_terminal_has_wrapped_is_whole(visit: Visit, target: Target) -> None:
    token = target.token("admin")
    visitor = await visit()

    await visitor.signs_in(" ".join(re.findall(".{1,80}", token)))  # a field of one line has no line feeds

    await visitor.connection_is("live")
    assert await visitor.remembers("token") == token


@pytest.mark.parametrize(
    "pasted",
    ["", "Bearer", "{head}.{claims}", "{token}.{claims}", "{token} {token}", "{head}.{claims}.\u0430"],
)
async def test_what_is_no_token_is_never_sent(visit: Visit, target: Target, pasted: str) -> None:
    token = target.token("admin")
    head, claims, _ = token.split(".")
    visitor = await visit()
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))

    await visitor.signs_in(pasted.format(token=token, head=head, claims=claims))

    await expect(visitor.page.get_by_text("That is no token.")).to_be_visible()
    assert not any("/api/" in url for url in asked)


async def test_what_is_wrong_is_told_at_its_field(visit: Visit, host: Host) -> None:
    night = (await host.start("Untitled"))["id"]
    visitor = await visit("admin")
    title, least = visitor.page.get_by_role("combobox", name="Title"), visitor.page.get_by_label("At least")

    await visitor.presses("Put it on")
    await expect(title).to_have_attribute("aria-invalid", "true")
    await expect(title).to_have_accessible_description("A game needs a title, of 200 characters at most.")
    await expect(title).to_be_focused()

    await title.fill("Quiplash")
    await visitor.page.get_by_text("Pack and players").click()
    await least.fill("8")
    await visitor.page.get_by_label("At most").fill("2")
    await visitor.presses("Put it on")
    await expect(least).to_have_attribute("aria-invalid", "true")

    await host.add_game(night, "Fibbage")
    await visitor.votes("Fibbage", "up", " ")
    await visitor.is_told("Say who is voting first.")
    await expect(visitor.page.get_by_label("Voting as")).to_be_focused()


async def test_what_has_no_answer_is_kept_and_done_once(visit: Visit, host: Host) -> None:
    night = (await host.start("Unreachable"))["id"]
    visitor = await visit("admin")
    title = visitor.page.get_by_role("combobox", name="Title")
    keys: list[str | None] = []

    async def lose_answer(route: Route, request: Request) -> None:
        keys.append(request.headers.get("idempotency-key"))
        await route.fetch()
        await route.abort()

    await visitor.page.route("**/games", lose_answer)
    await title.fill("Quiplash")
    await visitor.presses("Put it on")
    await visitor.is_told("The service could not be reached.")
    await expect(title).to_have_value("Quiplash")
    await visitor.page.unroute("**/games")
    await visitor.presses("Put it on")

    await expect(title).to_have_value("")
    assert len(keys) > 1
    assert len({*keys}) == 1
    assert [game["title"] for game in (await host.read(f"/api/sessions/{night}"))["games"]] == ["Quiplash"]


async def test_a_night_that_ended_is_told_where_the_vote_was(visit: Visit, host: Host) -> None:
    night = (await host.start("Over"))["id"]
    await host.add_game(night, "Quiplash")
    visitor = await visit("admin")

    async def refuse(route: Route) -> None:
        problem = {"title": "The session has ended", "status": 409, "detail": "Session 1 has ended."}
        body = json.dumps({**problem, "code": "session_closed"})
        await route.fulfill(status=409, content_type="application/problem+json", body=body)

    await visitor.page.route("**/votes", refuse)
    await visitor.votes("Quiplash", "up", "ana")

    await expect(visitor.game("Quiplash").get_by_role("alert")).to_have_text(
        "This night has ended, so nothing more can happen in it."
    )
