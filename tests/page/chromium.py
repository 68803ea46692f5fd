"""Chromium, for what only a browser can show. Without it that is skipped, but not in CI."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

from tests.installed import installed as program

START_MILLISECONDS = 180_000

NAMES = ("chromium", "chromium-browser", "google-chrome")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""It talks to the gateway, and to nobody else."""


def installed() -> str | None:
    """Return the path of the browser, None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def needed() -> str:
    """Return the path of the browser, or skip what needs it."""
    return program(*NAMES)


@asynccontextmanager
async def chromium(path: str) -> AsyncIterator[Browser]:
    """Run the browser without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=[*FLAGS], timeout=START_MILLISECONDS
        )
        yield browser
        await browser.close()
