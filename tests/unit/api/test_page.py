import re

import pytest

from chalicelib.errors import NotFound
from chalicelib.page import served as web

URL = "wss://ws.execute-api.us-east-1.amazonaws.com/dev"


def test_the_page_names_its_files_below_its_stage() -> None:
    answer = web.page("/dev", URL, {})

    named = re.findall(r'(?:src|href)="([^"]+)"', answer.body)

    assert {address.rpartition("/")[0] for address in named} == {f"/dev/page/{web.edition()}"}


def test_the_page_names_every_file_to_preload_it() -> None:
    named = re.findall(r'(?:src|href)="[^"]+/([^/"]+)"', web.page("", URL, {}).body)

    assert sorted(named) == sorted(web.files())


def test_every_file_that_one_imports_is_there() -> None:
    for name in web.files():
        imported = re.findall(r"from '\./([^']+)'", (web.FOLDER / name).read_text())
        assert set(imported) <= web.files(), name


def test_the_page_is_told_where_the_websocket_is() -> None:
    assert f'data-websocket="{URL}"' in web.page("", URL, {}).body
    assert (
        "connect-src 'self' wss://ws.execute-api.us-east-1.amazonaws.com;"
        in web.page("", URL, {}).headers["Content-Security-Policy"]
    )


def test_an_address_is_text_in_the_page_never_markup() -> None:
    assert '"><script>' not in web.page('/"><script>', '"><script>', {}).body


@pytest.mark.parametrize("known", ["{tag}", "W/{tag}", '"other", {tag}'])
def test_who_has_the_page_is_not_sent_it_again(known: str) -> None:
    tag = web.page("", URL, {}).headers["ETag"]

    again = web.page("", URL, {"if-none-match": known.format(tag=tag)})

    assert (again.status, again.body, again.headers["ETag"]) == (304, "", tag)


def test_only_the_files_of_this_edition_are_kept_for_good() -> None:
    assert web.file(web.edition(), "main.js", {}).headers["Cache-Control"] == web.KEEP
    assert web.file("older", "main.js", {}).headers["Cache-Control"] == web.LOOK_AGAIN


@pytest.mark.parametrize("name", ["page.html", "../wire/web.py", "", "main.ts"])
def test_what_is_no_file_of_the_page_is_not_found(name: str) -> None:
    with pytest.raises(NotFound):
        web.file(web.edition(), name, {})
