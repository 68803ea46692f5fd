"""What clients do, on their connections and by polling; see ``hosts`` for how actions are made."""

from dataclasses import replace

from tests.model.actions.hosts import stream_of
from tests.model.clients import Client, Since
from tests.model.night import Night
from tests.model.truth import Asked
from tests.model.world.interruptions import FunctionFailed, Interruptions
from tests.model.world.ledger import SESSIONS


def connect(night: Night, client: Client, within: Interruptions = ()) -> None:
    if client.line is None:
        night.connect(client, within)


def authenticate(night: Night, client: Client, within: Interruptions, since: Since) -> None:
    """Send a token, for the first time or once more on the same connection."""
    connect(night, client)
    night.say(client, "auth", SESSIONS, since, within)


def subscribe(night: Night, client: Client, within: Interruptions, back: int, since: Since) -> None:
    if client.line is None:
        come_back(night, client)
    if client.line is None or not client.line.authenticated or not night.ledger.sessions:
        return
    stream = stream_of(night, back)
    if client.line.ear(stream).leaving:
        # It does not know whether it has left, and what it opted in to lasts until it has.
        night.say(client, "unsubscribe", stream)
    else:
        night.say(client, "subscribe", stream, since, within)


def unsubscribe(night: Night, client: Client, within: Interruptions, back: int) -> None:
    if client.line is not None and client.line.authenticated and night.ledger.sessions:
        night.say(client, "unsubscribe", stream_of(night, back), interruptions=within)


def vanish(night: Night, client: Client, within: Interruptions, told: str) -> None:
    """Close the connection; the service is ``told`` at once, later (``hear_of_departure``) or never."""
    line = night.hang_up(client)
    if line is not None and told == "at once":
        night.disconnected(line, within)
    elif line is not None and told == "later":
        night.departed.append(line)


def hear_of_departure(night: Night, within: Interruptions) -> None:
    if night.departed:
        night.disconnected(night.departed.pop(0), within)


def stop_reading(night: Night, client: Client, posts: int) -> None:
    """Let the next posts to the client be refused, until it reads again."""
    if client.line is not None:
        night.gateway.slow[client.line.connection_id] = posts


def come_back(night: Night, client: Client, within: Interruptions = ()) -> None:
    """Vanish, connect and resume, with the last cursor of every stream that the client is in.

    Each interruption happens in the resume that its ``at`` names.
    """
    night.hang_up(client)
    night.connect(client)
    line = client.line
    streams = [SESSIONS, *(one for one in client.places if one != SESSIONS)]
    for position, stream in enumerate(streams):
        if client.line is not line or (position and not (line and line.authenticated)):
            return
        if stream not in night.ledger.streams:
            continue
        here = [
            replace(one, at=one.at // len(streams)) for one in within if one.at % len(streams) == position
        ]
        night.say(client, "auth" if stream == SESSIONS else "subscribe", stream, Since.LAST, here)


def poll(  # noqa: PLR0917 - who, what, and from where
    night: Night, client: Client, stream: str, since: Since, limit: int, within: Interruptions = ()
) -> None:
    """Ask for page after page, and check every one. The interruptions are for the first.

    A client that goes on from its own place is where the pages end.
    """
    ledger = night.ledger
    cursor = client.since(stream, since)
    goes_on = client.resumes and since is Since.LAST
    path = "/api/sessions" if stream == SESSIONS else f"/api/sessions/{stream.partition(':')[2]}/events"
    while True:
        asked = Asked("poll", stream, cursor or "", ledger.end(stream))
        query = f"limit={limit}" + ("" if cursor is None else f"&since={cursor}")
        try:
            answer = night.request("GET", path, query=query, interruptions=within)
        except FunctionFailed:
            return
        within = ()  # or who writes between any two pages would keep it busy without end
        if ledger is not night.ledger or answer.status == 503:
            return
        if answer.status != 200:
            night.complain(f"{path}?{query} was answered {answer}")
            return
        page = answer.body
        end = night.truth.check_page(asked, page)
        begin = asked.start if page["recovered"] and cursor != "now" else end
        entries = ledger.after(stream, begin)[: end - begin]
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


def poll_session(  # noqa: PLR0917 - who, what, and from where
    night: Night, client: Client, back: int, since: Since, limit: int, within: Interruptions = ()
) -> None:
    if night.ledger.sessions:
        poll(night, client, stream_of(night, back), since, limit, within)
