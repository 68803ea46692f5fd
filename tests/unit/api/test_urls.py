import pytest

from chalicelib.api.rest.urls import (
    base_path,
    base_url,
    limit_of,
    newest_of,
    page_of,
    session_id_of,
    since_of,
)
from chalicelib.errors import InvalidCursor, InvalidRequest, SessionNotFound
from chalicelib.nights.cursors import BEGINNING, Cursor


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("17", 17), ("9007199254740992", 2**53)])
def test_an_id_of_a_path_is_a_positive_integer(text: str, number: int) -> None:
    assert session_id_of(text) == number


@pytest.mark.parametrize(
    "text", ["0", "-1", "+1", "017", "1.0", "1e3", "x", "", " 1", "٣", "9007199254740993", "9" * 5000]
)
def test_what_can_be_no_id_is_no_session(text: str) -> None:
    with pytest.raises(SessionNotFound) as refused:
        session_id_of(text)

    assert len(refused.value.detail) < 100


def test_a_page_without_since_begins_at_the_beginning() -> None:
    assert since_of(None) == since_of({}) == since_of({"since": ""}) == BEGINNING
    assert since_of({"since": "e17:42"}) == Cursor("e17", 42)


@pytest.mark.parametrize("text", ["yesterday", ":", "e:", "e:-1", " "])
def test_junk_is_no_place_to_go_on_from(text: str) -> None:
    with pytest.raises(InvalidCursor):
        since_of({"since": text})


def test_a_page_has_fifty_entries_unless_asked_otherwise() -> None:
    assert limit_of(None) == limit_of({}) == 50
    assert (limit_of({"limit": "1"}), limit_of({"limit": "100"})) == (1, 100)


@pytest.mark.parametrize("text", ["0", "101", "-5", "ten", "", "1.5", "9" * 5000])
def test_a_limit_out_of_bounds_is_named(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        limit_of({"limit": text})

    assert [one.field for one in refused.value.errors] == ["limit"]


def test_the_newest_are_asked_for_by_their_number_alone() -> None:
    assert newest_of({"newest": "8"}) == 8
    assert newest_of({"since": "e17:42"}) is None
    assert newest_of(None) is None

    for wrong in ({"newest": "0"}, {"newest": "101"}, {"newest": "8", "limit": "5"}):
        with pytest.raises(InvalidRequest):
            newest_of(wrong)


def test_a_page_takes_a_cursor_and_a_limit() -> None:
    assert page_of({"since": "e17:42", "limit": "5"}) == (Cursor("e17", 42), 5)
    assert page_of(None) == (BEGINNING, 50)

    with pytest.raises(InvalidRequest) as typo:
        page_of({"limt": "5"})
    with pytest.raises(InvalidRequest) as long:
        page_of({"x" * 9000: "5"})

    assert typo.value.detail == "There is no parameter limt here, only since and limit."
    assert [one.field for one in typo.value.errors] == ["limt"]
    assert len(long.value.detail) < 100


@pytest.mark.parametrize(
    ("headers", "context", "url"),
    [
        ({"host": "localhost:5000"}, {"stage": "local"}, "http://localhost:5000"),
        (
            {"host": "x.execute-api.eu-west-1.amazonaws.com", "x-forwarded-proto": "https"},
            {"stage": "dev"},
            "https://x.execute-api.eu-west-1.amazonaws.com/dev",
        ),
        (
            {"host": "nights.example", "x-forwarded-proto": "https"},
            {"stage": "dev"},
            "https://nights.example",
        ),
        ({}, {"domainName": "nights.example"}, "http://nights.example"),
    ],
)
def test_the_service_names_itself_as_it_was_reached(
    headers: dict[str, str], context: dict[str, str], url: str
) -> None:
    assert base_url("", headers, context) == url


def test_the_service_names_itself_as_it_was_told_to() -> None:
    assert base_url("https://nights.example/v1/", {"host": "x"}, {}) == "https://nights.example/v1"


@pytest.mark.parametrize(
    ("configured", "headers", "path"),
    [
        ("", {"host": "x.execute-api.eu-west-1.amazonaws.com"}, "/dev"),
        ("", {"host": "nights.example"}, ""),
        ("", {"host": "[", "x-forwarded-proto": "://["}, ""),
        ("https://nights.example/v1/", {"host": "["}, "/v1"),
    ],
)
def test_a_path_is_told_whatever_a_client_calls_the_host(
    configured: str, headers: dict[str, str], path: str
) -> None:
    assert base_path(configured, headers, {"stage": "dev"}) == path
