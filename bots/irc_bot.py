"""A bot for IRC: announces nights and games, takes ``thisgame++`` and ``thisgame--`` as votes, says results.

    python irc_bot.py http://localhost:5000 irc.example.org '#games' --token-command 'make -s token'

The token is in ``GAMENIGHT_TOKEN``, or printed by a command; the IRC server's password, if it has one, is in
``IRC_PASSWORD``. Needs ``announcements.py``, ``command_line.py`` and the packages ``gamenight`` and ``irc``,
which implement the protocols. This file decides what to say and when, and reconnects after a break.
"""

import argparse
import asyncio
import logging
import os
import re
import ssl
import unicodedata
from collections import deque
from collections.abc import Iterator
from itertools import count
from typing import Any, Literal

from announcements import announcement, on_one_line
from command_line import Parser, run, token_of
from gamenight import (
    Event,
    GameAdded,
    GameNight,
    GameRemoved,
    Refused,
    SessionEnded,
    SessionStarted,
    Snapshot,
    Surroundings,
)

try:
    from irc.client_aio import AioConnection, AioReactor
    from irc.connection import AioFactory
    from irc.strings import lower
    from jaraco.stream.buffer import LenientDecodingLineBuffer
except ModuleNotFoundError as missing:
    raise SystemExit(f"There is no package {missing.name!r} here: pip install irc") from None

logger = logging.getLogger("irc_bot")

Vote = Literal["up", "down"]
logging.getLogger("irc").setLevel(logging.INFO)  # below that it logs every line, passwords as well

FORMATTING = re.compile(r"\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04(?:[\da-f]{6}(?:,[\da-f]{6})?)?", re.IGNORECASE)
"""Colours have visible digits. IRC's other formatting consists of control characters."""

DASHES = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2212", "-") | dict.fromkeys("\u2013\u2014\u2015\u2e3a\u2e3b", "--")
)
"""The dashes that phones type for hyphens. A long dash stands for two."""

FILLERS = "\u115f\u1160\u2800"
"""Invisible characters that Unicode counts as letters and symbols."""

VOTE = re.compile(r"(?<![^\W_])thisgame(\+{2,}|-{2,})(?![^\W_]|/?[+-])", re.IGNORECASE)

TEXT_BYTES = 400
"""A line of IRC has 512 bytes. The server uses some of them for the speaker and the channel."""

NICKNAME_CHARACTERS = 9
"""Every server accepts this many. One that accepts more says so only after registration."""

PACE_SECONDS = 2.0
"""The seconds that a server counts for a line, by RFC 2813, 5.8. Old servers add half as much for every
hundred bytes."""

BURST = 4
"""Lines, PINGs included, that may be sent at once after a silence. By the same RFC a server takes five."""

NICKNAME_REFUSED = ("431", "432", "433", "436", "437")

NOT_IN_IT = ("403", "442", "471", "473", "474", "475")
"""Replies that mean that the bot is not in its channel. Other replies may refuse a line while it is in it."""

LONGEST_DELAY_SECONDS = 60.0
LONGEST_ABSENCE_SECONDS = 30.0
"""Between two attempts to join the channel, or to say something there."""

OPEN_SECONDS = 30.0
WELCOME_SECONDS = 60.0
"""How long registration may take, with all attempts to find a nickname."""

ANSWER_SECONDS = 30.0
"""If a server has not answered a PING for so long, the bot reconnects."""

SILENCE_SECONDS = 60.0
"""The bot pings a server after half of this silence, and reconnects after all of it."""

HOW_TO_VOTE = "🗳️ Vote with thisgame++ or thisgame-- during games!"

VOTES_AT_ONCE = 10
"""How many votes may be posted to the service at the same time."""

MOST_ANSWERS = 10
"""How many people may wait for an answer. Each answer delays the announcements by one line."""


