"""The package as others have it: installed into an empty environment, with its types and its README."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.bots.programs import running
from tests.clients import Host, Target
from tests.gateway import ROOT
from tests.installed import installed

PACKAGE = ROOT / "clients/python"
BLOCKS = [
    block
    for page in (PACKAGE / "README.md", ROOT / "docs/bots.md")
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
]
ASYNC_BOT, SYNC_BOT, *_ = BLOCKS

RIGHT = """
from gamenight import Event, GameNight, Session, sync


def title(event: Event) -> str | None:
    if event.type == "game.added":
        return event.data["game"]["title"]
    if event.type == "vote.received":
        score: int = event.data["totals"]["score"]
        return f"{event.data['vote']['username']}: {score}"
    return None


async def ask(client: GameNight) -> list[Session]:
    night = await client.night(17)
    print([game["totals"]["score"] for game in night["games"]], client.state == "live")
    return await client.nights(newest=3)


def wait(client: sync.GameNight) -> int:
    return client.start_night("Friday")["id"]
"""
WRONG = {
    "a key that the event has not": ('["game"]["title"]', '["game"]["tilte"]', '"Game" has no key "tilte"'),
    "a key of another event": ('"game.added"', '"session.started"', '"SessionStartedData" has no key "game"'),
    "a type that there is not": ('"game.added"', '"game.aded"', "Non-overlapping equality check"),
    "a key of an answer": ('night["games"]', 'night["game"]', '"SessionWithGames" has no key "game"'),
    "a call without asyncio": ('start_night("Friday")["id"]', 'start_night(5)["id"]', "incompatible type"),
}


def uv(*arguments: str | Path) -> None:
    """Run uv: with what is on this machine, or else with a network."""
    path = os.pathsep.join([str(ROOT / ".venv-uv/bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    for offline in (["--offline"], []):
        command = [installed("uv", path=path), *offline, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
    raise AssertionError(done.stderr)


@pytest.fixture(scope="module", params=["the folder", "the wheel"])
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment that has nothing but the package and websockets."""
    folder = tmp_path_factory.mktemp("empty")
    python = folder / "env/bin/python"
    uv("venv", "--python", sys.executable, folder / "env")
    source = PACKAGE
    if request.param == "the wheel":
        uv("build", "--wheel", "--out-dir", folder, PACKAGE)
        [source] = folder.glob("gamenight-*-py3-none-any.whl")
    uv("pip", "install", "--python", python, "--no-deps", source)
    websockets = find_spec("websockets")
    assert websockets is not None
    assert websockets.origin is not None
    there = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
    )
    shutil.copytree(Path(websockets.origin).parent, Path(there.strip()) / "websockets")
    return python


def checked(python: Path, folder: Path, program: str) -> str:
    """Return what mypy says about a user's program."""
    file = folder / f"program_{abs(hash(program))}.py"  # mypy's cache goes by name and size
    file.write_text(program)
    mypy = installed("mypy", path=str(Path(sys.executable).parent))
    command: list[str | Path] = [mypy, "--strict", "--python-executable", python, file]
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    ).stdout


@pytest.mark.slow
def test_a_users_program_is_checked(python: Path, tmp_path: Path) -> None:
    assert "Success" in checked(python, tmp_path, RIGHT)
    for right, wrong, said in WRONG.values():
        assert right in RIGHT
        assert said in checked(python, tmp_path, RIGHT.replace(right, wrong))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_what_the_documents_show_is_well_typed(python: Path, tmp_path: Path, number: int) -> None:
    assert "Success" in checked(python, tmp_path, BLOCKS[number])


@pytest.mark.slow
@pytest.mark.parametrize("bot", [ASYNC_BOT, SYNC_BOT], ids=["asyncio", "sync"])
async def test_the_bots_of_the_readme_hear_what_they_missed(
    python: Path, tmp_path: Path, target: Target, host: Host, bot: str
) -> None:
    (tmp_path / "bot.py").write_text(bot.replace("http://localhost:5000", target.rest_url))
    (tmp_path / "my-bot.json").write_text('{"sessions": ""}')  # as if it had been there from the beginning
    night = (await host.start("Friday"))["id"]
    await host.add_game(night, "Quiplash 3")
    environment = {"GAMENIGHT_TOKEN": target.token("bot"), "PYTHONPATH": ""}
    async with running([python, "bot.py"], environment, tmp_path) as program:
        says = "New game: Quiplash 3" if bot is ASYNC_BOT else f"Night {night} has started: Friday"
        await program.prints(says)
    await host.close(night)
