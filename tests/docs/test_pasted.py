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


def the_bot() -> str:
    [program] = [block for block in blocks("README.md", "python") if "async def bot" in block]
    return program


def answer_to(command: str, reader: Checkout) -> dict[str, object]:
    answer: dict[str, object] = json.loads(reader.typed(f"{command} 2>/dev/null").stdout)
    return answer


def test_the_bot_on_the_first_screen_hears_the_night_that_the_curl_below_it_starts(reader: Checkout) -> None:
    (reader.folder / "bot.py").write_text(reader.here(the_bot()))

    with reader.terminal(line_of("README.md", "python bot.py")) as bot:
        bot.shows("Authenticated")
        session = answer_to(line_of("README.md", "curl"), reader)
        bot.shows(f"Game Night #{session['id']} has started!")

    assert session["notes"] == "Friday Game Night"


def test_the_bot_on_the_first_screen_has_ten_lines_and_says_why_it_is_not_let_in(reader: Checkout) -> None:
    (reader.folder / "bot.py").write_text(reader.here(the_bot()))

    refused = reader.typed("python bot.py nonsense").stdout

    assert len([line for line in the_bot().splitlines() if line]) <= 10
    assert "token" in refused
    assert len(refused.splitlines()) == 1


def test_the_specification_can_be_read_with_curl(reader: Checkout) -> None:
    assert answer_to(line_of("docs/specifications.md", "curl"), reader)["openapi"]
