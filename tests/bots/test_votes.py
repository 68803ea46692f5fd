"""What counts as a vote of what people say in a channel, as they and their phones type it."""

# ruff: noqa: RUF001 - what looks like another character is what is tested

import pytest
from irc_bot import vote_in

UP = [
    *["thisgame++", "THISGAME++ !", "I say Thisgame++ and so on", "thisgame++!", "thisgame++, and now?"],
    *[
        "(thisgame++)",
        '"thisgame++"',
        "*thisgame++*",
        "__thisgame++__",
        "thisgame++:)",
        "thisgame+++",
        "¡thisgame++!",
    ],
    *[
        "\x02thisgame++\x02",
        "\x02thisgame\x02++",
        "\x1dthisgame++\x0f",
        "\x1fthis\x1fgame++",
        "this\x1egame+\x1e+",
    ],
    *[
        "\x0304thisgame++",
        "\x034,12thisgame++\x03",
        "\x0304thisgame\x03++",
        "\x04ff0000thisgame++",
        "\x0312this\x03game++",
    ],
    *[
        "thisgame++\u200b",
        "\ufeffthisgame++",
        "thisgame\u2060++",
        "thisgame+\ufe0f+\ufe0f",
        "hi\u200bthisgame++",
    ],
    *[
        "thisgame++\u3164",
        "thisgame++\u2800",
        "\u00a0thisgame++\u00a0",
        "thisgame++\u00ad",
        "this\u200dgame++",
    ],
    *["ｔｈｉｓｇａｍｅ＋＋", "thisgame＋＋", "thisgame++ thisgame++", "\tthisgame++\t"],
]
DOWN = [
    *[
        "thisgame--",
        "thisgame—",
        "thisgame–",
        "thisgame―",
        "thisgame−−",
        "thisgame‐‐",
        "thisgame‑‑",
        "thisgame－－",
    ],
    *[
        "thisgame—!",
        "well, thisgame—…",
        "“thisgame—”",
        "thisgame–-",
        "thisgame---",
        "thisgame——",
        "\x02thisgame—\x02",
    ],
    *[
        "thisgame--.",
        "thisgame—\u200b",
        "\x0304thisgame–\x03",
        "thisgame-\u200b-",
        "thisgame﹣﹣",
        "thisgame⸺",
    ],
]
NONE = [
    *[
        "",
        "thisgame",
        "thisgame+",
        "thisgame-",
        "thisgame ++",
        "thatgame++",
        "athisgame++",
        "thisgame++x",
        "thisgames++",
    ],
    *[
        "Vote with thisgame++ or thisgame-- during games!",
        "🗳️ Vote with thisgame++ or thisgame— during games!",
    ],
    *[
        "<GameNight> 🗳️ Vote with \x02thisgame++\x02 or \x02thisgame--\x02 during games!",
        "thisgame-- no, thisgame++",
    ],
    *[
        "thisgame++/thisgame--",
        "thisgame++/--",
        "thisgame+-",
        "thisgame++--",
        "thisgame-it",
        "thisgame—it is over",
    ],
]


@pytest.mark.parametrize("text", UP)
def test_this_is_a_vote_for(text: str) -> None:
    assert vote_in(text) == "up"


@pytest.mark.parametrize("text", DOWN)
def test_this_is_a_vote_against(text: str) -> None:
    assert vote_in(text) == "down"


@pytest.mark.parametrize("text", NONE)
def test_this_is_no_vote(text: str) -> None:
    assert vote_in(text) is None
