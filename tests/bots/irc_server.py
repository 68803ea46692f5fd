"""A real IRC server on 127.0.0.1 (ngircd, from Debian), and a person on it."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_server, socket

from tests.bots.listening import PATIENCE_SECONDS
from tests.installed import installed

CONFIGURATION = f"""\
[Global]
Name = irc.example.test
Info = An IRC server for tests
ServerUID = {os.getuid()}
ServerGID = {os.getgid()}
[Limits]
MaxConnectionsIP = 0
MaxJoins = 0
[Options]
DNS = no
Ident = no
PAM = no
"""


@dataclass
class IrcServer:
    """It can be ended and started again: its port stays open, and who connects meanwhile waits for it."""

    folder: Path
    program: str
    listener: socket
    process: asyncio.subprocess.Process | None = None

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    async def start(self) -> None:
        listener = self.listener.fileno()  # systemd hands sockets over so: from descriptor 3 on
        serve = f'LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" --nodaemon --config "$1" 3<&{listener}'
        with (self.folder / "ircd.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *("bash", "-c", serve, self.program, self.folder / "ngircd.conf"),
                pass_fds=[listener],
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
            )

    async def end(self) -> None:
        """End it as a crash would."""
        if self.process is not None:
            self.process.kill()
            await self.process.wait()
            self.process = None


@asynccontextmanager
async def irc_server(folder: Path) -> AsyncIterator[IrcServer]:
    """Run an IRC server, or skip what needs one where there is none, but not in CI."""
    program = installed("ngircd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    (folder / "ngircd.conf").write_text(CONFIGURATION)
    with closing(create_server(("127.0.0.1", 0))) as listener:
        server = IrcServer(folder, program, listener)
        await server.start()
        try:
            yield server
        finally:
            await server.end()


@dataclass
class Person:
    """Somebody in a channel, with the plainest client there can be."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    lines: list[str] = field(default_factory=list)

    def sends(self, line: str) -> None:
        self.writer.write(f"{line}\r\n".encode())

    def says(self, text: str) -> None:
        self.sends(f"PRIVMSG #games :{text}")

    async def reads(self, wanted: str) -> str:
        """Return the next line that holds a text."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while line := (await self.reader.readline()).decode().rstrip("\r\n"):
                    self.lines.append(line)
                    if line.startswith("PING"):
                        self.sends(line.replace("PING", "PONG", 1))
                    if wanted in line:
                        return line
        except TimeoutError:
            pass
        raise AssertionError("\n".join([f"{wanted!r} was to come, but all that came was:", *self.lines]))

    async def hears(self, count: int = 1) -> list[str]:
        """Return the next texts that the bot says in the channel."""
        lines: list[str] = []
        while len(lines) < count:
            line = await self.reads("PRIVMSG #games :")
            lines += [line.partition(" :")[2]] if line.startswith(":Nightly!") else []
        return lines


@asynccontextmanager
async def person(server: IrcServer, nickname: str) -> AsyncIterator[Person]:
    """Let somebody into the channel."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    somebody = Person(reader, writer)
    try:
        somebody.sends(f"NICK {nickname}\r\nUSER {nickname} 0 * :{nickname}")
        await somebody.reads(" 001 ")
        somebody.sends("JOIN #games")
        await somebody.reads(" 366 ")
        yield somebody
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
