"""The JavaScript package as ``npm pack`` makes it: what is in it, and what its types say."""

import asyncio
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.bots.http_server import answering
from tests.bots.programs import running
from tests.installed import installed
from tests.node import packages
from tests.scenarios.clients import EITHER_NODE, PACKAGE, Client

RIGHT = """
import { GameNight, TokenRefused, join, type Event, type Joined } from 'gamenight';
import { FileCursors } from 'gamenight/node';

const cursors = new FileCursors('c.json');
const client = new GameNight('http://localhost:5000', { token: async () => 'x', cursors });
client.on('vote.received', ({ data }) => data.totals.score.toFixed());
client.on('state', (state) => state === 'catching_up');
const off: () => void = client.on('error', (problem) => problem.code.trim());
function said(event: Event): string {
  switch (event.type) {
    case 'game.added': return event.data.game.title;
    case 'snapshot': return event.data.session.games.map((game) => game.totals.score).join();
    case 'gap': return String(event.data.session?.id);
    default: return event.cursor;
  }
}
for await (const event of client.events()) said(event);
const night = await client.startNight('notes');
const vote = await client.vote(night.id, { username: 'ana', type: 'up' });
export const score: number | undefined = vote.totals?.score;
const invite = await client.invite(night.id, { ttl_seconds: 600 });
export const joined: Joined = await join('http://localhost:5000', invite.code, 'Zoë');
export { off, TokenRefused };
"""
WRONG = {
    "event.data.game.title": "event.data.game.nope",
    "'catching_up'": "'catching-up'",
    "type: 'up'": "type: 'sideways'",
    "'vote.received'": "'vote.lost'",
    "invite.code": "invite.coed",
    "vote.totals?.score": "vote.totals.score",
    "String(event.data.session?.id)": "String(event.data.session.id)",
}


ONE_INSTALLATION = pytest.mark.parametrize("client", ["built-in"], indirect=True)


def compiled(client: Client, *programs: str) -> str:
    """Return what a strict compiler says about somebody's programs: 0.mts, 1.mts and so on."""
    names = [f"{number}.mts" for number in range(len(programs))]
    for name, program in zip(names, programs, strict=True):
        (client.folder / name).write_text(program)
    return tsc(client.folder, "--strict", "--noEmit", "--module", "nodenext", "--target", "es2022", *names)


