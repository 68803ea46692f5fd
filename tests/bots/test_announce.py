"""The bot on Apprise: what each service is told, once, whatever it answers."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

import pytest
from announce import EVENTS, Place, WrongPlace, announce_everywhere
from apprise import NotifyBase
from apprise.plugins.discord import NotifyDiscord
from gamenight import SessionStarted

from tests.bots.bot import FakeTime, Hurried
from tests.bots.http_server import Answer, HttpServer, answering
from tests.bots.irc_server import UNPACKED
from tests.bots.listening import PATIENCE_SECONDS
from tests.bots.programs import python, running
from tests.clients import Host, Target
from tests.installed import installed

# Apprise asks for a module that Python 3.13 has no more, and does without.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

AT = "2025-11-01T20:00:00.123Z"
STARTED = SessionStarted(AT, {"session": {"id": 17, "is_active": 1, "created_at": AT, "notes": None}})


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Apprise leaves some seconds between the messages to one service."""
    monkeypatch.setattr(NotifyBase, "request_rate_per_sec", 0)


def ntfy(server: HttpServer, topic: str = "our-night") -> str:
    return f"ntfy://127.0.0.1:{server.port}/{topic}"


def texts(server: HttpServer) -> list[str]:
    """Return what a server of ntfy was asked to show, taken or not."""
    return [request.body["message"] for request in server.requests]


@asynccontextmanager
async def discord(monkeypatch: pytest.MonkeyPatch, *answers: Answer) -> AsyncIterator[HttpServer]:
    async with answering(*answers) as server:
        monkeypatch.setattr(NotifyDiscord, "notify_url", f"{server.url}/api/webhooks")
        yield server


