"""What clients do that poll; see ``hosts`` for how actions are made."""

from dataclasses import dataclass

from tests.model.actions.clients import ClientAction
from tests.model.actions.which import Interruptions, session_id_of, stream_of
from tests.model.clients import Client, Since
from tests.model.night import Night
from tests.model.truth import Asked
from tests.model.world.interruptions import FunctionFailed
from tests.model.world.ledger import SESSIONS


@dataclass(frozen=True, slots=True)
class Poll(ClientAction):
    """A client that polls: everything there is after where it is, some entries at a time."""

    session: int = 0
    since: Since = Since.LAST
    limit: int = 50

    def __call__(self, night: Night) -> None:
        client = self._of(night)
        if not night.ledger.sessions:
            return
        poll(night, client, stream_of(night, self.session), self.since, self.limit, self.interruptions)


@dataclass(frozen=True, slots=True)
class ListSessions(ClientAction):
    """A client that polls for new nights."""

    since: Since = Since.LAST
    limit: int = 50

    def __call__(self, night: Night) -> None:
        poll(night, self._of(night), SESSIONS, self.since, self.limit, self.interruptions)


def poll(  # noqa: PLR0917 - who, what, and from where
    night: Night,
    client: Client,
    stream: str,
    since: Since,
    limit: int,
    interruptions: Interruptions = (),
) -> None:
    """Ask for page after page, and check every one. The interruptions are for the first.

    A client that goes on from its own place is where the pages end.
    """
    ledger = night.ledger
    cursor = client.since(stream, since)
    goes_on = client.resumes and since is Since.LAST
    path = "/api/sessions" if stream == SESSIONS else f"/api/sessions/{session_id_of(stream)}/events"
    while True:
        asked = Asked("poll", stream, cursor or "", ledger.end(stream))
        query = f"limit={limit}" + ("" if cursor is None else f"&since={cursor}")
        try:
            answer = night.request("GET", path, query=query, interruptions=interruptions)
        except FunctionFailed:
            return
        interruptions = ()  # or who writes between any two pages would keep it busy without end
        if ledger is not night.ledger or answer.status == 503:
            return
        if answer.status != 200:
            night.complain(f"{path}?{query} was answered {answer}")
            return
        page = answer.body
        end = night.truth.check_page(asked, page)
        start = asked.start if page["recovered"] and cursor != "now" else end
        entries = ledger.after(stream, start)[: end - start]
        if stream == SESSIONS:
            right = [one["id"] for one in page["sessions"]] == [one.session_id for one in entries]
            more = bool(page["sessions"])
        else:
            polled = b",".join(map(ledger.with_place, entries)).decode()
            right = answer.text.startswith(f'{{"events":[{polled}],"cursor"')
            more = page["more"]
        if not right:
            night.complain(f"{path}?{query} was answered {answer.text}, and not {entries}")
        if goes_on:
            client.polled(stream, page["cursor"], end)
        if not more:
            if end < asked.end:
                night.complain(f"{path}?{query} ended at {end} of {asked.end}")
            return
        cursor = page["cursor"]
