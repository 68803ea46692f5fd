"""The ballot box in the sessions table: votes that wait to be counted with others."""

import json
from collections.abc import Callable, Sequence

from pynamodb.exceptions import DeleteError
from pynamodb.transactions import TransactWrite

from chalicelib.aws.dynamodb.errors import condition_failed, translated
from chalicelib.aws.dynamodb.keys import LAST_EVENT, ballot_key, ballots_key, event_key, session_key
from chalicelib.aws.dynamodb.tables import BallotItem, EventItem, Table
from chalicelib.idempotency import IdempotentRequest
from chalicelib.nights.counting import LeftBallot
from chalicelib.nights.events import Json
from chalicelib.nights.votes import Ballot, VoteType

RETENTION_SECONDS = 60 * 60
"""For what nobody votes after: a ballot that is counted or taken back is deleted there and then."""


class DynamoBallotBox:
    """``nights.ports.BallotBox`` on DynamoDB. ``now`` returns Unix seconds."""

    def __init__(self, table: Table, now: Callable[[], float]) -> None:
        self._now = now
        self._ballot = table.bind(BallotItem)
        self._event = table.bind(EventItem)

    def leave(self, session_id: int, left: LeftBallot) -> None:
        """See the port."""
        request = left.request
        item = self._item(session_id, left)
        item.username = left.ballot.username
        item.type = left.ballot.type.value
        item.game_id = left.ballot.game_id
        item.expires_at = int(self._now()) + RETENTION_SECONDS
        if request is not None:
            item.subject, item.key, item.request_hash = request.subject, request.key, request.request_hash
        with translated():
            item.save()

    def waiting(self, session_id: int, limit: int) -> Sequence[LeftBallot]:
        """See the port."""
        with translated():
            items = self._ballot.query(ballots_key(session_id), consistent_read=True, limit=limit)
            return [_left(item) for item in items]

    def take_back(self, session_id: int, left: LeftBallot) -> bool:
        """See the port."""
        with translated():
            try:
                self._item(session_id, left).delete(condition=self._ballot.PK.exists())
            except DeleteError as error:
                if condition_failed(error):
                    return False
                raise
        return True

    def outcome(self, session_id: int, ballot_id: str, after: int) -> tuple[Json | None, int]:
        """See the port."""
        with translated():
            for item in self._event.query(
                session_key(session_id),
                self._event.SK.between(event_key(after + 1), LAST_EVENT),
                consistent_read=True,
            ):
                envelopes = item.envelope.split("\n")
                if item.ballots and ballot_id in (ids := [str(one) for one in item.ballots]):
                    answer: Json = json.loads(envelopes[ids.index(ballot_id)])["data"]
                    return answer, int(item.SK.removeprefix("event#"))
                # An item that is only just being committed may not show yet: what comes after such a hole
                # is not counted as looked at.
                if int(item.SK.removeprefix("event#")) == after + len(envelopes):
                    after += len(envelopes)
        return None, after

    def take_out_with(
        self,
        write: TransactWrite,
        session_id: int,
        counted: Sequence[LeftBallot],
        dropped: Sequence[LeftBallot],
    ) -> None:
        """Take ballots out in the transaction; the whole fails where one that counts is not in any more."""
        for left in counted:
            write.delete(self._item(session_id, left), condition=self._ballot.PK.exists())
        for left in dropped:
            write.delete(self._item(session_id, left))

    def _item(self, session_id: int, left: LeftBallot) -> BallotItem:
        return self._ballot(ballots_key(session_id), ballot_key(left.left_at, left.id))


def _left(item: BallotItem) -> LeftBallot:
    milliseconds, _, ballot_id = item.SK.partition("#")
    request = None
    if item.subject and item.key and item.request_hash:
        request = IdempotentRequest(item.subject, item.key, item.request_hash)
    game_id = int(item.game_id) if item.game_id else None
    ballot = Ballot(item.username, VoteType(item.type), game_id)
    return LeftBallot(ballot_id, int(milliseconds), ballot, request)
