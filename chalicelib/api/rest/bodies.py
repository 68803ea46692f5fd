"""Decodes and checks the bodies and headers of REST requests."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec

from chalicelib.api.json_input import decode
from chalicelib.api.validation_messages import NOT_BLANK
from chalicelib.errors import BodyTooLarge, FieldError, InvalidRequest, Unauthenticated
from chalicelib.idempotency import IdempotentRequest
from chalicelib.limits import (
    MAX_BODY_BYTES,
    MAX_CODE_CHARACTERS,
    MAX_ID,
    MAX_INVITE_SECONDS,
    MAX_NOTES_CHARACTERS,
    MAX_PACK_NAME_CHARACTERS,
    MAX_PLAYERS,
    MAX_SUBJECT_CHARACTERS,
    MAX_TITLE_CHARACTERS,
    MAX_TOKEN_SECONDS,
    MAX_USERNAME_CHARACTERS,
    MIN_INVITE_SECONDS,
    MIN_TOKEN_SECONDS,
)
from chalicelib.nights import games
from chalicelib.nights.votes import VoteRequest, VoteType

Body = TypeVar("Body", bound=msgspec.Struct)

MAX_KEY_CHARACTERS = 255

PackName = Annotated[str, msgspec.Meta(max_length=MAX_PACK_NAME_CHARACTERS, pattern=NOT_BLANK)]
Username = Annotated[str, msgspec.Meta(max_length=MAX_USERNAME_CHARACTERS, pattern=NOT_BLANK)]
Players = Annotated[int, msgspec.Meta(ge=1, le=MAX_PLAYERS)]


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a request without fields, such as ``POST /api/sessions/{id}/close``."""


class NewSession(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST /api/sessions``."""

    notes: Annotated[str, msgspec.Meta(max_length=MAX_NOTES_CHARACTERS)] | None = None


class NewGame(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST /api/sessions/{id}/games``."""

    title: Annotated[str, msgspec.Meta(max_length=MAX_TITLE_CHARACTERS, pattern=NOT_BLANK)]
    pack_name: PackName | None = None
    min_players: Players | None = None
    max_players: Players | None = None

    def as_game(self) -> games.NewGame:
        """Return the game. Raises InvalidRequest if ``min_players`` is above ``max_players``."""
        if self.min_players and self.max_players and self.min_players > self.max_players:
            message = "Expected min_players to be max_players at most"
            raise InvalidRequest(f"{message}.", (FieldError("min_players", message),))
        return games.NewGame(self.title, self.pack_name, self.min_players, self.max_players)


class NewVote(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST /api/sessions/{id}/votes``."""

    username: Username
    type: VoteType
    game_id: Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)] | None = None

    def as_request(self) -> VoteRequest:
        """Return the requested vote."""
        return VoteRequest(self.username, self.type, self.game_id)


class NewToken(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST /api/tokens``."""

    name: Annotated[str, msgspec.Meta(max_length=MAX_SUBJECT_CHARACTERS, pattern=NOT_BLANK)]
    ttl_seconds: Annotated[int, msgspec.Meta(ge=MIN_TOKEN_SECONDS, le=MAX_TOKEN_SECONDS)]


class NewInvite(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST /api/sessions/{id}/invites``."""

    ttl_seconds: Annotated[int, msgspec.Meta(ge=MIN_INVITE_SECONDS, le=MAX_INVITE_SECONDS)] | None = None


class NewJoin(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST /api/join``. Only a host's code needs no name."""

    code: Annotated[str, msgspec.Meta(max_length=MAX_CODE_CHARACTERS, pattern=NOT_BLANK)]
    name: Username | None = None


def body_of(raw: bytes | str, kind: type[Body]) -> Body:
    """Return a request's body as a struct. A missing body counts as ``{}``.

    Raises BodyTooLarge, InvalidJson or InvalidRequest.
    """
    if len(raw) > MAX_BODY_BYTES:
        raise BodyTooLarge
    body: Body = decode(raw or b"{}", kind, InvalidRequest)
    return body


def bearer_token(headers: Mapping[str, str]) -> str:
    """Return the token of ``Authorization: Bearer <jwt>``. Raises Unauthenticated if there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send the header 'Authorization: Bearer <token>'.")
    return token.strip()


def idempotent_request(
    headers: Mapping[str, str], subject: str, route: str, body: msgspec.Struct
) -> IdempotentRequest | None:
    """Return a subject's request under its ``Idempotency-Key``; None if it has none.

    Two bodies with the same values are the same, whatever their white space. Raises InvalidRequest for a key
    that is not 1 to 255 printable ASCII characters.
    """
    key = headers.get("idempotency-key")
    if key is None:
        return None
    if not (0 < len(key) <= MAX_KEY_CHARACTERS and key.isascii() and key.isprintable()):
        message = "Expected 1 to 255 printable ASCII characters"
        raise InvalidRequest(
            f"{message}, such as a UUID, in the header Idempotency-Key.",
            (FieldError("Idempotency-Key", message),),
        )
    asked = route.encode() + b"\n" + msgspec.json.encode(body)
    return IdempotentRequest(subject, key, hashlib.sha256(asked).hexdigest())
