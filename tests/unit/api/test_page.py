"""The page as it is served; that a target serves it: conformance."""

import re
from pathlib import PurePosixPath

import pytest

from chalicelib.page import served

LATER = {"icon-maskable.svg", "uqr.js", "uqr-license.txt"}
"""What is loaded where it is needed, and what is there to be read."""

URL = "wss://ws.execute-api.us-east-1.amazonaws.com/dev"


def test_the_page_names_every_file_below_its_stage() -> None:
    page = served.page("/dev", URL, {}).body

    named = re.findall(r'(?:src|href)="(/[^"]+)"', page)
    assert sorted(named) == sorted(f"/dev/page/{served.edition()}/{name}" for name in served.files() - LATER)
    assert f'data-websocket="{URL}"' in page


def test_every_file_that_another_imports_is_there() -> None:
    for name in served.files():
        imported = re.findall(r"(?:from |await import\()'\./([^']+)'", (served.FOLDER / name).read_text())
        assert {str(PurePosixPath(name).parent / one) for one in imported} <= served.files(), name


def test_an_address_is_never_markup() -> None:
    assert '"><script>' not in served.page('/"><script>', '"><script>', {}).body


@pytest.mark.parametrize("known", ["{tag}", "W/{tag}", '"other", {tag}'])
def test_whoever_has_the_page_is_not_sent_it_again(known: str) -> None:
    tag = served.page("", URL, {}).headers["ETag"]

    again = served.page("", URL, {"if-none-match": known.format(tag=tag)})

    assert (again.status, again.body, again.headers["ETag"]) == (304, "", tag)
