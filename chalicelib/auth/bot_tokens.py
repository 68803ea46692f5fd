"""Mints a bot's token for an admin, once for each request."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from chalicelib.auth.claims import Claims, Role, TokenTerms
from chalicelib.auth.ports import TokenSigner
from chalicelib.auth.secrets import SecretsUnreadable
from chalicelib.errors import Unavailable
from chalicelib.idempotency import AnswerStore, Idempotent, IdempotentRequest, records_of
from chalicelib.timestamps import unix_timestamp

if TYPE_CHECKING:
    from chalicelib import answers


class BotTokens:
    """Tokens for bots.

    An idempotency key records the token's terms and never the token. Signing the terms again makes the same
    token, and a reader of the table can't act as a bot.
    """

    def __init__(self, signer: TokenSigner, answers: AnswerStore, commits: Idempotent) -> None:
        self._signer = signer
        self._answers = answers
        self._idempotent = commits

    def mint(
        self, caller: Claims, name: str, ttl_seconds: int, request: IdempotentRequest | None = None
    ) -> "answers.MintedToken":
        """Return a token for the bot of this name, as the protocol's 201 shows it.

        Raises Forbidden, IdempotencyMismatch, Contended, Unavailable.
        """
        caller.require(Role.ADMIN)
        try:
            signer = self._signer.fresh()
        except SecretsUnreadable as error:
            raise Unavailable("No token can be signed at the moment. Try again in a moment.") from error

        def attempt() -> Mapping[str, Any]:
            terms = asdict(signer.issue(name, Role.BOT, ttl_seconds))
            for record in records_of(request, terms):
                self._answers.record(record)
            return terms

        recorded = self._idempotent.once(request, attempt)
        terms = TokenTerms(**{**recorded, "role": Role(recorded["role"])})
        return {
            "token": signer.sign(terms),
            "expires_at": unix_timestamp(terms.expires_at),
            "role": terms.role,
            "sub": terms.subject,
        }
