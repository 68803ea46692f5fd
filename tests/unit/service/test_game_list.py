"""Lists of games as spreadsheets write them, read by the command and by the page alike."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from infra.cli.service.game_list import games_in, read_list
from tests.gateway import ROOT
from tests.installed import installed

READ = f"""import {{ listOf }} from {json.dumps((ROOT / "chalicelib/page/list.js").as_uri())};
const {{ games, problems, notes }} = listOf(process.argv[1]);
const withoutNull = (game) => Object.fromEntries(Object.entries(game).filter(([, value]) => value !== null));
console.log(JSON.stringify([games.map(withoutNull), problems, notes]));"""

Read = tuple[list[dict[str, Any]], list[str], list[str]]
Reader = Callable[[str], Read]


def by_the_page(text: str) -> Read:
    command = [installed("node"), "--input-type=module", "-e", READ, "--", text]
    games, problems, notes = json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
    )
    return games, problems, notes


@pytest.fixture(params=[games_in, by_the_page])
def read(request: pytest.FixtureRequest) -> Reader:
    reader: Reader = request.param
    return reader


QUIPLASH = {"title": "Quiplash", "pack_name": "Pack 2", "min_players": 3, "max_players": 8}


@pytest.mark.parametrize(
    "text",
    [
        "title,pack_name,min_players,max_players\nQuiplash,Pack 2,3,8\n",
        "\ufeffTitle;Pack;Min players;Max players\r\nQuiplash;Pack 2;3;8\r\n",
        "max\tpack\ttitle\tmin\r8\tPack 2\tQuiplash\t3",
        '"Pack Name","GAME","Comment","Min. Players","Max. Players"\n"Pack 2","Quiplash","a,\n""b""",3,8',
        "title,pack,min,max,\n\nQuiplash , Pack 2, 3 ,8,\n,,,",
    ],
)
def test_a_list_is_read_however_it_is_written(read: Reader, text: str) -> None:
    games, problems, _ = read(text)

    assert (games, problems) == ([QUIPLASH], [])


def test_columns_that_are_not_known_are_named(read: Reader) -> None:
    assert read("title,players,pack\na,3,b")[2] == ["The column players is not known and is passed over."]
    assert read("Name,My rank,,Ü\na,3,,")[2] == ["The columns My rank, Ü are not known and are passed over."]
    assert read("title,game,min\na,,3")[2] == []


def test_a_command_says_what_it_passes_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path := tmp_path / "games.csv").write_text("title,players\na,3")

    assert read_list(path) == [{"title": "a"}]
    assert capsys.readouterr().err == "The column players is not known and is passed over.\n"


def test_a_title_may_have_anything_in_it(read: Reader) -> None:
    text = 'title;pack\n"Sorry; ""I\'m"" late";\n5" disks;é\n"Two\r\nlines"\nlast;'

    games, problems, _ = read(text)

    assert [game["title"] for game in games] == ['Sorry; "I\'m" late', '5" disks', "Two\r\nlines", "last"]
    assert (games[1]["pack_name"], problems) == ("é", [])


def test_every_wrong_line_is_told_with_its_number(read: Reader) -> None:
    lines = ["title,pack,min,max", '"a\nb",,1,1', ",Pack,,", "x" * 201, f"a,{'x' * 201}", "a,,four", "a,,,0"]
    text = "\n".join([*lines, "a,,,1001", "a,,3.5", "a,,5,4", "a,b,1,2,c"])

    games, problems, _ = read(text)

    assert [game["title"] for game in games] == ["a\nb"]
    assert [problem[: problem.index(".")] for problem in problems] == [
        "Line 4: there is no title",
        "Line 5: title has 201 characters",
        "Line 6: pack_name has 201 characters",
        "Line 7: min_players is “four”",
        "Line 8: max_players is “0”",
        "Line 9: max_players is “1001”",
        "Line 10: min_players is “3",
        "Line 11: min_players is more than max_players",
        "Line 12: it has more cells than the first line",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Line 1: no column is called title."),
        ("Quiplash,Pack 2,3,8", "Line 1: no column is called title."),
        ('title\na\n"b\nc', "Line 3: a quote mark is not closed"),
        ('title\n"a" b', "Line 2: a quote mark is not closed, or a text goes on after it"),
    ],
)
def test_a_file_that_is_no_list_says_why(read: Reader, text: str, says: str) -> None:
    games, [problem], _ = read(text)

    assert games == []
    assert problem.startswith(says)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("title\nCafé".encode("cp1252"), "Save it as “CSV UTF-8”"),
        (b"title,min\na,x\n" + b"b,y\n" * 30, "Line 2: min_players"),
        (b"title,min\n" + b"b,y\n" * 30, "And 10 more."),
        (b"title,min\n\n", "has no games"),
    ],
)
def test_a_wrong_file_says_what_to_do(tmp_path: Path, content: bytes, says: str) -> None:
    (path := tmp_path / "games.csv").write_bytes(content)

    with pytest.raises(click.ClickException, match=says):
        read_list(path)


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match="can't be read: No such file"):
        read_list(tmp_path / "games.csv")