def tsc(folder: Path, *options: str) -> str:
    """Run the compiler in a folder; return what it prints."""
    command = [installed("node"), str(packages(PACKAGE) / "typescript" / "bin" / "tsc"), *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@ONE_INSTALLATION
def test_a_strict_program_is_right(client: Client) -> None:
    assert compiled(client, RIGHT) == ""


@ONE_INSTALLATION
def test_what_there_is_not_is_refused(client: Client) -> None:
    said = compiled(client, *[RIGHT.replace(right, wrong) for right, wrong in WRONG.items()])

    assert {int(number) for number in re.findall(r"^(\d+)\.mts\(.*error TS", said, re.MULTILINE)} == {
        *range(len(WRONG))
    }


def test_the_sources_are_what_their_types_say() -> None:
    assert tsc(PACKAGE, "--noEmit", "--typeRoots", str(packages(PACKAGE) / "@types")) == ""


def test_a_tarball_has_sources_types_and_nothing_else(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}

    sources = {f"src/{path.name}" for path in (PACKAGE / "src").glob("*.js")} | {"node.js"}
    types = {f"types/{name.removesuffix('.js')}.d.ts" for name in sources}
    assert names == {"package.json", "README.md", *sources, *types}


VOTE = """
import { GameNight } from 'gamenight';
const client = new GameNight(process.argv[2], { token: 'a token' });
console.log(JSON.stringify(await client.vote(7, { username: 'ana', type: 'up' })));
"""


@EITHER_NODE
async def test_a_vote_is_sent_again_under_its_key_when_the_service_says(client: Client) -> None:
    (client.folder / "vote.mjs").write_text(VOTE)
    busy = ({"code": "too_many_requests", "detail": "Wait."}, {"Retry-After": "1"})
    async with answering((429, *busy), (503, *busy), (201, {"counted": True})) as server:
        began = asyncio.get_running_loop().time()
        command = [*client.command[:-1], client.folder / "vote.mjs", server.url]
        async with running(command, {}, client.folder) as program:
            assert await program.ends() == (0, '{"counted":true}\n')
        took = asyncio.get_running_loop().time() - began

    assert len({request.headers["idempotency-key"] for request in server.requests}) == 1
    assert len(server.requests) == 3
    assert took >= 2


UNDO = """
import { GameNight } from 'gamenight';
const client = new GameNight(process.argv[2], { token: 'a token' });
await client.removeGame(7, 2);
await client.withdrawVote(7, 'zoe & co', 2);
await client.withdrawVote(7, 'ana', 2).catch(({ code }) => console.log(code));
"""


@ONE_INSTALLATION
async def test_what_was_undone_before_its_answer_was_lost_is_done(client: Client) -> None:
    (client.folder / "undo.mjs").write_text(UNDO)
    game, vote = [(404, {"code": code, "detail": "No."}) for code in ("game_not_found", "vote_not_found")]
    async with answering((503, b""), game, b"", vote, (429, b""), vote) as server:
        command = [*client.command[:-1], client.folder / "undo.mjs", server.url]
        async with running(command, {}, client.folder) as program:
            assert await program.ends() == (0, "vote_not_found\n")

    undone = ["games/2", "games/2", *["votes/2?username=zoe%20%26%20co"] * 2, *["votes/2?username=ana"] * 2]
    starts = [f"DELETE /api/sessions/7/{path} HTTP/1.1" for path in undone]
    assert [request.start for request in server.requests] == starts


CURSORS = """
import { rmdirSync, mkdirSync } from 'node:fs';
import { FileCursors } from 'gamenight/node';
const told = ({ name, message }) => console.log(`${name}: ${message}`);
const [ours, other, homeless] = ['c.json', 'c.json', 'gone/c.json'].map((path) => new FileCursors(path));
mkdirSync('gone');
for (const store of [ours, other, homeless]) await store.load();
rmdirSync('gone');
await ours.save({ sessions: 'S:7' });
await other.save({ sessions: 'S:8' }).catch(told);
await homeless.save({ sessions: 'S:8' }).catch(told);
await ours.save({ sessions: 'S:9' });
console.log((await other.load()).sessions);
"""


@ONE_INSTALLATION
async def test_a_file_for_cursors_is_one_programs(client: Client) -> None:
    (client.folder / "cursors.mjs").write_text(CURSORS)
    async with running([*client.command[:-1], client.folder / "cursors.mjs"], {}, client.folder) as program:
        status, printed = await program.ends()

    used, homeless, kept = printed.splitlines()
    assert (status, kept) == (0, "S:9")
    assert used.startswith("NoCursors: ")
    assert used.endswith("c.json is in use by another program. Name another file for this one.")
    assert homeless.startswith("NoCursors: The cursors can't be kept in ")


MISTAKES = """
import { GameNight } from 'gamenight';
const told = ({ name, message }) => console.log(`${name}: ${message}`);
try { new GameNight(null); } catch (problem) { told(problem); }
const client = new GameNight(process.argv[2], { token: 'Bearer a-token' });
await client.request('GET', 'api/sessions').catch(told);
await client.nights().catch(told);
await client.nights().catch(told);
"""


@ONE_INSTALLATION
async def test_a_mistake_is_told_in_words(client: Client) -> None:
    (client.folder / "mistakes.mjs").write_text(MISTAKES)
    async with answering((403, {"message": "Forbidden"}), (404, b"<html>")) as server:
        command = [*client.command[:-1], client.folder / "mistakes.mjs", server.url]
        async with running(command, {}, client.folder) as program:
            status, printed = await program.ends()

    other = f"WrongAddress: No Game Night Live answers at {server.url}/api."
    assert status == 0
    assert printed.splitlines() == [
        "WrongAddress: null is no address. Give one such as http://localhost:5000.",
        'TypeError: "api/sessions" is no path of a request: it begins with a slash.',
        *[f"{other} Give the address that stands before /api."] * 2,
    ]
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer a-token"}


@pytest.mark.parametrize("client", ["ws"], indirect=True)
async def test_node_without_a_websocket_says_what_to_install(client: Client, tmp_path: Path) -> None:
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "gamenight").symlink_to(client.folder / "node_modules" / "gamenight")
    listen = tmp_path / "listen.mjs"
    listen.write_text((client.folder / "listen.mjs").read_text())
    node = [*client.command[:-1], "--preserve-symlinks", "--preserve-symlinks-main", listen]
    async with running(
        [*node, "http://127.0.0.1:1", "ws://127.0.0.1:1", "--token", "t"], {}, tmp_path
    ) as program:
        status, printed = await program.ends()

    assert status == 1
    assert '"failed":"NoWebSocket"' in printed
    assert "npm install ws" in printed
