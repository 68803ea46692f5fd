import logging
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from chalicelib.auth.secret_cache import SecretCache
from chalicelib.auth.secrets import Secret, SecretsUnreadable, TokenSecrets
from chalicelib.errors import Unavailable

OLD = Secret("k1", "o" * 40)
NEW = Secret("k2", "n" * 40)
BEFORE = TokenSecrets(OLD)
DURING = TokenSecrets(NEW, OLD)
AFTER = TokenSecrets(NEW)


@dataclass
class Process:
    """One that lives on; ``kept`` is what the secret store has, None while it does not answer."""

    kept: TokenSecrets | None = BEFORE
    time: float = 100.0
    loads: int = 0
    known: SecretCache = field(init=False)

    def __post_init__(self) -> None:
        self.known = SecretCache(self, lambda: self.time, lambda: self.time)

    def load(self) -> TokenSecrets:
        self.loads += 1
        if self.kept is None:
            raise SecretsUnreadable("gone fishing")
        return self.kept


def test_a_token_of_a_new_secret_is_accepted_at_once() -> None:
    process = Process()
    assert process.known.verifying("k2") is None
    process.time += 1
    process.known.verifying("k1")
    process.kept = DURING

    assert process.known.verifying("k2") == NEW.secret
    assert process.known.verifying("k1") == OLD.secret


def test_the_end_of_a_rotation_is_noticed_within_a_minute() -> None:
    process = Process(DURING)
    process.known.verifying("k1")
    process.kept = AFTER

    process.time += 60
    still = process.known.verifying("k1")
    process.time += 1
    no_more = process.known.verifying("k1")

    assert (still, no_more) == (OLD.secret, None)


def test_a_secret_is_refused_to_the_second_without_a_read() -> None:
    process = Process(replace(DURING, previous=replace(OLD, until=150)))
    process.time = 149.9
    before = process.known.verifying("k1")

    process.time = 150.0

    assert before == OLD.secret
    assert process.known.verifying("k1") is None
    assert process.known.verifying("k2") == NEW.secret


def test_unknown_kids_cause_one_read_a_second_at_most() -> None:
    process = Process()

    for _ in range(3):
        for number in range(50):
            assert process.known.verifying(f"made-up-{number}") is None
        process.time += 1

    assert process.loads == 1 + 3


def test_known_secrets_serve_for_a_while_without_the_store(caplog: pytest.LogCaptureFixture) -> None:
    process = Process()
    process.known.verifying("k1")
    process.kept = None

    with caplog.at_level(logging.ERROR):
        for _ in range(9):
            process.time += 60
            assert process.known.verifying("k1") == OLD.secret
    assert OLD.secret not in caplog.text
    process.time += 120
    with pytest.raises(Unavailable):
        process.known.verifying("k1")


def test_a_silent_store_is_not_asked_for_every_token() -> None:
    process = Process()
    process.known.verifying("k1")
    process.kept = None
    process.time += 61

    for _ in range(50):
        process.known.verifying("k1")
        process.known.verifying("made-up")

    assert process.loads == 1 + 2


def test_where_nothing_was_ever_read_no_token_can_be_verified() -> None:
    process = Process(None)

    with pytest.raises(Unavailable):
        process.known.verifying("k1")
    process.kept = BEFORE

    assert process.known.verifying("k1") == OLD.secret


def test_no_secret_is_in_what_a_traceback_would_show() -> None:
    assert NEW.secret not in repr(DURING)
    assert OLD.secret not in repr(DURING)
