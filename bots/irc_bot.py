"""A bot for IRC: announces nights and games, takes ``thisgame++`` and ``thisgame--`` as votes, tells results.

    python irc_bot.py http://localhost:5000 irc.example.org '#games' --token-command 'make -s token'

The token is in ``GAMENIGHT_TOKEN``, or printed by a command; the IRC server's password, if it has one, is in
``IRC_PASSWORD``. Needs ``gamenight.py``, ``announcements.py`` and ``irc``, which knows the protocol; what is
here is when to say what, and to be there again after a break.
"""

import argparse
import asyncio
import logging
import os
import re
import ssl
from collections.abc import Iterator
from functools import partial
from typing import Any, Literal

from announcements import announcement
from gamenight import Event, GameNight, GameNightError, Refused, Surroundings
from tokens import token_of

try:
    from irc.client import ServerNotConnectedError
    from irc.client_aio import AioConnection, AioReactor
    from irc.connection import AioFactory
    from jaraco.stream.buffer import LenientDecodingLineBuffer
except ModuleNotFoundError as missing:
    raise SystemExit(f"There is no package {missing.name!r} here: pip install irc") from None

logger = logging.getLogger("irc_bot")
logging.getLogger("irc").setLevel(logging.INFO)  # below that it logs every line, passwords as well

VOTE = re.compile(r"(?<!\S)thisgame(\+\+|--)(?!\S)", re.IGNORECASE)

TEXT_BYTES = 400
"""A line of IRC has 512 bytes, of which the server takes some for who speaks where."""

LONGEST_DELAY_SECONDS = 60.0
SILENCE_SECONDS = 120.0
"""A server that has said nothing for half of this is pinged, and left after all of it."""


class Chat:
    """A channel: says lines at a pace that no server takes for a flood, and hands on what others say."""

    def __init__(self, channel: str, pace_seconds: float, surroundings: Surroundings) -> None:
        self._channel = channel
        self._pace = pace_seconds
        self._surroundings = surroundings
        self._joined = asyncio.Event()
        self._ended = asyncio.Event()
        self._heard_at = 0.0
        self._reactor = AioReactor(loop=asyncio.get_running_loop())
        self._connection: AioConnection = self._reactor.server()
        self._connection.buffer_class = LenientDecodingLineBuffer  # not everybody's client speaks UTF-8
        self.said: asyncio.Queue[tuple[str, str]] = asyncio.Queue(1000)
        for what, do in {
            "all_raw_messages": self._on_anything,
            "welcome": self._on_welcome,
            "nicknameinuse": self._on_nickname_in_use,
            "join": self._on_join,
            "kick": self._on_kick,
            "pubmsg": self._on_message,
            "disconnect": self._on_disconnect,
        }.items():
            self._reactor.add_global_handler(what, do)

    async def stay(self, server: str, port: int, nickname: str, *, tls: bool, password: str | None) -> None:
        """Be in the channel, and come back whenever the connection breaks."""
        factory = AioFactory(ssl=ssl.create_default_context()) if tls else AioFactory()
        failures = 0
        while True:
            self._ended.clear()
            try:
                await self._connection.connect(
                    server, port, nickname, password=password, ircname="Game Night", connect_factory=factory
                )
            except OSError as problem:
                logger.warning("%s:%d can't be reached: %s", server, port, problem)
            else:
                self._heard_at = self._surroundings.monotonic()
                await self._until_it_ends()
                failures = 0 if self._joined.is_set() else failures
                self._joined.clear()
            delay = self._surroundings.share() * min(LONGEST_DELAY_SECONDS, 2**failures)
            failures = min(failures + 1, 16)
            logger.warning("not on %s:%d; next attempt in %.1f s", server, port, delay)
            await self._surroundings.sleep(delay)

    async def says(self, lines: list[str]) -> None:
        """Say lines in the channel, once in there."""
        for line in lines:
            for piece in _pieces(line):
                await self._send(partial(self._connection.privmsg, self._channel, piece))

    async def tells(self, nickname: str, text: str) -> None:
        """Say something to one person only."""
        for piece in _pieces(text):
            await self._send(partial(self._connection.notice, nickname, piece))

    async def _send(self, send: Any) -> None:
        while True:
            await self._joined.wait()
            try:
                send()
            except ServerNotConnectedError:
                self._joined.clear()
            else:
                await self._surroundings.sleep(self._pace)
                return

    async def _until_it_ends(self) -> None:
        watching = asyncio.create_task(self._watch())
        try:
            await self._ended.wait()
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        while True:
            await self._surroundings.sleep(SILENCE_SECONDS / 2)
            silence = self._surroundings.monotonic() - self._heard_at
            if silence >= SILENCE_SECONDS:
                logger.warning("the server has said nothing for %.0f s", silence)
                self._connection.disconnect("no answer")
            elif silence >= SILENCE_SECONDS / 2:
                self._connection.ping(self._connection.get_server_name() or self._connection.server)

    def _on_anything(self, *_: Any) -> None:
        self._heard_at = self._surroundings.monotonic()

    def _on_welcome(self, connection: AioConnection, _: Any) -> None:
        connection.join(self._channel)

    def _on_nickname_in_use(self, connection: AioConnection, event: Any) -> None:
        connection.nick(f"{event.arguments[0]}_")

    def _on_join(self, connection: AioConnection, event: Any) -> None:
        if event.source.nick == connection.get_nickname():
            logger.info("in %s as %s", self._channel, event.source.nick)
            self._joined.set()

    def _on_kick(self, connection: AioConnection, event: Any) -> None:
        if event.arguments[0] == connection.get_nickname():
            logger.warning("kicked out of %s by %s; coming back", self._channel, event.source.nick)
            self._joined.clear()
            connection.join(self._channel)

    def _on_message(self, _: AioConnection, event: Any) -> None:
        try:
            self.said.put_nowait((event.source.nick, event.arguments[0]))
        except asyncio.QueueFull:
            logger.warning("too much is said at once; passed over a line of %s", event.source.nick)

    def _on_disconnect(self, *_: Any) -> None:
        self._ended.set()


