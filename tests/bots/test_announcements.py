"""What a chat is told: texts that people typed, on one line and otherwise as they are."""

import unicodedata

import pytest
from announcements import announcement, on_one_line
from gamenight import GameNight
from gamenight.events import read

from tests.bots.server import undone

WHOLE = {
    "a family": "Family Feud 👨\u200d👩\u200d👧",
    "a flag of Scotland": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "Persian": "می\u200cروم",
    "an emoji that Python does not know": "\U0001fadf",
    "a heart in red": "❤\ufe0f",
    "a character of private use": "\ue000",
    "Devanagari": "क्\u200dष",
    "a space that does not break": "Qui est-ce\u00a0?",
}
BLANKED = [
    chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in {"Cc", "Zl", "Zp", "Cs"}
]
BIDI_CONTROL = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_no_control_stays_as_it_is(name: str) -> None:
    assert on_one_line(WHOLE[name]) == WHOLE[name]


def test_controls_and_ends_of_lines_are_blanked() -> None:
    for mark in [*BLANKED, *BIDI_CONTROL]:
        assert on_one_line(f"a{mark}b") == "a b"
    assert on_one_line("\r\n a \t\u2028 b \x00") == "a b"


async def test_a_removed_game_is_announced_and_a_withdrawn_vote_is_not() -> None:
    night = GameNight("http://localhost:5000", "a-token")
    removed, withdrawn = (read(undone(kind, 1, "a:2")) for kind in ("game.removed", "vote.withdrawn"))
    assert removed is not None
    assert withdrawn is not None

    assert await announcement(removed, night) == ["🗑️ Removed: Game 1"]
    assert await announcement(withdrawn, night) == []
