import pytest

from chalicelib.api.rest.urls import (
    base_path,
    base_url,
    game_id_of,
    newest_of,
    page_of,
    session_id_of,
    subject_of,
    username_of,
    websocket_url,
)
from chalicelib.errors import FieldError, GameNotFound, InvalidCursor, InvalidRequest, SessionNotFound
from chalicelib.nights.cursors import BEGINNING, Cursor


@pytest.mark.parametrize(
    "text", ["0", "-1", "+1", "017", "1.0", "1e3", "x", "", " 1", "٣", "9007199254740993", "9" * 5000]
)
def test_what_can_be_no_id_is_no_session(text: str) -> None:
    assert session_id_of("9007199254740992") == 2**53
    with pytest.raises(SessionNotFound) as refused:
        session_id_of(text)

    assert len(refused.value.detail) < 100


@pytest.mark.parametrize(
    ("query", "page"),
    [
        (None, (BEGINNING, 50)),
        ({}, (BEGINNING, 50)),
        ({"since": ""}, (BEGINNING, 50)),
        ({"since": "e17:42", "limit": "1"}, (Cursor("e17", 42), 1)),
        ({"limit": "100"}, (BEGINNING, 100)),
    ],
)
def test_a_page_has_a_cursor_and_a_limit(query: dict[str, str] | None, page: tuple[Cursor, int]) -> None:
    assert page_of(query) == page


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        *(("limit", value, InvalidRequest) for value in ("0", "101", "-5", "ten", "", "1.5", "9" * 5000)),
        *(("since", value, InvalidCursor) for value in ("yesterday", ":", "e:", "e:-1", " ")),
        *((name, "5", InvalidRequest) for name in ("limt", "x" * 9000)),
    ],
)
def test_a_bad_parameter_is_named(name: str, value: str, error: type[InvalidRequest]) -> None:
    with pytest.raises(error) as refused:
        page_of({name: value})

    assert [one.field for one in refused.value.errors] == [name[:40]]
    assert len(refused.value.detail) < 150


def test_a_wrong_name_is_answered_with_the_right_ones() -> None:
    with pytest.raises(InvalidRequest, match="no parameter limt here, only since, limit, newest"):
        page_of({"limt": "3"}, "newest")


def test_the_newest_are_asked_for_by_number_alone() -> None:
    assert newest_of({"newest": "8"}) == 8
    assert newest_of({"since": "e17:42"}) is newest_of(None) is None
    for wrong in ({"newest": "0"}, {"newest": "101"}, {"newest": "8", "limit": "5"}):
        with pytest.raises(InvalidRequest):
            newest_of(wrong)


AWS = "x.execute-api.eu-west-1.amazonaws.com"
TLS = {"x-forwarded-proto": "https"}


@pytest.mark.parametrize(
    ("configured", "headers", "context", "url"),
    [
        ("", {"host": "localhost:5000"}, {"stage": "local"}, "http://localhost:5000"),
        ("", {"host": AWS, **TLS}, {"stage": "dev"}, f"https://{AWS}/dev"),
        ("", {"host": "nights.example", **TLS}, {"stage": "dev"}, "https://nights.example"),
        ("", {}, {"domainName": "nights.example"}, "http://nights.example"),
        ("https://nights.example/v1/", {"host": "x"}, {}, "https://nights.example/v1"),
    ],
)
def test_the_service_names_itself_as_it_was_reached(
    configured: str, headers: dict[str, str], context: dict[str, str], url: str
) -> None:
    assert base_url(configured, headers, context) == url


@pytest.mark.parametrize(
    ("configured", "headers", "path"),
    [
        ("", {"host": AWS}, "/dev"),
        ("", {"host": "nights.example"}, ""),
        ("", {"host": "[", "x-forwarded-proto": "://["}, ""),
        ("", {"host": "nights.example", "x-forwarded-prefix": "/games"}, "/games"),
        ("", {"host": AWS, "x-forwarded-prefix": "/games"}, "/dev"),
        ("https://nights.example/v1/", {"host": "["}, "/v1"),
    ],
)
def test_a_path_is_told_whatever_the_host(configured: str, headers: dict[str, str], path: str) -> None:
    assert base_path(configured, headers, {"stage": "dev"}) == path


@pytest.mark.parametrize(
    ("configured", "base", "url"),
    [
        ("/live", "http://192.168.1.7:5000", "ws://192.168.1.7:5000/live"),
        ("/live", "https://nights.example/games", "wss://nights.example/games/live"),
        (f"wss://{AWS}/dev", "https://nights.example", f"wss://{AWS}/dev"),
    ],
)
def test_clients_connect_where_they_reach_the_service(configured: str, base: str, url: str) -> None:
    assert websocket_url(configured, base) == url


def test_what_can_be_no_id_is_no_game() -> None:
    assert game_id_of(17, "5") == 5
    for text in ("0", "x", "05", "9" * 5000):
        with pytest.raises(GameNotFound, match="Session 17 has no game") as refused:
            game_id_of(17, text)
        assert len(refused.value.detail) < 100


def test_a_voter_is_named_by_one_parameter() -> None:
    assert username_of({"username": "Zoë 🎲"}) == "Zoë 🎲"
    for query, field, said in (
        (None, "username", "Expected a parameter username"),
        ({"user": "Zoë"}, "user", "There is no parameter user here, only username"),
        ({"username": "Zoë", "game_id": "1"}, "game_id", "There is no parameter game_id here, only username"),
        ({"username": " \t"}, "username", "Expected text that is not blank"),
        ({"username": "x" * 81}, "username", "Expected text of 80 characters at most"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            username_of(query)
        assert refused.value.errors == (FieldError(field, said),)


def test_a_subject_of_a_path_is_read_as_it_was_meant() -> None:
    assert subject_of("b%C3%B3t%2F1") == "bót/1"
    with pytest.raises(InvalidRequest):
        subject_of("x" * 129)
