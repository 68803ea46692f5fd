"""Chromium, for what only a browser can show. Without it that is skipped, but not in CI."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Browser, Playwright, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")

START_MILLISECONDS = 180_000

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # a container's is too small for several browsers
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.example 127.0.0.1",
)
"""It talks to the gateway, and to nobody else. Names in ``.example`` lead there too."""


def installed() -> str | None:
    """Return the path of the browser, None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass
class Chromium:
    """A browser that is started when it is needed, and again where a start has failed or it has crashed."""

    playwright: Playwright
    path: str
    _browser: Browser | None = None

    async def browser(self) -> Browser:
        if self._browser is None or not self._browser.is_connected():
            self._browser = await self.playwright.chromium.launch(
                executable_path=self.path, args=[*FLAGS], timeout=START_MILLISECONDS
            )
        return self._browser


@asynccontextmanager
async def chromium(path: str) -> AsyncIterator[Chromium]:
    """Run the browser without a window."""
    async with async_playwright() as playwright:
        yield (running := Chromium(playwright, path))
        if running._browser is not None:
            await running._browser.close()
