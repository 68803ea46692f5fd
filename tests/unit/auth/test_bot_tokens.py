import json
import time

import pytest

from chalicelib.auth.bot_tokens import BotTokens
from chalicelib.auth.claims import Role
from chalicelib.auth.secrets import Secret, TokenSecrets
from chalicelib.auth.tokens import JwtVerifier, TokenIssuer
from chalicelib.errors import Forbidden
from chalicelib.idempotency import IdempotencyMismatch, Idempotent, IdempotentRequest
from chalicelib.retry import Backoff
from tests.fakes.identity import claims
from tests.fakes.stores import FakeSessionStore

NOW = 1_762_027_200
REQUEST = IdempotentRequest("host", "key", "hash")


class Minting:
    def __init__(self) -> None:
        self.store = FakeSessionStore()
        self.secrets = TokenSecrets(Secret("k1", "s" * 40))
        self.now = float(NOW)
        self.loads = 0
        signer = TokenIssuer(self, "us", lambda: self.now)
        self.tokens = BotTokens(signer, self.store, Idempotent(self.store, Backoff()))

    def load(self) -> TokenSecrets:
        self.loads += 1
        return self.secrets


def test_a_bot_may_not_let_another_in() -> None:
    with pytest.raises(Forbidden):
        Minting().tokens.mint(claims(role=Role.BOT), "kosmi", 3600)


def test_no_token_is_stored() -> None:
    minting = Minting()

    minted = minting.tokens.mint(claims(), "kosmi", 3600, REQUEST)

    recorded = minting.store.recorded_answer(REQUEST)
    assert recorded is not None
    assert minted["token"].rpartition(".")[2] not in recorded.answer
    assert set(json.loads(recorded.answer)) == {
        "subject",
        "role",
        "issued_at",
        "expires_at",
        "token_id",
        "kid",
        "session",
        "name",
    }


def test_the_same_key_after_a_rotation_answers_a_working_token() -> None:
    minting = Minting()
    minting.now = time.time()
    minting.tokens.mint(claims(), "kosmi", 3600, REQUEST)
    minting.secrets = TokenSecrets(Secret("k3", "t" * 40))

    again = minting.tokens.mint(claims(), "kosmi", 3600, REQUEST)

    assert JwtVerifier(minting, "us").verify(again["token"]).subject == "kosmi"


@pytest.mark.parametrize("request_", [None, REQUEST])
def test_a_bot_is_let_in_as_long_as_asked(request_: IdempotentRequest | None) -> None:
    minting = Minting()

    first = minting.tokens.mint(claims(), "kosmi", 3600, request_)
    loads = minting.loads
    minting.now += 60
    second = minting.tokens.mint(claims(), "kosmi", 3600, request_)

    assert list(first) == ["token", "expires_at", "role", "sub"]
    assert (first["expires_at"], first["role"], first["sub"]) == ("2025-11-01T21:00:00.000Z", "bot", "kosmi")
    assert loads == 1
    assert (first == second) is (request_ is not None)


def test_the_same_key_for_another_bot_is_refused() -> None:
    minting = Minting()
    minting.tokens.mint(claims(), "kosmi", 3600, REQUEST)

    with pytest.raises(IdempotencyMismatch):
        minting.tokens.mint(claims(), "discord", 3600, IdempotentRequest("host", "key", "another"))
