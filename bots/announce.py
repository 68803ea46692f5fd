"""Announces nights, games and results by Apprise: in Discord, Slack, Telegram, ntfy, e-mail and more.

    pip install apprise
    python announce.py http://localhost:5000 --to discord://ID/TOKEN --to ntfy://my-night

The token is in ``GAMENIGHT_TOKEN``, or printed by ``--token-command``. Needs ``announcements.py``,
``command_line.py`` and the packages ``gamenight`` and ``apprise``. Each place has its own connection and
cursors: one that is down gets later what it missed, and no other place waits for it.
"""

import argparse
import asyncio
import hashlib
import json
import logging
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from announcements import announcement
from command_line import Parser, run, token_of
from gamenight import Event, GameNight, NoCursors, Surroundings, Token, in_a_thread

try:
    import apprise
except ModuleNotFoundError:
    raise SystemExit("There is no package 'apprise' here: pip install apprise") from None

logger = logging.getLogger("announce")

EVENTS = ("session.started", "game.added", "game.removed", "session.ended")

SPARE_CHARACTERS = 16
"""Kept free in each message for the characters that Apprise puts between title and text."""

LONGEST_DELAY_SECONDS = 300.0
SECONDS_BETWEEN_MESSAGES = 1.0

NEVER = (400, 413, 422)
"""Statuses that may mean that the service will never take a message. After ``NEVER_ATTEMPTS`` it is
skipped."""
NEVER_ATTEMPTS = 5

DISCORD = re.compile(r"(discord://|https?://(\w+\.)?discord(app)?\.com/)", re.IGNORECASE)
MARKDOWN = re.compile(r"([\\`*_~|<>\[\]])")


class WrongPlace(Exception):
    """Apprise does not understand a URL; the message says what to do."""


