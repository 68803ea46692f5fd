"""Real IRC servers on 127.0.0.1, from Debian, and a person there.

Their time runs fifty times as fast, by libfaketime. So their own limits hold, and nobody waits for them.
"""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from socket import SO_REUSEADDR, SOL_SOCKET, socket

from tests.bots.listening import PATIENCE_SECONDS
from tests.gateway import ROOT
from tests.installed import installed

SPEED = 50

UNPACKED = ROOT / ".local" / "servers"
"""Where ``.ci/run`` unpacks them: Debian has only one of them installed at a time, and starts it."""

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - libfaketime's, not ours

AS_SOMEBODY = ("proot", "-i", "1000:1000")
"""These two refuse to be root's, and have the paths of their files compiled in."""


@dataclass(frozen=True, slots=True)
class Ircd:
    """How a server is started, and what it allows. ``strict``: who says too much at once is thrown out."""

    command: tuple[str, ...]
    configuration: str
    channel: str = "#games"
    nickname_characters: int = 9
    strict: bool = True


IRCDS = {
    "ngircd": Ircd(
        ("{program}", "--nodaemon", "--config", "{folder}/ircd.conf"),
        """\
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
PingTimeout = 9000
[Options]
DNS = no
Ident = no
PAM = no
""",
        strict=False,
    ),
    "ircd-hybrid": Ircd(
        (
            *AS_SOMEBODY,
            *("-b", "{usr}/lib/ircd-hybrid:/usr/lib/ircd-hybrid", "-b", "{folder}:/var/lib/ircd-hybrid"),
            *("{program}", "-foreground", "-configfile", "{folder}/ircd.conf"),
            *("-pidfile", "{folder}/pid", "-logfile", "{folder}/log"),
        ),
        """\
serverinfo {{
  name = "irc.example.test"; sid = "0AA"; description = "An IRC server for tests"; network_name = "Tests";
  max_nick_length = 9; default_max_clients = 100;
}};
class {{
  name = "users"; ping_time = 2 hours; max_number = 100; sendq = 100 kbytes;
  number_per_ip_local = 100; number_per_ip_global = 100;
}};
listen {{ host = "127.0.0.1"; port = {port}; }};
auth {{ user = "*@*"; class = "users"; flags = exceed_limit; }};
general {{ disable_auth = yes; throttle_count = 1000; default_floodcount = 100; }};
""",
    ),
    "ircd": Ircd(
        (
            *AS_SOMEBODY,
            *("-b", "{folder}:/etc/ircd", "-b", "{folder}:/var/run/ircd", "-b", "{folder}:/var/log/ircd"),
            *("{program}", "-s", "-t"),
        ),
        """\
M%irc.example.test%%An IRC server for tests%0%000A
A%Tests%Tests%Tests%%Tests
Y%1%9000%%100%512000%100.100%100.100
I%*%%%0%1
P%127.0.0.1%%%{port}%
""",
        channel="&games",  # a server without a network makes nobody operator of another one
        nickname_characters=15,
    ),
    "inspircd": Ircd(
        ("{program}", "--nofork", "--nopid", "--runasroot", "--config", "{folder}/ircd.conf"),
        """\
<server name="irc.example.test" description="An IRC server for tests" network="Tests" id="0AA">
<admin name="Tests" nick="tests" email="tests@example.test">
<bind address="127.0.0.1" port="{port}" type="clients">
<connect allow="*" localmax="100" globalmax="100" maxconnwarn="no" fakelag="no" threshold="10"
         resolvehostnames="no" pingfreq="9000">
<limits maxnick="9">
<path moduledir="{usr}/lib/inspircd/modules" configdir="{folder}" datadir="{folder}" logdir="{folder}">
<module name="sapart">
<class name="all" commands="*">
<type name="all" classes="all">
<oper name="tests" password="secret" host="*@*" type="all">
""",
    ),
}
"""By the name of the program; ``ircd`` is of ircd-irc2."""


@dataclass
class IrcServer:
    """It can be ended and started again, on the same port."""

    kind: Ircd
    command: list[str]
    folder: Path
    port: int
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        _forget_killed()
        with (self.folder / "ircd.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                cwd=self.folder,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                env={
                    **os.environ,
                    "LD_PRELOAD": "/usr/$LIB/faketime/libfaketime.so.1",
                    "FAKETIME": f"+0 x{SPEED}",
                },
            )
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self._is_up():
                assert self.process.returncode is None, (self.folder / "ircd.log").read_text()
                await asyncio.sleep(0.02)  # another process can only be asked again

    async def _is_up(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except ConnectionError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    async def end(self) -> None:
        """End it as a crash would."""
        if self.process is not None and self.process.returncode is None:
            self.gets(signal.SIGKILL)
            await self.process.wait()

    def gets(self, sent: signal.Signals) -> None:
        """Send it a signal. A proot that it runs under ends when it has ended."""
        assert self.process is not None
        for process in _children(self.process.pid) or [self.process.pid]:
            os.kill(process, sent)


def _forget_killed() -> None:
    """Remove what libfaketime left of processes that were killed: it fails for a new one of that number."""
    for left in SHARED_MEMORY.glob("*faketime_s*"):
        if not Path("/proc", left.name.rpartition("_")[2]).exists():
            left.unlink(missing_ok=True)


def _children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@asynccontextmanager
async def irc_server(folder: Path, name: str = "ngircd") -> AsyncIterator[IrcServer]:
    """Run an IRC server, or skip what needs one where there is none, but not in CI."""
    program = installed(name, path=f"{UNPACKED}/usr/sbin:{os.environ.get('PATH', '')}:/usr/sbin")
    kind = IRCDS[name]
    installed("faketime")
    if kind.command[0] == "proot":
        installed("proot")
    with closing(socket()) as reserved:  # its port is nobody else's: it is bound, but does not listen
        reserved.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        known = {"program": program, "usr": Path(program).parents[1], "folder": folder, "port": port}
        (folder / "ircd.conf").write_text(
            kind.configuration.format(**known, uid=os.getuid(), gid=os.getgid())
        )
        (folder / "ircd.m4").touch()  # what ircd-irc2 puts before its configuration
        server = IrcServer(kind, [part.format(**known) for part in kind.command], folder, port)
        try:
            await server.start()
            yield server
        finally:
            await server.end()


@dataclass
class Person:
    """Somebody in a channel, with the plainest client there can be."""

    channel: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    lines: list[str] = field(default_factory=list)

    def sends(self, line: str) -> None:
        self.writer.write(f"{line}\r\n".encode())

    def says(self, text: str) -> None:
        self.sends(f"PRIVMSG {self.channel} :{text}")

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
            line = await self.reads(f"PRIVMSG {self.channel} :")
            lines += [line.partition(" :")[2]] if line.startswith(":Nightly!") else []
        return lines


@asynccontextmanager
async def person(server: IrcServer, nickname: str) -> AsyncIterator[Person]:
    """Let somebody into the channel."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    somebody = Person(server.kind.channel, reader, writer)
    try:
        somebody.sends(f"NICK {nickname}\r\nUSER {nickname} 0 * :{nickname}")
        await somebody.reads(" 001 ")
        somebody.sends(f"JOIN {somebody.channel}")
        await somebody.reads(" 366 ")
        yield somebody
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
