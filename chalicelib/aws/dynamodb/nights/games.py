"""Stores games and votes in the sessions table, in the partition of their session."""

from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import asdict
from pynamodb.transactions import TransactWrite

from chalicelib.aws.dynamodb.database import Table
from chalicelib.aws.dynamodb.errors import translate_errors
from chalicelib.aws.dynamodb.keys import HEAD, game_key, session_key, vote_key
from chalicelib.aws.dynamodb.tables import GameItem, NightItem, VoteItem
from chalicelib.nights.games import Game
from chalicelib.nights.ports import VotingState
from chalicelib.nights.votes import Vote, VoteKey, VoteType


class DynamoGames:
    """The games and votes of ``nights.ports.SessionStore``, on DynamoDB."""

    def __init__(self, table: Table) -> None:
        self._game = table.bind(GameItem)
        self._vote = table.bind(VoteItem)
        self._either = table.bind(NightItem)

    def games(self, session_id: int) -> Sequence[Game]:
        """See the port."""
        with translate_errors():
            items = self._game.query(
                session_key(session_id), self._game.SK.startswith("game#"), consistent_read=True
            )
            return [_game_of(item) for item in items]

    def games_and_votes(
        self, session_id: int, keys: Collection[VoteKey]
    ) -> tuple[Mapping[int, Game], Mapping[VoteKey, Vote]]:
        """See the port."""
        partition = session_key(session_id)
        sort_keys = {game_key(game_id): game_id for game_id, _ in keys}
        voters = {vote_key(*key): key for key in keys}
        games, votes = {}, {}
        with translate_errors():
            for item in self._either.batch_get(
                [(partition, sort_key) for sort_key in (*sort_keys, *voters)], consistent_read=True
            ):
                if item.SK in sort_keys:
                    games[sort_keys[item.SK]] = _game_of(item)
                else:
                    key = voters[item.SK]
                    votes[key] = Vote(key[0], item.username, VoteType(item.type), item.timestamp)
        return games, votes

    def voting_state(self, session_id: int, game_id: int) -> VotingState:
        """See the port."""
        keys = [(session_key(session_id), sort_key) for sort_key in (HEAD, game_key(game_id))]
        with translate_errors():
            items = {item.SK: item for item in self._either.batch_get(keys, consistent_read=True)}
        head, game = items.get(HEAD), items.get(game_key(game_id))
        return VotingState(
            is_open=head is not None and bool(head.is_active) and not head.closing,
            title=game.title if game else None,
            is_removed=head is not None and game_id in head.removed_games,
        )

    def add_with(self, write: TransactWrite, session_id: int, game: Game) -> None:
        """Add a new game to the transaction of the change."""
        values = asdict(game)
        item = self._game(session_key(session_id), game_key(values.pop("id")), **values)
        write.save(item, condition=self._game.PK.does_not_exist())

    def count_with(self, write: TransactWrite, session_id: int, before: Game, after: Game) -> None:
        """Add a game's new tallies to the transaction. It fails if the old ones have changed.

        A plain read may be older than the head that was read before it. So the condition on the head alone
        would let a vote be lost.
        """
        write.update(
            self._game(session_key(session_id), game_key(after.id)),
            actions=[self._game.upvotes.set(after.upvotes), self._game.downvotes.set(after.downvotes)],
            condition=(self._game.upvotes == before.upvotes) & (self._game.downvotes == before.downvotes),
        )

    def vote_with(self, write: TransactWrite, session_id: int, earlier: Vote | None, vote: Vote) -> None:
        """Add a vote to the transaction. It fails if the voter's earlier vote has changed."""
        item = self._vote(
            session_key(session_id),
            vote_key(*vote.key),
            username=vote.username,
            type=vote.type.value,
            timestamp=vote.timestamp,
        )
        unchanged = (
            self._vote.PK.does_not_exist() if earlier is None else self._vote.type == earlier.type.value
        )
        write.save(item, condition=unchanged)

    def withdraw_with(self, write: TransactWrite, session_id: int, vote: Vote) -> None:
        """Delete a vote in the transaction. It fails if the vote has changed."""
        item = self._vote(session_key(session_id), vote_key(*vote.key))
        write.delete(item, condition=self._vote.type == vote.type.value)


def _game_of(item: GameItem | NightItem) -> Game:
    return Game(int(item.SK.removeprefix("game#")), **item.values_of(Game))
