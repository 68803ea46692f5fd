"""Stores in the connections table which subjects were revoked, and when.

They are beside the connections because the transaction that authenticates a connection checks them.
"""

from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.errors import translate_errors
from chalicelib.aws.dynamodb.keys import HEAD, revoked_key
from chalicelib.aws.dynamodb.tables import RevokedItem
from chalicelib.limits import MAX_TOKEN_SECONDS


class DynamoRevocations:
    """``auth.ports.RevocationStore`` on DynamoDB."""

    def __init__(self, table: Table) -> None:
        self._revoked = table.bind(RevokedItem)

    def revoked_at(self, subject: str) -> float | None:
        """See the port."""
        with translate_errors():
            item = self._revoked.find(revoked_key(subject), HEAD)
        return float(item.at) if item else None

    def revoke(self, subject: str, at: float) -> None:
        """See the port."""
        expires_at = int(at) + MAX_TOKEN_SECONDS  # by then every token has expired
        with translate_errors():
            self._revoked(revoked_key(subject), HEAD, at=at, expires_at=expires_at).save()