class Chat:
    """A channel: says lines at a pace that no server takes for a flood, and queues what others say.

    A line counts as said once the server has answered the PING after it and refused nothing before. If the
    server refuses the nickname, the channel or a line, the bot logs it and tries again.
    """

    def __init__(self, channel: str, pace_seconds: float, surroundings: Surroundings) -> None:
        self._channel = channel
        self._pace = pace_seconds
        self._surroundings = surroundings
        self._joined = asyncio.Event()
        self._left = asyncio.Event()
        self._ended = asyncio.Event()
        self._registration: asyncio.Queue[str] = asyncio.Queue()  # a refusal; empty for the welcome
        self._welcome = False
        self._speaking = asyncio.Lock()
        self._pings = count(1)
        self._awaited = ""
        self._taken: asyncio.Future[str] | None = None
        self._spent_until = 0.0
        self._heard_at = 0.0
        self._reactor = AioReactor(loop=asyncio.get_running_loop())
        self._connection: AioConnection = self._reactor.server()
        self._connection.buffer_class = LenientDecodingLineBuffer  # not everybody's client speaks UTF-8
        self.said: asyncio.Queue[tuple[str, str]] = asyncio.Queue(1000)
        for what, do in {
            "all_raw_messages": self._on_anything,
            "all_events": self._on_number,
            "error": self._on_error,
            "pong": self._on_pong,
            "privnotice": self._on_notice,
            "join": self._on_join,
            "kick": self._on_kick,
            "part": self._on_part,
            "pubmsg": self._on_message,
            "disconnect": self._on_disconnect,
        }.items():
            self._reactor.add_global_handler(what, do)

    async def stay(self, server: str, port: int, nickname: str, *, tls: bool, password: str | None) -> None:
        """Join the channel, and reconnect whenever the connection breaks."""
        factory = AioFactory(ssl=ssl.create_default_context()) if tls else AioFactory()
        failures = 0
        while True:
            self._ended.clear()
            self._out("not in the channel yet")
            self._registration, self._welcome = asyncio.Queue(), False
            connecting = asyncio.ensure_future(
                self._connection.connect(
                    server, port, nickname, password=password, ircname="Game Night", connect_factory=factory
                )
            )
            try:
                await self._wait_for(connecting, OPEN_SECONDS)
                if not connecting.done():
                    raise TimeoutError(f"no answer within {OPEN_SECONDS:g} s")
                connecting.result()
            except OSError as problem:
                logger.warning("%s:%d can't be reached: %s", server, port, problem)
            else:
                been_in = await self._until_it_ends(nickname)
                failures = 0 if been_in else failures
            finally:
                connecting.cancel()
            failures += 1
            delay = self._surroundings.delay(failures, LONGEST_DELAY_SECONDS)
            logger.warning("not on %s:%d; next attempt in %.1f s", server, port, delay)
            await self._surroundings.sleep(delay)

    async def says(self, lines: list[str]) -> None:
        """Say lines in the channel, and wait until the server has taken them, however long that takes."""
        for piece in (piece for line in lines for piece in _pieces(line)):
            failures = 0
            while refusal := await self._say(piece):
                delay = self._delay(failures)
                failures += 1
                logger.warning("%s has not taken a line (%s); again in %.1f s", self._channel, refusal, delay)
                await self._surroundings.sleep(delay)

    async def tells(self, nickname: str, text: str) -> None:
        """Say something to one person, or drop it if it can't be said now."""
        for piece in _pieces(on_one_line(text)):
            async with self._speaking:
                await self._pay_for(f"NOTICE {nickname} :{piece}")
                if self._joined.is_set():
                    self._connection.notice(nickname, piece)

    async def _say(self, piece: str) -> str:
        """Say a line. Return why the server has not taken it, or an empty text if it has."""
        await self._joined.wait()
        async with self._speaking:
            self._awaited = f"gamenight-{next(self._pings)}"
            said, asked = f"PRIVMSG {self._channel} :{piece}", f"PING {self._awaited}"
            await self._pay_for(said, asked)
            if not self._joined.is_set():
                return "no longer in the channel"
            self._taken = taken = asyncio.get_running_loop().create_future()
            self._connection.send_raw(said)
            self._connection.send_raw(asked)
            await self._wait_for(taken, ANSWER_SECONDS)
            if not taken.done():
                self._leave("no answer")
                return "no answer"
            refusal: str = taken.result()
            if refusal and self._joined.is_set():
                await self._pay_for(f"JOIN {self._channel}")
                self._connection.join(self._channel)  # no effect if the bot is still in it
            return refusal

    async def _pay_for(self, *lines: str) -> None:
        """Wait until these lines, with those before, are no flood."""
        now = self._surroundings.monotonic()
        price = sum(self._pace * (1 + len(line.encode()) / 200) for line in lines)
        self._spent_until = max(self._spent_until, now) + price
        await self._surroundings.sleep(max(0.0, self._spent_until - now - BURST * self._pace))

    async def _until_it_ends(self, nickname: str) -> bool:
        """Run until the connection ends; return whether the bot has been in the channel."""
        self._heard_at = now = self._surroundings.monotonic()
        self._spent_until = now + 3 * self._pace  # for the lines of registration
        been_in = asyncio.ensure_future(self._joined.wait())
        async with asyncio.TaskGroup() as doing:
            living = (self._watch(), self._leave_unless_welcome(), self._take_part(nickname))
            tasks = [doing.create_task(one) for one in living]
            await self._ended.wait()
            for task in tasks:
                task.cancel()
        return not been_in.cancel()

    async def _take_part(self, nickname: str) -> None:
        """Get a nickname, and join the channel whenever the bot is not in it."""
        for other in _nicknames(nickname):
            refusal = await self._registration.get()
            if not refusal:
                break
            logger.warning("the nickname is refused (%s); trying %s", refusal, other)
            await self._surroundings.sleep(self._pace)
            self._connection.nick(other)
        else:
            if refusal := await self._registration.get():
                logger.warning("no nickname like %s is to be had: %s", nickname, refusal)
                self._leave("no nickname")
                return
        failures = 0
        while True:
            await self._left.wait()
            await self._pay_for(f"JOIN {self._channel}")
            self._connection.join(self._channel)
            await self._surroundings.sleep(self._delay(failures))
            failures = 0 if self._joined.is_set() else failures + 1

    async def _watch(self) -> None:
        while True:
            await self._surroundings.sleep(SILENCE_SECONDS / 2)
            silence = self._surroundings.monotonic() - self._heard_at
            if silence >= SILENCE_SECONDS:
                logger.warning("the server has said nothing for %.0f s", silence)
                self._leave("no answer")
            elif silence >= SILENCE_SECONDS / 2:
                self._connection.ping("gamenight")

    async def _leave_unless_welcome(self) -> None:
        await self._surroundings.sleep(WELCOME_SECONDS)
        if not self._welcome:
            logger.warning("the server has not let the bot in within %g s", WELCOME_SECONDS)
            self._leave("no welcome")

    async def _wait_for(self, future: "asyncio.Future[Any]", seconds: float) -> None:
        waking = asyncio.ensure_future(self._surroundings.sleep(seconds))
        try:
            await asyncio.wait({future, waking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waking.cancel()

    def _delay(self, failures: int) -> float:
        longest: float = min(LONGEST_ABSENCE_SECONDS, 2 ** min(failures, 16))
        return longest * (1 + self._surroundings.share()) / 2

    def _leave(self, reason: str) -> None:
        self._connection.disconnect(reason)
        self._connection.transport.abort()  # don't wait for what can't be sent

    def _out(self, reason: str) -> None:
        """Note that the bot is not in the channel: a line on its way may be lost."""
        self._joined.clear()
        self._left.set()
        self._answered(reason)

    def _answered(self, refusal: str) -> None:
        if self._taken and not self._taken.done():
            self._taken.set_result(refusal)

    def _is_ours(self, channel: str | None) -> bool:
        return bool(lower(channel or "") == lower(self._channel))

    def _is_me(self, nickname: str) -> bool:
        return bool(lower(nickname) == lower(self._connection.get_nickname()))

    def _on_anything(self, *_: Any) -> None:
        self._heard_at = self._surroundings.monotonic()

    def _on_number(self, _: AioConnection, event: Any) -> None:
        """Handle numeric replies: the welcome, and refusals."""
        code = str(getattr(event.type, "code", ""))
        if code == "001":
            self._welcome = True
            self._registration.put_nowait("")
        if not re.fullmatch(r"[45]\d\d", code):
            return
        about, reason = "".join(event.arguments[:1]), f"{' '.join(event.arguments)} ({code})"
        if self._is_ours(about):
            if self._left.is_set():
                logger.warning("not let into %s: %s", self._channel, reason)
            elif code in NOT_IN_IT:
                logger.warning("no longer in %s: %s", self._channel, reason)
                self._out(reason)
            self._answered(reason)
        elif code in NICKNAME_REFUSED and not self._welcome:
            self._registration.put_nowait(reason)
        else:
            logger.info("the server says: %s", reason)

    def _on_error(self, _: AioConnection, event: Any) -> None:
        logger.warning("the server ends the connection: %s", event.target)

    def _on_pong(self, _: AioConnection, event: Any) -> None:
        if self._awaited in (event.target, *event.arguments):
            self._answered("")

    def _on_notice(self, _: AioConnection, event: Any) -> None:
        """Handle a notice that some servers send instead of a number: they drop lines in a busy channel."""
        text = event.arguments[0]
        if "!" not in event.source and "throttled" in text and lower(self._channel) in lower(text):
            self._answered(text)

    def _on_join(self, _: AioConnection, event: Any) -> None:
        if self._is_me(event.source.nick) and self._is_ours(event.target):
            logger.info("in %s as %s", self._channel, event.source.nick)
            self._left.clear()
            self._joined.set()

    def _on_kick(self, _: AioConnection, event: Any) -> None:
        if self._is_me(event.arguments[0]) and self._is_ours(event.target):
            logger.warning("kicked out of %s by %s; coming back", self._channel, event.source)
            self._out("kicked out")

    def _on_part(self, _: AioConnection, event: Any) -> None:
        if self._is_me(event.source.nick) and self._is_ours(event.target):
            logger.warning("removed from %s; coming back", self._channel)
            self._out("removed")

    def _on_message(self, _: AioConnection, event: Any) -> None:
        if not self._is_ours(event.target):
            return
        try:
            self.said.put_nowait((event.source.nick, event.arguments[0]))
        except asyncio.QueueFull:
            logger.warning("too much is said at once; passed over a line of %s", event.source.nick)

    def _on_disconnect(self, *_: Any) -> None:
        self._out("the connection is lost")
        self._ended.set()


class Bot:
    """Announces game nights in a channel, and posts votes from it."""

    def __init__(self, night: GameNight, chat: Chat) -> None:
        self._night = night
        self._chat = chat
        self._current: int | None = None
        self._game: int | None = None  # the newest game of that night
        self._removed: str | None = None  # that game's title, until the channel is told that it was removed
        self._votes: dict[str, deque[Vote]] = {}  # by nickname, those that are not posted yet
        self._posting = asyncio.Semaphore(VOTES_AT_ONCE)
        self._answers: asyncio.Queue[tuple[str, str]] = asyncio.Queue(MOST_ANSWERS)

    async def announce(self) -> None:
        """Announce events in the channel. An event is done once its lines are said."""
        async with self._night:
            async for event in self._night.events():
                self._remember(event)
                lines = await announcement(event, self._night)
                await self._chat.says([*lines, HOW_TO_VOTE] if isinstance(event, SessionStarted) else lines)
                self._removed = None

    async def take_votes(self) -> None:
        """Post votes from the channel: several people's at once, one person's in order."""
        async with asyncio.TaskGroup() as doing:
            doing.create_task(self._answer())
            while True:
                nickname, text = await self._chat.said.get()
                if vote := vote_in(text):
                    votes = self._votes.setdefault(nickname, deque())
                    votes.append(vote)
                    if len(votes) == 1:
                        doing.create_task(self._post(nickname, votes))

    async def _post(self, nickname: str, votes: "deque[Vote]") -> None:
        while votes:
            async with self._posting:
                await self._vote(nickname, votes[0])
            votes.popleft()
        del self._votes[nickname]

    async def _answer(self) -> None:
        while True:
            await self._chat.tells(*await self._answers.get())

    def _tell(self, nickname: str, text: str) -> None:
        try:
            self._answers.put_nowait((nickname, text))
        except asyncio.QueueFull:
            logger.warning("too many wait for an answer; %s gets none", nickname)

    def _remember(self, event: Event) -> None:
        if isinstance(event, SessionStarted | Snapshot) and event.data["session"]["is_active"]:
            # The state of a night that nobody has ended may come after the start of a newer one.
            self._current = max(self._current or 0, event.session_id)
        elif isinstance(event, SessionEnded) and event.session_id == self._current:
            self._current = None
        elif isinstance(event, GameAdded) and event.session_id == self._current:
            self._game = event.data["game"]["id"]
        elif isinstance(event, GameRemoved) and event.session_id == self._current:
            game = event.data["game"]
            self._removed = game["title"] if game["id"] == self._game else None

    async def _vote(self, nickname: str, vote: Vote) -> None:
        if self._removed is not None:  # the vote would count for an earlier game
            logger.info("a vote of %s does not count: the game was removed", nickname)
            self._tell(nickname, f"Your vote does not count: {self._removed} has just been removed.")
            return
        try:
            counted = await self._counted(nickname, vote)
        except Refused as refused:
            logger.info("a vote of %s does not count: %s", nickname, refused)
            self._tell(nickname, f"Your vote does not count: {refused.detail}")
        except OSError as problem:
            logger.warning("a vote of %s could not be posted: %s", nickname, problem)
            self._tell(nickname, "Your vote could not be counted now. Vote again in a moment.")
        else:
            logger.info("%s votes %s for %s", nickname, vote, counted["game"]["title"])

    async def _counted(self, nickname: str, vote: Vote) -> Any:
        """Vote in the newest night. While the bot says results, it learns of a new night late."""
        known = self._current
        try:
            if known is not None:
                return await self._night.vote(known, nickname, vote)
        except Refused as refused:
            if refused.code != "session_closed":
                raise
            active = await self._night.request("GET", "/api/sessions/active")
            if active["id"] < known:  # an old night that was never ended; the vote is not for it
                raise
        else:  # after a restart, or between nights
            active = await self._night.request("GET", "/api/sessions/active")
        self._current = active["id"]
        return await self._night.vote(active["id"], nickname, vote)


def vote_in(text: str) -> Vote | None:
    """Return the vote in a line; None for none, or for both, as in a quote of the bot."""
    plain = unicodedata.normalize("NFKC", FORMATTING.sub("", text)).translate(DASHES)
    # An invisible character may be within a word or between two.
    seen = ["".join(instead if _is_hidden(mark) else mark for mark in plain) for instead in ("", " ")]
    votes = {vote[0] for text in seen for vote in VOTE.findall(text)}
    return None if len(votes) != 1 else "up" if votes == {"+"} else "down"


def _is_hidden(mark: str) -> bool:
    """Return whether a character is invisible by itself: a control, a joiner, an accent."""
    return mark != "\t" and (unicodedata.category(mark) in ("Cc", "Cf", "Mn", "Me") or mark in FILLERS)


def _nicknames(wanted: str) -> Iterator[str]:
    """Yield nicknames that resemble the wanted one and that any server accepts."""
    base = re.sub(r"[^A-Za-z0-9\[\]\\`_^{|}-]", "", wanted).lstrip("0123456789-") or "GameNight"
    if base[:NICKNAME_CHARACTERS] != wanted:
        yield base[:NICKNAME_CHARACTERS]
    for tail in ("_", "__", *"23456"):
        yield base[: NICKNAME_CHARACTERS - len(tail)] + tail


def _pieces(line: str) -> Iterator[str]:
    """Split a line into parts that fit into a line of IRC, between words if possible."""
    rest = line
    while len(rest.encode()) > TEXT_BYTES:
        fits = rest.encode()[:TEXT_BYTES].decode(errors="ignore")
        at = fits.rfind(" ")
        piece = fits if at <= 0 else fits[:at]
        yield piece
        rest = rest[len(piece) :].lstrip()
    if rest:
        yield rest


async def play(options: argparse.Namespace) -> None:
    """Run until an error that a retry can't fix."""
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


def port(text: str) -> int:
    """Read a port."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 2**16:
        raise argparse.ArgumentTypeError(f"{text} is no port, which is a number from 1 to 65535")
    return int(text)


def pace(text: str) -> float:
    """Read a number of seconds."""
    if not re.fullmatch(r"[0-9]{0,4}\.?[0-9]+", text):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds, such as 2 or 0.5")
    return float(text)


def channel(text: str) -> str:
    """Read a channel's name."""
    if not re.fullmatch(r"[#&+!][^\x00-\x20,:\x7f]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no channel, such as '#games' (in quotes)")
    return text


def main() -> None:
    """Read the command line and run."""
    parser = Parser("Announce game nights on IRC, and take votes there.", cursors="irc-bot.json")
    parser.add_argument("server", help="the IRC server's name")
    parser.add_argument("channel", type=channel, help="the channel, e.g. '#games'")
    parser.add_argument("--port", type=port, default=6667, help="the IRC server's port (6667)")
    parser.add_argument("--tls", action="store_true", help="use TLS, on most servers with --port 6697")
    parser.add_argument("--nick", default="GameNight", help="the bot's nickname (GameNight)")
    parser.add_argument(
        "--pace", type=pace, default=PACE_SECONDS, help="seconds to allow for each line sent (2)"
    )
    run(parser, play)


if __name__ == "__main__":
    main()
