import json

from chalicelib.api.rest.pages import events_page, sessions_page
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event, EventType
from chalicelib.nights.sessions import Session
from chalicelib.nights.streams import Page


def test_polled_events_are_the_frames_that_were_sent() -> None:
    envelopes = ['{"type":"a","n":1.0}', '{"type":"b",  "é":"🎲"}']
    events = [
        Event("session:1", Cursor("e", n), EventType.GAME_ADDED, text) for n, text in enumerate(envelopes, 1)
    ]

    text = events_page(Page(events, Cursor("e", 2), recovered=True, more=False))

    first = '{"type":"a","n":1.0,"stream":"session:1","sequence":1,"cursor":"e:1"}'
    second = '{"type":"b",  "é":"🎲","stream":"session:1","sequence":2,"cursor":"e:2"}'
    assert f"[{first},{second}]" in text
    assert list(json.loads(text)) == ["events", "cursor", "recovered", "more"]


def test_an_empty_page_is_a_page() -> None:
    assert json.loads(events_page(Page((), Cursor("e", 9), recovered=False, more=False))) == {
        "events": [],
        "cursor": "e:9",
        "recovered": False,
        "more": False,
    }


def test_a_page_of_sessions_is_as_the_contract_shows() -> None:
    page = Page([Session(17, "e17", 1, "t", "Friday")], Cursor("e0", 17), recovered=True, more=True)

    assert json.loads(sessions_page(page)) == {
        "sessions": [
            {
                "id": 17,
                "is_active": 1,
                "created_at": "t",
                "ended_at": None,
                "notes": "Friday",
                "games_played": 0,
            }
        ],
        "cursor": "e0:17",
        "recovered": True,
    }
