"""Lets people in without a token: guests by the code of a night, hosts by a link that works once.

The table has a digest of each code, and an idempotency key records a code's seed and a token's terms. So a
reader of the table can't join.
"""

import hashlib
import secrets
import unicodedata
from collections.abc import Mapping
from functools import partial
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from chalicelib.auth import minting
from chalicelib.auth.claims import Claims, Role
from chalicelib.auth.ports import Guest, Invite, InviteStore, Nights, TokenSigner
from chalicelib.errors import (
    FieldError,
    InvalidRequest,
    InviteExpired,
    InviteNotFound,
    SessionClosed,
    SessionNotFound,
    TooManyAttempts,
)
from chalicelib.idempotency import Idempotent, IdempotentRequest, records_of
from chalicelib.limits import (
    ATTEMPTS_A_MINUTE,
    ATTEMPTS_A_MINUTE_OF_ONE_SOURCE,
    CODE_CHARACTERS,
    GUEST_TOKEN_SECONDS,
    HOST_CODE_CHARACTERS,
    HOST_INVITE_SECONDS,
    HOST_TOKEN_SECONDS,
    MAX_INVITE_SECONDS,
)
from chalicelib.timestamps import Clock, unix_timestamp

if TYPE_CHECKING:
    from chalicelib import answers

LIMITS = {"": ATTEMPTS_A_MINUTE_OF_ONE_SOURCE, "all": ATTEMPTS_A_MINUTE}
"""Attempts to join a minute: from one source, and from all together."""


class Invites:
    """Inviting and joining. Every method raises Unavailable, Contended and IdempotencyMismatch."""

    def __init__(
        self, store: InviteStore, nights: Nights, signer: TokenSigner, commits: Idempotent, clock: Clock
    ) -> None:
        self._store = store
        self._nights = nights
        self._signer = signer
        self._idempotent = commits
        self._clock = clock

    def invite_guests(
        self,
        caller: Claims,
        session_id: int,
        ttl_seconds: int | None = None,
        request: IdempotentRequest | None = None,
    ) -> tuple[str, str]:
        """Return a code for any number of guests of a session, and when it expires.

        It is good for ``ttl_seconds``, by default MAX_INVITE_SECONDS, and until the session ends.
        Raises Forbidden, SessionNotFound, SessionClosed.
        """
        caller.require(Role.ADMIN)
        night = self._nights.session(session_id)
        if night is None:
            raise SessionNotFound(session_id)
        if not night.is_open:
            raise SessionClosed(session_id)
        invite = Invite(caller.subject, int(self._now()) + (ttl_seconds or MAX_INVITE_SECONDS), session_id)
        return self._made(invite, CODE_CHARACTERS, request)

    def invite_host(self, caller: Claims, request: IdempotentRequest | None = None) -> tuple[str, str]:
        """Return a code that signs in one host, and when it expires. Raises Forbidden."""
        caller.require(Role.ADMIN)
        invite = Invite(caller.subject, int(self._now()) + HOST_INVITE_SECONDS)
        return self._made(invite, HOST_CODE_CHARACTERS, request)

    def _made(self, invite: Invite, characters: int, request: IdempotentRequest | None) -> tuple[str, str]:
        signer = minting.fresh(self._signer)

        def attempt() -> Mapping[str, Any]:
            seed, kid = secrets.token_hex(16), signer.kid()
            recorded = {"seed": seed, "kid": kid, "expires_at": invite.expires_at}
            digest = digest_of(signer.code(seed, kid, characters))
            self._store.add_invite(digest, invite, records_of(request, recorded))
            return recorded

        made = self._idempotent.once(request, attempt)
        return signer.code(made["seed"], made["kid"], characters), unix_timestamp(made["expires_at"])

    def join(
        self, code: str, name: str | None, source: str, request: IdempotentRequest | None = None
    ) -> "answers.Joined":
        """Exchange a code for the token of a guest or of a host.

        A guest needs a name. A host without one gets the subject of the host who made the link.
        ``source`` is the caller's address. Raises TooManyAttempts, InviteNotFound, InviteExpired, NameTaken,
        and InvalidRequest for a guest without a name.
        """
        self._count_attempt(source)
        name = name and name.strip()
        signer = minting.fresh(self._signer)
        digest = digest_of(code)
        recorded = self._idempotent.once(request, partial(self._let_in, signer, digest, name, request))
        terms = minting.terms_of(recorded)
        token = minting.signed(signer, terms)
        return {**token, "name": terms.name or terms.subject, "session_id": terms.session}

    def _let_in(
        self, signer: TokenSigner, digest: str, name: str | None, request: IdempotentRequest | None
    ) -> Mapping[str, Any]:
        invite = self._store.invite(digest)
        if invite is None:
            raise InviteNotFound
        if invite.used:
            raise InviteExpired("This link was used already. Make another one.")
        if invite.expires_at <= self._now():
            raise InviteExpired("This code has expired. Ask the host for another one.")
        if invite.session is None:
            terms = asdict(signer.issue(name or invite.subject, Role.ADMIN, HOST_TOKEN_SECONDS))
            self._store.use_invite(digest, records_of(request, terms))
            return terms
        night = self._nights.session(invite.session)
        if night is None or not night.is_open:
            raise InviteExpired("The night of this code has ended.")
        if name is None:
            message = "Expected the name that the guest votes in"
            raise InvalidRequest(f"{message}, in name.", (FieldError("name", message),))
        guest = Guest(invite.session, name, f"guest-{secrets.token_hex(8)}")
        terms = asdict(
            signer.issue(guest.subject, Role.GUEST, GUEST_TOKEN_SECONDS, guest.session, guest.name)
        )
        self._store.add_guest(guest, records_of(request, terms))
        return terms

    def _count_attempt(self, source: str) -> None:
        """Count an attempt before its code is read, so that attempts at once are all counted."""
        minute = int(self._now()) // 60
        for counted, limit in LIMITS.items():
            if self._store.count_attempt(minute, counted or network_of(source)) > limit:
                raise TooManyAttempts

    def _now(self) -> float:
        return self._clock().timestamp()


def digest_of(code: str) -> str:
    """Return the digest of a code. Case, spaces and hyphens don't matter."""
    typed = unicodedata.normalize("NFKC", code).upper()
    return hashlib.sha256("".join(filter(str.isalnum, typed)).encode(errors="replace")).hexdigest()


def network_of(source: str) -> str:
    """Return the network whose attempts are counted together: an IPv4 address, or an IPv6 /64."""
    try:
        address = ip_address(source)
    except ValueError:
        return source
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Network((address, 64), strict=False))
    return str(address)
