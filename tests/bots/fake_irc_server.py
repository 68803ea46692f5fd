"""An IRC server on 127.0.0.1 that refuses what a test wants it to refuse, and records what it is sent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.bots.listening import PATIENCE_SECONDS
from tests.sockets import listening

Refuse = Callable[["FakeIrcServer", str, list[str]], str | None]
"""What is answered to a command instead of what a server does; nothing where it does that."""


@dataclass
class FakeIrcServer:
    """``deaf`` keeps it from answering anything, as a black hole does."""

    refuse: Refuse = lambda *_: None
    deaf: bool = False
    port: int = 0
    connections: int = 0
    lines: list[str] = field(default_factory=list)
    nickname: str = ""
    _writer: asyncio.StreamWriter | None = None
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    def tells(self, line: str) -> None:
        assert self._writer is not None
        self._writer.write(f"{line}\r\n".encode())

    async def gets(self, wanted: str, count: int = 1) -> None:
        """Wait until so many lines that begin with a text have come."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while sum(line.startswith(wanted) for line in self.lines) < count:
                self._came.clear()
                await self._came.wait()

    @property
    def said(self) -> list[str]:
        return [line.partition(" :")[2] for line in self.lines if line.startswith("PRIVMSG #games :")]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writer, self.nickname, welcome = writer, "", False
        while data := await reader.readline():
            line = data.decode().rstrip("\r\n")
            self.lines.append(line)
            self._came.set()
            command, _, rest = line.partition(" ")
            arguments = [rest[1:]] if rest.startswith(":") else [*rest.partition(" :")[0].split()]
            if self.deaf:
                continue
            if answer := self.refuse(self, command, arguments):
                self.tells(answer)
            elif command == "NICK":
                self.nickname = arguments[0]
            elif command == "PING":
                self.tells(f":irc.test PONG irc.test :{arguments[0]}")
            elif command == "JOIN":
                self.tells(f":{self.nickname}!bot@test JOIN {arguments[0]}")
            if self.nickname and not welcome and any(line.startswith("USER") for line in self.lines):
                welcome = True
                self.tells(f":irc.test 001 {self.nickname} :Welcome")


@asynccontextmanager
async def fake_irc_server(refuse: Refuse = lambda *_: None) -> AsyncIterator[FakeIrcServer]:
    server = FakeIrcServer(refuse)
    async with listening(server.serve) as server.port:
        yield server
