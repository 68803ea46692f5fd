"""Who lags in an audience, noted on the audience's rows in the connections table.

Leaves the rows themselves to ``connections``, and reading audiences to ``audiences``.
"""

from collections.abc import Callable

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.aws.dynamodb.errors import condition_failed, translated
from chalicelib.aws.dynamodb.keys import audience_key
from chalicelib.aws.dynamodb.tables import RecipientItem, Table
from chalicelib.connections.connection import Lag, Recipient, shard_of


class DynamoLagStore:
    """``delivery.ports.LagStore`` on DynamoDB. ``now`` returns Unix seconds."""

    def __init__(self, table: Table, shards: int, now: Callable[[], float]) -> None:
        self._shards = shards
        self._now = now
        self._row = table.bind(RecipientItem)

    def recipient(self, audience: str, connection_id: str) -> Recipient | None:
        """See the port."""
        with translated():
            try:
                row = self._row.get(*self._key(audience, connection_id), consistent_read=True)
            except self._row.DoesNotExist:
                return None
        return _recipient_of(row) if _hears(row, self._now()) else None

    def fall_behind(self, audience: str, connection_id: str, place: int) -> None:
        """See the port."""
        row = self._row
        if not self._updated(
            audience,
            connection_id,
            [row.lag_first.set(row.lag_first | place), row.lag_last.set(place)],
            row.PK.exists() & (row.lag_last.does_not_exist() | (row.lag_last < place)),
        ):
            self._updated(audience, connection_id, [row.lag_first.set(place)], row.lag_first > place)

    def skip(self, audience: str, connection_id: str, place: int) -> bool:
        """See the port."""
        row = self._row
        if self._updated(
            audience,
            connection_id,
            [row.lag_last.set(place), row.lag_parked.remove()],
            row.lag_last < place,
        ) or self._updated(
            audience,
            connection_id,
            [row.lag_first.set(place), row.lag_parked.remove()],
            row.lag_first > place,
        ):
            return True
        # Caught up or gone, or this is a repetition of what was skipped already.
        recipient = self.recipient(audience, connection_id)
        return recipient is not None and recipient.lag is not None

    def advance(self, audience: str, connection_id: str, place: int) -> bool:
        """See the port."""
        row = self._row
        return self._updated(audience, connection_id, [row.lag_first.set(place + 1)], row.lag_first == place)

    def park(self, audience: str, connection_id: str) -> None:
        """See the port."""
        row = self._row
        self._updated(audience, connection_id, [row.lag_parked.set(True)], row.lag_first.exists())

    def caught_up(self, audience: str, connection_id: str, place: int) -> bool:
        """See the port."""
        row = self._row
        return self._updated(
            audience,
            connection_id,
            [row.lag_first.remove(), row.lag_last.remove(), row.lag_parked.remove()],
            (row.lag_first == place) & (row.lag_last == place),
        )

    def _updated(
        self, audience: str, connection_id: str, actions: list[Action], condition: Condition
    ) -> bool:
        with translated():
            try:
                self._row(*self._key(audience, connection_id)).update(actions=actions, condition=condition)
            except UpdateError as error:
                if condition_failed(error):
                    return False
                raise
        return True

    def _key(self, audience: str, connection_id: str) -> tuple[str, str]:
        return audience_key(audience, shard_of(connection_id, self._shards)), connection_id


def _recipient_of(row: RecipientItem) -> Recipient:
    """Return the recipient that a row is."""
    lag = None
    if row.lag_first is not None and row.lag_last is not None:
        lag = Lag(int(row.lag_first), int(row.lag_last), bool(row.lag_parked))
    return Recipient(
        connection_id=row.SK,
        api_id=row.api_id,
        stage=row.stage,
        token_expires_at=int(row.token_expires_at),
        wants_cursor=row.wants_cursor,
        lag=lag,
    )


def _hears(row: RecipientItem, now: float) -> bool:
    """Say whether a row's connection can be there and its token has not expired."""
    return row.token_expires_at > now and row.expires_at > now
