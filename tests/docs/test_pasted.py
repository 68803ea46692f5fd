"""What a newcomer pastes from the first pages, run as it stands: only port and tokens are the test's."""

import json
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway import ROOT, Gateway


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)


def here(text: str, gateway: Gateway) -> str:
    """Return what was pasted, for a gateway on another port whose state is elsewhere."""
    text = text.replace("localhost:5000", f"localhost:{gateway.port}")
    text = text.replace("$(make -s token ROLE=admin)", gateway.token("admin"))
    return text.replace("$(make -s token)", gateway.token("bot"))


def curl_of(document: str, path: str) -> str:
    found = [
        line
        for block in blocks(document, "sh")
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("curl") and re.search(rf"{path}(\s|$)", line)
    ]
    assert found, f"{document} has no curl of {path}"
    return found[0]


def answer_to(command: str, gateway: Gateway) -> dict[str, object]:
    shell = ["bash", "-c", here(command, gateway)]
    done = subprocess.run(shell, capture_output=True, text=True, check=True, timeout=60)
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_the_bot_on_the_first_screen_hears_the_night_that_the_curl_below_it_starts(
    gateway: Gateway, tmp_path: Path
) -> None:
    [program] = [block for block in blocks("README.md", "python") if "async def bot" in block]
    bot = tmp_path / "bot.py"
    bot.write_text(here(program, gateway))
    command = [sys.executable, "-u", str(bot), gateway.token("bot")]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            heard = ""
            while not heard:  # it says nothing when it is ready; nights are started until it hears one
                session = answer_to(curl_of("README.md", "/api/sessions"), gateway)
                spoke, _, _ = select.select([running.stdout], [], [], 1.0)
                heard = running.stdout.readline() if spoke else ""
        finally:
            running.kill()

    assert re.search(r"#\d+: Friday Game Night", heard)
    assert session["notes"] == "Friday Game Night"


@pytest.mark.parametrize(
    ("document", "path", "shows"),
    [("docs/bots.md", "/api/sessions", "notes"), ("docs/bots.md", "/api/tokens", "token")],
)
def test_a_curl_line_is_answered(gateway: Gateway, document: str, path: str, shows: str) -> None:
    assert shows in answer_to(curl_of(document, path), gateway)


def test_the_specification_can_be_read_with_curl(gateway: Gateway) -> None:
    assert answer_to(curl_of("docs/specifications.md", "/api/openapi.json"), gateway)["openapi"]
