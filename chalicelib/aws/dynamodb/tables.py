"""Defines the items of both tables as PynamoDB models.

They are templates without a table: ``database.Table.bind`` makes the classes that the stores use.
"""

from typing import Any, Self

import msgspec
from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.models import Model


class _Item(Model):
    PK = UnicodeAttribute(hash_key=True)
    SK = UnicodeAttribute(range_key=True)

    def values_of(self, kind: type[msgspec.Struct]) -> dict[str, Any]:
        """Return by name the attributes that are also fields of a value."""
        return {name: getattr(self, name) for name in kind.__struct_fields__ if hasattr(self, name)}

    @classmethod
    def find(cls, partition: str, sort_key: str) -> Self | None:
        """Return the item as it is now, or None."""
        try:
            return cls.get(partition, sort_key, consistent_read=True)
        except cls.DoesNotExist:
            return None


class _ExpiringItem(_Item):
    """An item that TTL deletes within days after ``expires_at`` (Unix seconds). Readers check ``expired``."""

    expires_at = NumberAttribute()

    def expired(self, now: float) -> bool:
        """Whether the item counts as deleted at a Unix second."""
        return bool(self.expires_at <= now)

    @classmethod
    def find_unexpired(cls, partition: str, sort_key: str, now: float) -> Self | None:
        """Return the item as it is now; None if there is none or it has expired."""
        item = cls.find(partition, sort_key)
        return None if item is None or item.expired(now) else item


class StreamHeadItem(_Item):
    """``sessions`` / ``head``: the epoch, and the id of the newest session."""

    epoch = UnicodeAttribute()
    sequence = NumberAttribute()


class ActiveSessionItem(_Item):
    """``sessions`` / ``active#0000000017``: exists while session 17 is active."""


class SessionItem(_Item):
    """``session#17`` / ``head``: the session; ``sequence`` is that of its newest event."""

    epoch = UnicodeAttribute()
    sequence = NumberAttribute()
    created_at = UnicodeAttribute()
    notes = UnicodeAttribute(null=True)
    is_active = BooleanAttribute()
    ended_at = UnicodeAttribute(null=True)
    games_added = NumberAttribute(attr_name="games_played", default=0)  # an older name
    removed_games = ListAttribute(of=NumberAttribute, default=list)
    crowded_until = NumberAttribute(default=0)
    closing = BooleanAttribute(default=False)


class GameItem(_Item):
    """``session#17`` / ``game#0001``: a game and its tallies."""

    title = UnicodeAttribute()
    pack_name = UnicodeAttribute(null=True)
    min_players = NumberAttribute(null=True)
    max_players = NumberAttribute(null=True)
    upvotes = NumberAttribute(default=0)
    downvotes = NumberAttribute(default=0)


class NightItem(_Item):
    """A head, a game or a vote, for a BatchGetItem of several kinds. Attributes of other kinds are None."""

    is_active = BooleanAttribute(null=True)
    closing = BooleanAttribute(null=True)
    removed_games = ListAttribute(of=NumberAttribute, default=list)
    title = UnicodeAttribute(null=True)
    pack_name = UnicodeAttribute(null=True)
    min_players = NumberAttribute(null=True)
    max_players = NumberAttribute(null=True)
    upvotes = NumberAttribute(default=0)
    downvotes = NumberAttribute(default=0)
    username = UnicodeAttribute(null=True)
    type = UnicodeAttribute(null=True)
    timestamp = UnicodeAttribute(null=True)


class VoteItem(_Item):
    """``session#17`` / ``vote#0001#{voter}``: a voter's counted vote for a game."""

    username = UnicodeAttribute()
    type = UnicodeAttribute()
    timestamp = UnicodeAttribute()


class PendingVoteItem(_Item):
    """``pending#17`` / ``{milliseconds}#{id}``: a vote that waits to be counted.

    It has its own partition, because the write rate of the session's partition limits how fast votes are
    counted. It never expires: its voter has an answer, and if the session ends, it shows that the vote was
    not counted.
    """

    game_id = NumberAttribute()
    username = UnicodeAttribute()
    type = UnicodeAttribute()
    timestamp = UnicodeAttribute()


