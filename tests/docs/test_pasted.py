"""What a newcomer pastes from the first pages, run as it stands: only the port is the test's."""

import json
import re

from tests.docs.checkout import Checkout
from tests.gateway import ROOT


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)


def line_of(document: str, start: str) -> str:
    found = [
        line
        for block in blocks(document, "sh")
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith(start)
    ]
    assert found, f"{document} has no line that begins with {start}"
    return found[0]


def answer_to(command: str, reader: Checkout) -> dict[str, object]:
    answer: dict[str, object] = json.loads(reader.typed(f"{command} 2>/dev/null").stdout)
    return answer


def test_the_bot_on_the_first_screen_hears_the_night_that_the_curl_below_it_starts(reader: Checkout) -> None:
    [program] = [block for block in blocks("README.md", "python") if "async def bot" in block]
    (reader.folder / "bot.py").write_text(reader.here(program))

    with reader.terminal(line_of("README.md", "python bot.py")) as bot:
        session: dict[str, object] = {}
        while (
            not bot.log.read_text()
        ):  # it says nothing when it is ready; nights are started until it hears one
            session = answer_to(line_of("README.md", "curl"), reader)
        heard = bot.shows("Game Night has started!")

    assert re.search(r"#\d+: Friday Game Night", heard)
    assert session["notes"] == "Friday Game Night"


def test_the_specification_can_be_read_with_curl(reader: Checkout) -> None:
    assert answer_to(line_of("docs/specifications.md", "curl"), reader)["openapi"]
