"""A real IRC server on 127.0.0.1 (ngircd, from Debian), and a person on it."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_connection, create_server

from tests.bots.listening import PATIENCE_SECONDS
from tests.installed import installed

CONFIGURATION = """\
[Global]
Name = irc.example.test
Info = An IRC server for tests
Listen = 127.0.0.1
Ports = {port}
ServerUID = {uid}
ServerGID = {gid}

[Limits]
MaxConnectionsIP = 0
MaxJoins = 0

[Options]
DNS = no
Ident = no
PAM = no
SyslogFacility = local1
"""


@dataclass
class Ircd:
    """An IRC server that can be ended and started again on its port."""

    folder: Path
    port: int
    program: str
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with (self.folder / "ircd.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                self.program,
                "--nodaemon",
                "--config",
                self.folder / "ngircd.conf",
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
            )
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._answers():
                assert self.process.returncode is None, (self.folder / "ircd.log").read_text()
                await asyncio.sleep(0.02)  # a port that another process opens can only be tried again

    async def end(self) -> None:
        """End it as a crash would."""
        if self.process is not None:
            self.process.kill()
            await self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        try:
            create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


@asynccontextmanager
async def ircd(folder: Path) -> AsyncIterator[Ircd]:
    """Run an IRC server, or skip what needs one where there is none, but not in CI."""
    program = installed("ngircd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    with closing(create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    text = CONFIGURATION.format(port=port, uid=os.getuid(), gid=os.getgid())
    (folder / "ngircd.conf").write_text(text)
    server = Ircd(folder, port, program)
    await server.start()
    try:
        yield server
    finally:
        await server.end()


@dataclass
class Person:
    """Somebody in a channel, with the plainest client there can be."""

    nickname: str
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

    async def hears(self, count: int = 1, speaker: str = "Nightly") -> list[str]:
        """Return the next texts that somebody says in the channel."""
        said = f":{speaker}!"
        lines: list[str] = []
        while len(lines) < count:
            line = await self.reads("PRIVMSG #games :")
            lines += [line.partition(" :")[2]] if line.startswith(said) else []
        return lines


@asynccontextmanager
async def person(server: Ircd, nickname: str) -> AsyncIterator[Person]:
    """Let somebody into the channel."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    somebody = Person(nickname, reader, writer)
    try:
        somebody.sends(f"NICK {nickname}")
        somebody.sends(f"USER {nickname} 0 * :{nickname}")
        await somebody.reads(" 001 ")
        somebody.sends("JOIN #games")
        await somebody.reads(" 366 ")
        yield somebody
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