class EventItem(_ExpiringItem):
    """``session#17`` / ``event#0000000001``: the events of one commit. This is the log and the outbox.

    A start is also in ``sessions`` / ``event#0000000017``: the stream of all sessions' starts.

    ``envelope`` is the event as sent. For a batch of votes it has all events in order, one a line, and the
    sort key of the last.
    """

    type = UnicodeAttribute()
    envelope = UnicodeAttribute()
    epoch = UnicodeAttribute()


class InviteItem(_ExpiringItem):
    """``invite#{digest of the code}`` / ``head``: an invite, valid until a Unix second."""

    subject = UnicodeAttribute()
    session = NumberAttribute(null=True)
    until = NumberAttribute()
    used = BooleanAttribute(default=False)


class GuestItem(_Item):
    """``session#17`` / ``guest#{voter}``: a guest of the session; kept after a removal."""

    name = UnicodeAttribute()
    subject = UnicodeAttribute()


class AttemptsItem(_ExpiringItem):
    """``attempts#{minute}`` / ``{source}``: the attempts to join from a source."""

    attempts = NumberAttribute(default=0)


class IdempotencyItem(_ExpiringItem):
    """``idempotency#{sub}#{key}`` / ``head``: the request under this key, and its answer."""

    request_hash = UnicodeAttribute()
    answer = UnicodeAttribute()


class ConnectionItem(_ExpiringItem):
    """``connection#{id}`` / ``head``: the connection, and whose it is."""

    api_id = UnicodeAttribute()
    stage = UnicodeAttribute()
    connected_at = NumberAttribute()
    source_ip = UnicodeAttribute()
    subject = UnicodeAttribute(null=True)
    role = UnicodeAttribute(null=True)
    session = NumberAttribute(null=True)
    token_expires_at = NumberAttribute(null=True)
    failed_auths = NumberAttribute(default=0)
    subscriptions = NumberAttribute(default=0)
    wants_cursor = BooleanAttribute(default=False)
    deadline_at = NumberAttribute(null=True)
    deadline_kind = UnicodeAttribute(null=True)
    notified = ListAttribute(of=UnicodeAttribute, null=True)
    closing_since = NumberAttribute(null=True)
    revision = NumberAttribute(default=0)


class DeadlineItem(_ExpiringItem):
    """``deadline#{minute}#{shard}`` / ``{kind}#{connection id}``: a connection's next deadline.

    ``at`` is in Unix seconds. ``revision`` is the connection's when this was written.
    """

    at = NumberAttribute()
    revision = NumberAttribute()


class SweptItem(_Item):
    """``swept`` / ``head``: the sweep has finished all minutes up to ``minute``."""

    minute = NumberAttribute()


class RevokedItem(_ExpiringItem):
    """``revoked#{sub}`` / ``head``: tokens issued to the subject until ``at`` (Unix seconds) are refused."""

    at = NumberAttribute()


class SubjectItem(_ExpiringItem):
    """``subject#{sub}`` / ``{connection id}``: a subject's connection, and when its token was issued."""

    issued_at = NumberAttribute()


class MembershipItem(_ExpiringItem):
    """``connection#{id}`` / ``audience#{key}``: an audience that a connection is in."""


class RecipientItem(_ExpiringItem):
    """``audience#{key}#{shard}`` / ``{connection id}``: one authenticated connection of an audience.

    ``connections.connection.Recipient`` explains the attributes. ``behind`` exists only while it is behind.
    """

    api_id = UnicodeAttribute()
    stage = UnicodeAttribute()
    token_expires_at = NumberAttribute()
    wants_cursor = BooleanAttribute(default=False)
    behind = NumberAttribute(null=True)
    missed = NumberAttribute(null=True)
    position = NumberAttribute(null=True)
    catching_up_until = NumberAttribute(null=True)
