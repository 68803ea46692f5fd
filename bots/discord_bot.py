"""A bot for Discord: announces nights, games and results in the channel of a webhook.

    DISCORD_WEBHOOK_URL=https://discord.com/api/webhooks/... python discord_bot.py http://localhost:5000

The token is in ``GAMENIGHT_TOKEN``, or printed by ``--token-command``. Needs ``gamenight.py`` and
``announcements.py``. A webhook can only speak, so votes come from elsewhere.
"""

import argparse
import asyncio
import json
import logging
import os
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from announcements import announcement
from gamenight import GameNight, GameNightError, Surroundings, in_a_thread
from tokens import token_of

logger = logging.getLogger("discord_bot")

CONTENT_CHARACTERS = 2000
"""Of one message, by Discord's documentation of "Execute Webhook"."""

REQUEST_SECONDS = 15.0
LONGEST_DELAY_SECONDS = 60.0
LONGEST_TOLD_SECONDS = 60 * 60.0
"""What a message waits at most because Discord says so, and is then tried again whatever was said."""

GONE = (401, 403, 404)


class WebhookGone(Exception):
    """Discord does not know the webhook."""


class Webhook:
    """A channel of Discord. The URL is a secret: who has it can post, so that no message shows it."""

    def __init__(self, url: str, surroundings: Surroundings) -> None:
        self._url = url
        self._surroundings = surroundings

    async def says(self, lines: list[str]) -> None:
        """Post lines as one message, and wait until Discord has it, however long that takes.

        Raises WebhookGone. What Discord will never take is logged and passed over.
        """
        content = "\n".join(lines)
        if len(content) > CONTENT_CHARACTERS:
            content = f"{content[: CONTENT_CHARACTERS - 1]}…"
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
            if 400 <= status < 500 and status != 429:  # noqa: PLR2004 - ours, but not too many of them
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
        """Return the answer's status and text; 0 and the reason where there is none."""
        # Nobody is mentioned, whatever a host writes into the notes of a night.
        body = json.dumps({"content": content, "allowed_mentions": {"parse": []}}).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "GameNightLive (gamenight, 1.0)"}
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            f"{self._url}?wait=true", body, headers
        )
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as answer:  # noqa: S310 - likewise
                return answer.status, ""
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(errors="replace")
        except (OSError, HTTPException) as unreachable:
            return 0, str(unreachable) or type(unreachable).__name__


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
    parser = argparse.ArgumentParser(description="Announce game nights on Discord.")
    parser.add_argument("url", help="where /api is, e.g. http://localhost:5000")
    parser.add_argument("--cursors", default="discord-bot.json", help="where positions are kept")
    parser.add_argument("--token-command", help="what prints a token; without it, $GAMENIGHT_TOKEN is used")
    options = parser.parse_args()
    webhook_url = os.environ.get("DISCORD_WEBHOOK_URL", "").strip()
    if not webhook_url.startswith(("https://", "http://")):
        raise SystemExit("Put the webhook's URL into DISCORD_WEBHOOK_URL; the channel's settings make one.")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    night = GameNight(options.url, token_of(options.token_command), cursors=options.cursors)
    try:
        asyncio.run(announce(night, Webhook(webhook_url, Surroundings())))
    except (GameNightError, WebhookGone) as problem:
        raise SystemExit(str(problem)) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
