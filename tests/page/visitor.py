"""Somebody with the page open: what they do and what they see, by the names that they see it under."""

import json
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Locator, Page, expect

PATIENCE_MILLISECONDS = 60_000


@dataclass(frozen=True, slots=True)
class Visitor:
    """A tab of a browser. What it waits for is waited for PATIENCE_MILLISECONDS at most."""

    page: Page
    url: str

    async def opens(self) -> None:
        await self.page.goto(self.url)

    async def signs_in(self, token: str) -> None:
        await self.opens()
        await self.page.get_by_role("textbox", name="Token", exact=True).fill(token)
        await self.presses("Come in")

    async def starts(self, notes: str) -> None:
        await self.page.get_by_label("What is it?").fill(notes)
        await self.presses("Start the night")
        await self.reads_heading(notes)

    async def adds(self, title: str) -> None:
        await self.page.get_by_role("combobox", name="Title").fill(title)
        await self.presses("Put it on")
        await expect(self.game(title)).to_be_visible()

    async def votes(self, title: str, way: str, name: str) -> None:
        await self.page.get_by_label("Voting as").fill(name)
        await self.page.get_by_role("button", name=f"Vote {title} {way}").click()

    async def removes(self, title: str) -> None:
        await self.presses(f"Remove {title}")
        await self.presses("Remove it")

    async def ends_the_night(self) -> None:
        await self.presses("End the night")
        await self.presses("End it")
        await expect(self.page.get_by_text("Ended", exact=True)).to_be_visible()

    async def presses(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    def game(self, title: str) -> Locator:
        """Return the game on the bill."""
        return self.page.get_by_role("listitem").filter(
            has=self.page.get_by_role("heading", name=title, exact=True)
        )

    async def reads_heading(self, text: str) -> None:
        await expect(self.page.get_by_role("heading", name=text, exact=True)).to_be_visible()

    async def reads_score(self, title: str, score: str) -> None:
        await expect(self.game(title).locator(".score-value")).to_have_text(score)

    async def is_told(self, text: str) -> None:
        """Wait for a problem's sentence."""
        await expect(self.page.get_by_role("alert").filter(has_text=text)).to_be_visible()

    async def connection_is(self, *states: str) -> None:
        """Wait until the page says that its connection is in one of some states."""
        shown = self.page.locator(", ".join(f'#connection[data-state="{state}"]' for state in states))
        await expect(shown).to_be_visible()

    async def reads_feed(self, *texts: str) -> None:
        """Wait until the feed tells exactly this, newest first."""
        await expect(self.page.locator("#feed .event p")).to_contain_text([*texts])
        await expect(self.page.locator("#feed .event")).to_have_count(len(texts))

    async def remembers(self, name: str) -> Any:
        """Return what the tab keeps over a reload."""
        kept = await self.page.evaluate(
            "name => Object.entries(sessionStorage).find(([key]) => key.endsWith(` ${name}`))?.[1] ?? null",
            name,
        )
        return None if kept is None else json.loads(kept)