class Mailbox:
    """What Debian's SMTP server got, a file a mail. While there is a file ``busy`` it refuses one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.busy = folder / "busy"
        self._taken: set[Path] = set()

    async def takes(self) -> Message:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (new := sorted({*self.folder.glob("*.mail")} - self._taken)):  # noqa: ASYNC110 - a program writes them
                await asyncio.sleep(0.02)
        self._taken.add(new[0])
        return BytesParser().parsebytes(new[0].read_bytes())


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[tuple[Mailbox, int]]:
    program = installed("msmtpd", path=os.pathsep.join([str(UNPACKED / "usr/bin"), os.environ["PATH"]]))
    mailbox = Mailbox(tmp_path / "mails")
    mailbox.folder.mkdir()
    keep = tmp_path / "keep"
    # 75 is EX_TEMPFAIL, which the server tells as 451.
    keep.write_text(
        f'#!/bin/sh\ncd "{mailbox.folder}"\nrm busy 2> /dev/null && exit 75\n'
        'cat > "$$" && mv "$$" "$(date +%s%N).mail"\n'
    )
    keep.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [program, f"--port={port}", f"--command={keep}"]
    async with running(command, {}, tmp_path):
        yield mailbox, port


def content(mail: Message) -> str:
    """Return the plain text of a mail."""
    [part] = [part for part in mail.walk() if part.get_content_type() == "text/plain"]
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n").strip()


async def from_now_on(host: Host, *places: Place) -> None:
    """Let places hear of whatever happens after this, however late they connect."""
    cursor = (await host.read("/api/sessions?since=now"))["cursor"]
    for place in places:
        place.position.save({"sessions": cursor})


async def test_a_night_is_announced_at_several_places_at_once(
    target: Target,
    host: Host,
    tmp_path: Path,
    mailbox: tuple[Mailbox, int],
) -> None:
    mails, port = mailbox
    mails.busy.touch()
    mail = f"mailto://127.0.0.1:{port}?to=club@example.org&from=night@example.org"
    async with answering((503, b""), None) as phone:
        places = [Place(url, tmp_path, Hurried()) for url in (ntfy(phone), mail)]
        await from_now_on(host, *places)
        announcing = asyncio.create_task(
            announce_everywhere(target.rest_url, target.token("bot"), places, EVENTS)
        )
        night = (await host.start("Friday"))["id"]
        await host.add_game(night, "Quiplash 3")
        await host.vote(night, "alice")
        await host.close(night)
        shown = [(await phone.takes()) for _ in range(3)]
        sent = [await mails.takes() for _ in range(3)]
        announcing.cancel()
        await asyncio.gather(announcing, return_exceptions=True)

    assert [(each.get("title"), each["message"]) for each in shown] == [
        (f"🎮 Game Night has started! Session #{night}", "📝 Friday"),
        (None, "🎲 New game: Quiplash 3"),
        (f"🌙 Session {night} ended!", "📊 Games played: 1\n1. Quiplash 3: +1 (1 up, 0 down)"),
    ]
    assert [content(mail) for mail in sent] == [each["message"] for each in shown]
    assert all(mail["Subject"] for mail in sent)


async def test_what_a_service_did_not_take_is_announced_after_a_restart(
    target: Target, host: Host, tmp_path: Path
) -> None:
    answer: list[Answer] = [(404, b"")]
    async with answering(otherwise=lambda _: answer[0]) as phone:
        command = python("announce.py", target.rest_url, "--to", ntfy(phone), "--only", "session.ended")
        environment = {"GAMENIGHT_TOKEN": target.token("bot")}
        (tmp_path / "announced").mkdir()
        await from_now_on(host, Place(ntfy(phone), tmp_path / "announced", Hurried()))
        async with running(command, environment, tmp_path) as program:
            night = (await host.start())["id"]
            await host.close(night)
            await program.prints("takes nothing now")
        answer[0] = (200, {})

        async with running(command, environment, tmp_path):
            assert (await phone.takes())["title"] == f"🌙 Session {night} ended!"


@pytest.mark.parametrize("answer", [(500, b""), (429, b""), (404, b""), (403, b""), (301, b""), None])
async def test_a_message_waits_until_it_is_taken(tmp_path: Path, answer: Answer) -> None:
    time = FakeTime(0.5)
    async with answering(*[answer] * 6) as phone:
        place = Place(ntfy(phone), tmp_path, time)
        saying = asyncio.create_task(place.announce(STARTED, ["hello"]))
        await time.passes(0.5, 1, 2, 4, 8, 16)
        await saying

    assert texts(phone) == ["hello"] * 7


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    async with answering() as elsewhere, answering((301, b"", {"Location": elsewhere.url})) as phone:
        await Place(ntfy(phone), tmp_path, Hurried()).announce(STARTED, ["hello"])

    assert (len(phone.requests), elsewhere.requests) == (2, [])


async def test_a_message_that_is_never_taken_holds_up_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with answering(*[(400, b"")] * 5) as phone:
        place = Place(ntfy(phone), tmp_path, Hurried())
        await place.announce(STARTED, ["odd"])
        await place.announce(STARTED, ["fine"])

    assert texts(phone) == ["odd"] * 5
    assert "passed over" in caplog.text


async def test_what_takes_several_messages_is_gone_on_with(tmp_path: Path) -> None:
    lines = [f"{nth}. {'x' * 90}" for nth in range(1, 161)]
    time = FakeTime(0.5)
    async with answering((200, {}), (503, b"")) as phone:
        saying = asyncio.create_task(Place(ntfy(phone), tmp_path, time).announce(STARTED, lines))
        await time.waits_for(0.5)
        saying.cancel()
        await asyncio.gather(saying, return_exceptions=True)
        again = Place(ntfy(phone), tmp_path, time)
        again.position.load()
        await again.announce(STARTED, lines)
        taken = [await phone.takes(), await phone.takes()]

    said = [line for each in taken for line in f"{each.get('title', '')}\n{each['message']}".splitlines()]
    assert [line for line in said if line] == lines


def shown(server: HttpServer) -> list[str]:
    return [request.body["content"] for request in server.requests]


async def test_discord_shows_what_people_typed_and_mentions_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = r"**Bold** _it_ ||spoiler|| `code` [a](b) <@1> @everyone \o/"
    async with discord(monkeypatch) as server:
        await Place("discord://123/s3cret", tmp_path, Hurried()).announce(STARTED, [typed])

    escaped = r"\*\*Bold\*\* \_it\_ \|\|spoiler\|\| \`code\` \[a\](b) \<@1\> @everyone \\o/"
    assert shown(server) == [escaped.replace("@", "@\u200b")]


async def test_forty_games_are_several_messages_at_discord(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"{number}. {'x' * 90}: +1 (1 up, 0 down)" for number in range(1, 41)]
    async with discord(monkeypatch) as server:
        await Place("discord://123/s3cret", tmp_path, Hurried()).announce(STARTED, [*lines, "x" * 3000])

    contents = shown(server)
    assert [line for content in contents for line in content.splitlines()][:40] == lines
    assert max(map(len, contents)) <= 2000
    assert contents[-1].endswith("…")


@pytest.mark.parametrize(
    "url", ["https://discord.com/api/webhooks/123/s3cret?thread_id=5", "discord://123/s3cret?thread=5"]
)
async def test_a_thread_of_discord_is_announced_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    async with discord(monkeypatch) as server:
        await Place(url, tmp_path, Hurried()).announce(STARTED, ["hello"])

    assert server.requests[0].start.startswith("POST /api/webhooks/123/s3cret?thread_id=5 ")


async def test_no_secret_is_in_what_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with discord(monkeypatch, *[(404, b'{"code": 10015}')] * 2) as server:
        place = Place("discord://123/s3cret", tmp_path, Hurried())
        await place.announce(STARTED, ["hello"])

    assert len(server.requests) == 3
    assert "error=404" in caplog.text
    assert "s3cret" not in caplog.text + place.name


@pytest.mark.parametrize("url", ["", "nonsense://s3cret", "discord.com/api/webhooks/123/s3cret"])
async def test_an_address_that_is_none_is_told_without_its_secret(tmp_path: Path, url: str) -> None:
    with pytest.raises(WrongPlace, match="Apprise does not understand") as wrong:
        Place(url, tmp_path, FakeTime())

    assert "s3cret" not in str(wrong.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Name where to announce"),
        (["--to", "nonsense://s3cret"], "begins with nonsense://"),
        (["--to", "ntfy://x", "--only", "game.over"], "invalid choice"),
        (["--to", "ntfy://x", "--cursors", "/dev/null/x"], "Not a directory"),
    ],
)
async def test_a_wrong_command_says_what_to_do(tmp_path: Path, options: list[str], said: str) -> None:
    command = python("announce.py", "http://localhost:5000", *options)
    async with running(command, {"GAMENIGHT_TOKEN": "x", "ANNOUNCE_TO": ""}, tmp_path) as program:
        status, printed = await program.ends()

    assert status != 0
    assert said in printed
    assert "Traceback" not in printed
    assert "s3cret" not in printed