class Bot:
    """Game nights on one side, a channel on the other."""

    def __init__(self, night: GameNight, chat: Chat) -> None:
        self._night = night
        self._chat = chat
        self._current: int | None = None

    async def announce(self) -> None:
        """Tell the channel what happens. An event is dealt with once its lines are said."""
        async for event in self._night.events():
            self._remember(event)
            await self._chat.says(await announcement(event, self._night))

    async def take_votes(self) -> None:
        """Post what is said in the channel as votes."""
        while True:
            nickname, text = await self._chat.said.get()
            vote = vote_in(text)
            if vote:
                await self._vote(nickname, vote)

    def _remember(self, event: Event) -> None:
        session = event.data["session"]
        if event.type in ("session.started", "snapshot") and session["is_active"]:
            self._current = session["id"]
        elif event.type == "session.ended" and session["id"] == self._current:
            self._current = None

    async def _vote(self, nickname: str, vote: Literal["up", "down"]) -> None:
        try:
            if self._current is None:  # after a restart, or between nights
                self._current = (await self._night.request("GET", "/api/sessions/active"))["id"]
            counted = await self._night.vote(self._current, nickname, vote)
        except Refused as refused:
            if refused.code == "session_closed":
                self._current = None
            logger.info("a vote of %s does not count: %s", nickname, refused)
            await self._chat.tells(nickname, f"Your vote does not count: {refused.detail}")
        except OSError as problem:
            logger.warning("a vote of %s could not be posted: %s", nickname, problem)
            await self._chat.tells(nickname, "Your vote could not be counted now. Vote again in a moment.")
        else:
            logger.info("%s votes %s for %s", nickname, vote, counted["game"]["title"])


def vote_in(text: str) -> Literal["up", "down"] | None:
    """Return what somebody votes by saying something; the last word counts."""
    votes = VOTE.findall(text)
    return None if not votes else "up" if votes[-1] == "++" else "down"


def _pieces(line: str) -> Iterator[str]:
    """Yield a line in parts that IRC carries, broken between words where there are any."""
    rest = line
    while len(rest.encode()) > TEXT_BYTES:
        fits = rest.encode()[:TEXT_BYTES].decode(errors="ignore")
        at = fits.rfind(" ")
        piece = fits if at <= 0 else fits[:at]
        yield piece
        rest = rest[len(piece) :].lstrip()
    if rest:
        yield rest


async def run(options: argparse.Namespace) -> None:
    """Run until something is wrong that stays wrong."""
    night = GameNight(options.url, token_of(options.token_command), cursors=options.cursors)
    chat = Chat(options.channel, options.pace, Surroundings())
    bot = Bot(night, chat)
    password = os.environ.get("IRC_PASSWORD")
    async with asyncio.TaskGroup() as doing:
        doing.create_task(
            chat.stay(options.server, options.port, options.nick, tls=options.tls, password=password)
        )
        doing.create_task(bot.announce())
        doing.create_task(bot.take_votes())


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Announce game nights on IRC, and take votes there.")
    parser.add_argument("url", help="where /api is, e.g. http://localhost:5000")
    parser.add_argument("server", help="the IRC server's name")
    parser.add_argument("channel", help="the channel, e.g. '#games'")
    parser.add_argument("--port", type=int, default=6667)
    parser.add_argument("--tls", action="store_true", help="encrypt; most servers do on port 6697")
    parser.add_argument("--nick", default="GameNight")
    parser.add_argument("--pace", type=float, default=1.0, help="seconds between two lines")
    parser.add_argument("--cursors", default="irc-bot.json", help="where positions are kept")
    parser.add_argument("--token-command", help="what prints a token; without it, $GAMENIGHT_TOKEN is used")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        asyncio.run(run(options))
    except* GameNightError as problems:
        raise SystemExit(str(problems.exceptions[0])) from None
    except* KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
