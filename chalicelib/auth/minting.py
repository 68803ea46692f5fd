"""Signs the tokens that the REST API hands out.

An idempotency key records a token's terms and never the token. Signing the terms again makes the same token,
and a reader of the table can't act as its owner.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.auth.claims import Role, TokenTerms
from chalicelib.auth.ports import TokenSigner
from chalicelib.auth.secrets import SecretsUnreadable
from chalicelib.errors import Unavailable
from chalicelib.timestamps import unix_timestamp

if TYPE_CHECKING:
    from chalicelib import answers


def fresh(signer: TokenSigner) -> TokenSigner:
    """Return a signer with the secrets as they are now. Raises Unavailable."""
    try:
        return signer.fresh()
    except SecretsUnreadable as error:
        raise Unavailable("No token can be signed at the moment. Try again in a moment.") from error


def terms_of(recorded: Mapping[str, Any]) -> TokenTerms:
    """Return the terms that were recorded as JSON."""
    return TokenTerms(**{**recorded, "role": Role(recorded["role"])})


def signed(signer: TokenSigner, terms: TokenTerms) -> "answers.MintedToken":
    """Return the token of these terms, as the protocol's 201 shows it."""
    return {
        "token": signer.sign(terms),
        "expires_at": unix_timestamp(terms.expires_at),
        "role": terms.role,
        "sub": terms.subject,
    }
