"""Mints a bot's token for an admin, once for each request."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from chalicelib.auth import minting
from chalicelib.auth.claims import Claims, Role
from chalicelib.auth.ports import TokenSigner
from chalicelib.idempotency import AnswerStore, Idempotent, IdempotentRequest, records_of

if TYPE_CHECKING:
    from chalicelib import answers


class BotTokens:
    """Tokens for bots."""

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
        signer = minting.fresh(self._signer)

        def attempt() -> Mapping[str, Any]:
            terms = asdict(signer.issue(name, Role.BOT, ttl_seconds))
            for record in records_of(request, terms):
                self._answers.record(record)
            return terms

        return minting.signed(signer, minting.terms_of(self._idempotent.once(request, attempt)))
