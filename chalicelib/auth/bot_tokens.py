"""The use case of an admin that lets a bot in: a token, minted once for each request."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from chalicelib.auth.claims import Claims, Role, TokenTerms
from chalicelib.auth.ports import TokenSigner
from chalicelib.auth.secrets import SecretsUnreadable
from chalicelib.errors import Unavailable
from chalicelib.idempotency import AnswerStore, Commits, IdempotentRequest, records_of
from chalicelib.timestamps import timestamp


class BotTokens:
    """Tokens for bots.

    What is recorded under an idempotency key are the token's terms and never the token: signing them again
    makes the same token, and whoever reads the table can't speak for a bot.
    """

    def __init__(self, signer: TokenSigner, answers: AnswerStore, commits: Commits) -> None:
        self._signer = signer
        self._answers = answers
        self._commits = commits

    def mint(
        self, caller: Claims, name: str, ttl_seconds: int, request: IdempotentRequest | None = None
    ) -> Mapping[str, Any]:
        """Return a token for the bot of this name, as the contract's 201 shows it.

        Raises Forbidden, IdempotencyMismatch, Contended, Unavailable.
        """
        caller.require(Role.ADMIN)

        def attempt() -> Mapping[str, Any]:
            terms = asdict(self._signer.issue(name, Role.BOT, ttl_seconds))
            for record in records_of(request, terms):
                self._answers.record(record)
            return terms

        try:
            recorded = self._commits.once(request, attempt)
            terms = TokenTerms(**{**recorded, "role": Role(recorded["role"])})
            token = self._signer.sign(terms)
        except SecretsUnreadable as error:
            raise Unavailable("No token can be signed at the moment. Try again in a moment.") from error
        return {
            "token": token,
            "expires_at": timestamp(datetime.fromtimestamp(terms.expires_at, UTC)),
            "role": terms.role,
            "sub": terms.subject,
        }