class Position:
    """Stores a place's cursors, and how many messages of the next event it has taken.

    So after a restart, an event of several messages continues with the next one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, Any] = {"cursors": {}, "event": "", "said": 0}

    def load(self) -> Mapping[str, str]:
        """Return the cursors; none at first. Raises NoCursors if the file holds something else."""
        try:
            kept = json.loads(self._path.read_bytes())
            self._kept = {name: kept[name] for name in self._kept}
        except FileNotFoundError:
            pass
        except (ValueError, TypeError, LookupError, RecursionError):
            message = f"{self._path} holds no position. Remove it to start from now on."
            raise NoCursors(message) from None
        cursors: Mapping[str, str] = self._kept["cursors"]
        return cursors

    def save(self, cursors: Mapping[str, str]) -> None:
        """Keep the cursors."""
        self._keep(cursors=dict(cursors))

    def said(self, event: Event) -> int:
        """Return how many messages of an event were taken."""
        return int(self._kept["said"]) if self._kept["event"] == _key(event) else 0

    def say(self, event: Event, said: int) -> None:
        """Keep how many messages of an event were taken."""
        self._keep(event=_key(event), said=said)

    def _keep(self, **changed: Any) -> None:
        self._kept |= changed
        scratch = self._path.with_suffix(".new")
        scratch.write_text(json.dumps(self._kept, indent=1))
        scratch.replace(self._path)


def _key(event: Event) -> str:
    return f"{event.type} {event.session_id} {event.timestamp}"


class Place:
    """A service to announce at. Its URL is a secret; ``name`` may be shown."""

    def __init__(self, url: str, folder: Path, surroundings: Surroundings) -> None:
        """Read an Apprise URL. Raises WrongPlace if Apprise does not understand it."""
        self._discord = bool(DISCORD.match(url))
        if self._discord:  # Apprise's name for Discord's parameter
            url = url.replace("thread_id=", "thread=")
        # A redirected POST would become a GET, and be lost.
        asset = apprise.AppriseAsset(app_id="Game Night Live", http_redirects=False)
        self._apprise = apprise.Apprise(asset=asset)
        service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if not isinstance(service, apprise.NotifyBase) or not self._apprise.add(service):
            raise WrongPlace(
                f"Apprise does not understand the URL that begins with {url.partition('://')[0][:20]}://. "
                "Its wiki lists the services and how their URLs are written."
            )
        shown: str = service.url(privacy=True)  # type: ignore[no-untyped-call]
        # Apprise waits 5.5 s between two messages if it knows no limit of the service.
        service.request_rate_per_sec = min(service.request_rate_per_sec, SECONDS_BETWEEN_MESSAGES)
        self.name = f"{service.service_name} ({shown.partition('?')[0]})"
        self.position = Position(folder / f"{hashlib.sha256(url.encode()).hexdigest()[:12]}.json")
        self._surroundings = surroundings
        self._mails = url.lower().startswith("mailto")
        self._characters = service.body_maxlen - SPARE_CHARACTERS

    async def announce(self, event: Event, lines: list[str]) -> None:
        """Send lines in as few messages as possible, and wait until the service has taken each."""
        messages = list(_messages([self._escaped(line) for line in lines], self._characters))
        for nth, message in enumerate(messages[self.position.said(event) :], self.position.said(event) + 1):
            await self._say(message, is_first=nth == 1)
            self.position.say(event, nth)

    async def _say(self, lines: list[str], *, is_first: bool) -> None:
        # The first of several lines is the title. A mail always needs a subject.
        title = lines[0] if self._mails or (is_first and len(lines) > 1) else ""
        text = "\n".join(lines[1:] if title and len(lines) > 1 else lines)
        failures = refusals = 0
        while True:
            why = await in_a_thread(self._try, title, text)
            if why is None:
                logger.info("%s was told: %s", self.name, lines[0])
                return
            status = re.search(r"error=(\d{3})", why)
            refusals += status is not None and int(status[1]) in NEVER
            if refusals == NEVER_ATTEMPTS:
                logger.error("%s refuses a message, which is passed over: %s", self.name, why)
                return
            failures += 1
            delay = self._surroundings.delay(failures, LONGEST_DELAY_SECONDS)
            logger.warning("%s takes nothing now: %s; again in %.1f s", self.name, why, delay)
            await self._surroundings.sleep(delay)

    def _try(self, title: str, text: str) -> str | None:
        """Return None once the service has taken a message; else why not."""
        done = self._apprise.notify(title=title, body=text, body_format=apprise.NotifyFormat.TEXT)
        if done:
            return None
        said = [entry.message for result in done.results for entry in result.logs()]
        return " ".join(" ".join(said).split()) or "no reason was given"

    def _escaped(self, line: str) -> str:
        """Return a line escaped for Discord: no markup, and nobody is mentioned."""
        return MARKDOWN.sub(r"\\\1", line).replace("@", "@\u200b") if self._discord else line


def _messages(lines: list[str], characters: int) -> Iterator[list[str]]:
    """Group lines into messages of at most so many characters; cut a line that is longer."""
    message: list[str] = []
    left = characters
    for line in lines:
        fitting = line if len(line) <= characters else f"{line[: characters - 1]}…"
        if message and len(fitting) + 1 > left:
            yield message
            message, left = [], characters
        message.append(fitting)
        left -= len(fitting) + 1
    yield message


async def announce(client: GameNight, place: Place, wanted: Collection[str]) -> None:
    """Announce events at a place. An event is done once the service has taken all its messages."""
    async with client:
        async for event in client.events():
            lines = await announcement(event, client) if event.type in wanted else []
            if lines:
                await place.announce(event, lines)


async def announce_everywhere(url: str, token: Token, places: list[Place], wanted: Collection[str]) -> None:
    """Announce at all places, each from its own cursors. Ends only by raising."""
    async with asyncio.TaskGroup() as tasks:
        for place in places:
            client = GameNight(url, token, cursors=place.position)
            logger.info("announcing at %s", place.name)
            tasks.create_task(announce(client, place, wanted))


def main() -> None:
    """Read the command line and run."""
    parser = Parser(
        "Announce game nights by Apprise.",
        cursors="announced",
        kept="the folder for its cursors",
    )
    parser.epilog = (
        "URLs hold secrets, and other users of this machine can see a command line: put them into "
        "ANNOUNCE_TO instead, with spaces between them."
    )
    parser.add_argument("--to", action="append", default=[], metavar="URL", help="an Apprise URL; repeatable")
    parser.add_argument(
        "--only", action="append", choices=EVENTS, help="announce only this event; repeatable"
    )

    async def play(options: argparse.Namespace) -> None:
        logging.getLogger("apprise").propagate = False  # its reasons are in our own lines
        urls = dict.fromkeys([*options.to, *os.environ.get("ANNOUNCE_TO", "").split()])
        if not urls:
            parser.error("Name where to announce: --to discord://ID/TOKEN, or URLs in ANNOUNCE_TO.")
        folder, token = Path(options.cursors), token_of(options.token_command)
        try:
            folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing else runs yet
            places = [Place(url, folder, Surroundings()) for url in urls]
        except OSError as problem:
            parser.error(f"{folder} can't be a folder for places: {problem.strerror}. Name another one.")
        except WrongPlace as problem:
            parser.error(str(problem))
        await announce_everywhere(options.url, token, places, options.only or EVENTS)

    run(parser, play)


if __name__ == "__main__":
    main()
