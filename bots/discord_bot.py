"""A bot for Discord: announces nights, games and results in the channel of a webhook.

    DISCORD_WEBHOOK_URL=https://discord.com/api/webhooks/... python discord_bot.py http://localhost:5000

The token is in ``GAMENIGHT_TOKEN``, or printed by ``--token-command``. Needs the package ``gamenight``,
``announcements.py`` and ``command_line.py``. A webhook can only speak, so votes come from elsewhere.
"""

import argparse
import json
import logging
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from announcements import announcement
from command_line import Parser, run, token_of
from gamenight import GameNight, GameNightError, NoRedirects, Surroundings, in_a_thread
from gamenight.addresses import is_address

logger = logging.getLogger("discord_bot")

CONTENT_CHARACTERS = 2000
"""Of one message, by Discord's documentation of "Execute Webhook"."""

REQUEST_SECONDS = 15.0
LONGEST_DELAY_SECONDS = 60.0
LONGEST_TOLD_SECONDS = 60 * 60.0
"""The longest wait that Discord can impose: after it the message is tried again."""

GONE = (401, 403, 404)
PASSING = (408, 425, 429)

ABOUT_A_MESSAGE = (20009, 40005, 50006, 200000, 200001, 240000)
"""Codes of Discord for one message that it won't take: explicit, too large, empty, or stopped by AutoMod and
its filter of links. Any other code is about the webhook's address."""

MARKDOWN = re.compile(r"([\\`*_~|<>\[\]])")


class WebhookGone(GameNightError):
    """Nothing can be posted at the webhook's address; the message says what to do about it."""


class Webhook:
    """A channel of Discord. The URL is a secret that no message shows: anyone who has it can post."""

    def __init__(self, url: str, surroundings: Surroundings) -> None:
        self._url = _waiting(url)
        self._surroundings = surroundings
        self._opener = urllib.request.build_opener(NoRedirects())

    async def says(self, lines: list[str]) -> None:
        """Post lines in as few messages as hold them, and wait until Discord has them, however long it takes.

        Raises WebhookGone. A message that Discord will never take is logged and passed over.
        """
        for content in _messages(lines):
            await self._say(content)

    async def _say(self, content: str) -> None:
        failures = 0
        while True:
            status, answer = await in_a_thread(self._post, content)
            if 200 <= status < 300:  # noqa: PLR2004 - the class of success
                return
            if status in GONE:
                raise WebhookGone(
                    f"Discord does not know the webhook (HTTP {status}). "
                    "Make a new one in the channel's settings."
                )
            if 300 <= status < 400:  # noqa: PLR2004 - the class of redirects
                raise WebhookGone(
                    f"The webhook has another address (HTTP {status}). "
                    f"DISCORD_WEBHOOK_URL should begin with {answer or 'what its settings show'}"
                )
            if 400 <= status < 500 and status not in PASSING:  # noqa: PLR2004 - the class of our own errors
                if not _about_a_message(status, answer):
                    raise WebhookGone(
                        f"Discord takes nothing at the address in DISCORD_WEBHOOK_URL (HTTP {status}): "
                        f"{' '.join(answer.split())[:200]}"
                    )
                logger.error("Discord refuses a message (HTTP %d): %.200s", status, answer)
                return
            delay = _retry_after(answer) if status == 429 else None  # noqa: PLR2004 - too many requests
            if delay is None:
                delay = self._surroundings.share() * min(LONGEST_DELAY_SECONDS, 2**failures)
                failures = min(failures + 1, 16)
            logger.warning(
                "Discord does not take a message now (%s); again in %.1f s", status or answer, delay
            )
            await self._surroundings.sleep(delay)

    def _post(self, content: str) -> tuple[int, str]:
        """Return the answer's status, and its text or where it points to; 0 and why where there is none."""
        # Nobody is mentioned, whatever a host writes into the notes of a night.
        body = json.dumps({"content": content, "allowed_mentions": {"parse": []}}).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "GameNightLive (gamenight, 1.0)"}
        request = urllib.request.Request(self._url, body, headers)  # noqa: S310 - the scheme was checked
        try:
            with self._opener.open(request, timeout=REQUEST_SECONDS) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as error:
            with error:
                if 300 <= error.code < 400:  # noqa: PLR2004 - the class of redirects
                    return error.code, _before_the_secret(self._url, error.headers.get("Location"))
                return error.code, error.read().decode(errors="replace")
        except (OSError, HTTPException) as unreachable:
            return 0, str(unreachable) or type(unreachable).__name__


def _waiting(url: str) -> str:
    """Return a webhook's URL with ``wait=true``: Discord then answers only once it has the message."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "wait"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("wait", "true")]), fragment=""))


def _before_the_secret(url: str, location: str | None) -> str:
    """Return where a redirect points to as far as it may be shown: without the webhook's token."""
    if location is None:
        return ""
    parts = urlsplit(urljoin(url, location))
    shown = re.match(r".*/webhooks/(?:\d+/)?", parts.path)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{shown[0] if shown else '/'}"


def _messages(lines: list[str]) -> Iterator[str]:
    """Yield lines, with markup escaped, in messages of a length that Discord takes."""
    content = ""
    for line in lines:
        escaped = MARKDOWN.sub(r"\\\1", line)
        if len(escaped) > CONTENT_CHARACTERS:
            escaped = f"{escaped[: CONTENT_CHARACTERS - 1]}…"
        if content and len(content) + 1 + len(escaped) > CONTENT_CHARACTERS:
            yield content
            content = ""
        content += f"\n{escaped}" if content else escaped
    yield content


def _about_a_message(status: int, answer: str) -> bool:
    """Say whether Discord refuses what a message says, and not where it was posted."""
    if status == 413:  # noqa: PLR2004 - too large
        return True
    try:
        told: Any = json.loads(answer)
        code, wrong = told.get("code"), told.get("errors") or {}
    except (ValueError, AttributeError, RecursionError):
        return False
    return "message" in told if code is None else code in ABOUT_A_MESSAGE or "content" in wrong


def _retry_after(answer: str) -> float | None:
    """Return the seconds that Discord asks to wait for."""
    try:
        told: Any = json.loads(answer)["retry_after"]
        return min(max(0.0, float(told)), LONGEST_TOLD_SECONDS)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


async def announce(night: GameNight, webhook: Webhook) -> None:
    """Tell the channel what happens. An event is dealt with once Discord has the message."""
    async for event in night.events():
        lines = await announcement(event, night)
        if lines:
            await webhook.says(lines)


def main() -> None:
    """Read the command line and run."""
    parser = Parser("Announce game nights on Discord.", cursors="discord-bot.json")

    async def play(options: argparse.Namespace) -> None:
        url = os.environ.get("DISCORD_WEBHOOK_URL", "").strip()
        if not url:
            parser.error("Put the webhook's URL into DISCORD_WEBHOOK_URL; the channel's settings make one.")
        if not (url.isascii() and is_address(url, "https", "http") and urlsplit(url).path.strip("/")):
            parser.error(
                "What is in DISCORD_WEBHOOK_URL is no webhook's URL, which begins with "
                "https://discord.com/api/webhooks/. Copy it from the channel's settings."
            )
        night = GameNight(options.url, token_of(options.token_command), cursors=options.cursors)
        await announce(night, Webhook(url, Surroundings()))

    run(parser, play)


if __name__ == "__main__":
    main()
