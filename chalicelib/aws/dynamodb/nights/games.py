"""Games and votes in the sessions table, beside the session that they belong to."""

from collections.abc import Collection, Mapping, Sequence

from pynamodb.transactions import TransactWrite

from chalicelib.aws.dynamodb.errors import translated
from chalicelib.aws.dynamodb.keys import game_key, session_key, vote_key
from chalicelib.aws.dynamodb.tables import GameItem, GameOrVoteItem, Table, VoteItem
from chalicelib.nights.counting import VoteKey
from chalicelib.nights.games import Game
from chalicelib.nights.votes import Vote, VoteType


class DynamoGames:
    """The part of ``nights.ports.SessionStore`` that is about games and votes, on DynamoDB."""

    def __init__(self, table: Table) -> None:
        self._game = table.bind(GameItem)
        self._vote = table.bind(VoteItem)
        self._either = table.bind(GameOrVoteItem)

    def games(self, session_id: int) -> Sequence[Game]:
        """See the port."""
        with translated():
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
        with translated():
            for item in self._either.batch_get(
                [(partition, sort_key) for sort_key in (*sort_keys, *voters)], consistent_read=True
            ):
                if item.SK in sort_keys:
                    games[sort_keys[item.SK]] = _game_of(item)
                else:
                    game_id, voter = key = voters[item.SK]
                    votes[key] = Vote(game_id, voter, item.username, VoteType(item.type), item.timestamp)
        return games, votes

    def add_with(self, write: TransactWrite, session_id: int, game: Game) -> None:
        """Add a new game to the transaction of the change."""
        item = self._game(
            session_key(session_id),
            game_key(game.id),
            title=game.title,
            pack_name=game.pack_name,
            min_players=game.min_players,
            max_players=game.max_players,
        )
        write.save(item, condition=self._game.PK.does_not_exist())

    def count_with(self, write: TransactWrite, session_id: int, before: Game, after: Game) -> None:
        """Add a game's new tallies to the transaction; the whole fails where the old ones have changed.

        A plain read may be a moment older than the head that was read before it, so that the head's
        condition alone would let a vote be lost.
        """
        write.update(
            self._game(session_key(session_id), game_key(after.id)),
            actions=[
                self._game.upvotes.set(after.upvotes),
                self._game.downvotes.set(after.downvotes),
            ],
            condition=(self._game.upvotes == before.upvotes) & (self._game.downvotes == before.downvotes),
        )

    def vote_with(self, write: TransactWrite, session_id: int, earlier: Vote | None, vote: Vote) -> None:
        """Add a vote to the transaction; the whole fails where the voter's earlier one has changed."""
        item = self._vote(
            session_key(session_id),
            vote_key(vote.game_id, vote.voter),
            username=vote.username,
            type=vote.type.value,
            timestamp=vote.timestamp,
        )
        unchanged = (
            self._vote.PK.does_not_exist() if earlier is None else self._vote.type == earlier.type.value
        )
        write.save(item, condition=unchanged)


def _game_of(item: GameItem | GameOrVoteItem) -> Game:
    return Game(
        id=int(item.SK.removeprefix("game#")),
        title=item.title,
        pack_name=item.pack_name,
        min_players=int(item.min_players) if item.min_players else None,
        max_players=int(item.max_players) if item.max_players else None,
        upvotes=int(item.upvotes),
        downvotes=int(item.downvotes),
    )
