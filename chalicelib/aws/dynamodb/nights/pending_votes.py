"""Stores pending votes in the sessions table."""

from collections.abc import Sequence

from pynamodb.transactions import TransactWrite

from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.errors import translate_errors, versioned
from chalicelib.aws.dynamodb.keys import pending_key
from chalicelib.aws.dynamodb.nights.idempotency import DynamoAnswerStore
from chalicelib.aws.dynamodb.tables import PendingVoteItem
from chalicelib.idempotency import Record
from chalicelib.nights.votes import PendingVote, Vote, VoteType


class DynamoPendingVotes:
    """``nights.ports.PendingVoteStore`` on DynamoDB."""

    def __init__(self, table: Table, answers: DynamoAnswerStore) -> None:
        self._table = table
        self._answers = answers
        self._pending = table.bind(PendingVoteItem)

    def add(self, session_id: int, pending: PendingVote, records: Sequence[Record] = ()) -> None:
        """See the port.

        This is a transaction even without a record. A write whose answer was lost is retried. Only a
        transaction's token prevents the retry from storing a vote again that was counted in the meantime.
        """
        vote = pending.vote
        item = self._pending(
            pending_key(session_id),
            pending.id,
            game_id=vote.game_id,
            username=vote.username,
            type=vote.type.value,
            timestamp=vote.timestamp,
        )
        with versioned(self._table) as write:
            write.save(item)
            for record in records:
                self._answers.record_with(write, record)

    def waiting(self, session_id: int, limit: int) -> Sequence[PendingVote]:
        """See the port."""
        with translate_errors():
            items = self._pending.query(pending_key(session_id), consistent_read=True, limit=limit)
            return [
                PendingVote(
                    item.SK, Vote(int(item.game_id), item.username, VoteType(item.type), item.timestamp)
                )
                for item in items
            ]

    def is_waiting(self, session_id: int, pending_id: str) -> bool:
        """See the port."""
        with translate_errors():
            return self._pending.find(pending_key(session_id), pending_id) is not None

    def count_with(self, write: TransactWrite, session_id: int, counted: Sequence[PendingVote]) -> None:
        """Delete votes in the transaction that counts them. It fails if one is no longer pending."""
        for pending in counted:
            item = self._pending(pending_key(session_id), pending.id)
            write.delete(item, condition=self._pending.PK.exists())
