from datetime import UTC, datetime

import pytest

from chalicelib.auth.claims import Claims, Role
from chalicelib.auth.invites import Invites, digest_of, network_of
from chalicelib.auth.ports import Invite
from chalicelib.auth.secrets import Secret, TokenSecrets
from chalicelib.auth.tokens import LETTERS, JwtVerifier, TokenIssuer
from chalicelib.errors import (
    Forbidden,
    InvalidRequest,
    InviteExpired,
    InviteNotFound,
    NameTaken,
    SessionClosed,
    SessionNotFound,
    TooManyAttempts,
)
from chalicelib.idempotency import Idempotent, IdempotentRequest
from chalicelib.limits import (
    ATTEMPTS_A_MINUTE,
    ATTEMPTS_A_MINUTE_OF_ONE_SOURCE,
    CODE_CHARACTERS,
    HOST_CODE_CHARACTERS,
)
from chalicelib.nights.ports import Commit
from chalicelib.nights.sessions import Session, StreamHead, end_session, start_session
from chalicelib.retry import Backoff
from tests.fakes.identity import claims
from tests.fakes.stores import FakeSessionStore

REQUEST = IdempotentRequest("", "key", "hash")
HOME = "203.0.113.7"


class Club:
    """A service with one night that is on, and its host."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC).timestamp() - 3600  # no token is from the future
        self.secrets = TokenSecrets(Secret("k1", "s" * 40))
        self.store = FakeSessionStore(lambda: self.time)
        signer = TokenIssuer(self, "us", lambda: self.time)
        commits = Idempotent(self.store, Backoff())
        self.invites = Invites(
            self.store, self.store, signer, commits, lambda: datetime.fromtimestamp(self.time, UTC)
        )
        self.night, *events = start_session(StreamHead("fake", 0), epoch="e", notes=None, now="")
        self.store.start(StreamHead("fake", 0), self.night, events)

    def load(self) -> TokenSecrets:
        return self.secrets

    def code(self, ttl_seconds: int | None = None) -> str:
        return self.invites.invite_guests(claims(), self.night.id, ttl_seconds)[0]

    def join(self, code: str, name: str | None = "Zoë", source: str = HOME) -> Claims:
        joined = self.invites.join(code, name, source)
        return JwtVerifier(self, "us").verify(joined["token"])

    def end_night(self) -> Session:
        ended, event = end_session(self.night, now="")
        self.store.commit(Commit(self.night, ended, [event]))
        return ended


@pytest.fixture
def club() -> Club:
    return Club()


def test_a_guest_joins_one_night_under_one_name(club: Club) -> None:
    guest = club.join(club.code(), " Zoë ")

    assert (guest.role, guest.session, guest.name) == (Role.GUEST, club.night.id, "Zoë")


def test_a_code_can_be_typed(club: Club) -> None:
    code = club.code()

    assert len(code) == CODE_CHARACTERS
    assert {*code} <= {*LETTERS}
    assert not {*LETTERS} & {*"01258BILOSZ"}
    assert club.join(f" {code[:3].lower()}-{code[3:].lower()} ").session == club.night.id


def test_codes_differ(club: Club) -> None:
    assert len({club.code() for _ in range(100)}) == 100


def test_every_name_joins_once_however_it_is_written(club: Club) -> None:
    code = club.code()
    club.join(code, "Zoë")

    for same in ("zoë", " ZOE\u0308"):
        with pytest.raises(NameTaken):
            club.join(code, same)
    assert club.join(club.code(), "Zoe").name == "Zoe"


@pytest.mark.parametrize("code", ["AAAAAAA", "", "x" * 64, "' OR 1=1", "\ud800"])
def test_what_is_no_code_lets_nobody_in(club: Club, code: str) -> None:
    club.code()

    with pytest.raises(InviteNotFound):
        club.join(code)


def test_a_code_is_good_until_its_time_or_its_night_ends(club: Club) -> None:
    short, long = club.code(60), club.code()
    club.time += 61

    with pytest.raises(InviteExpired, match="expired"):
        club.join(short)
    assert club.join(long).name == "Zoë"
    club.end_night()
    with pytest.raises(InviteExpired, match="ended"):
        club.join(long, "Ada")
    with pytest.raises(SessionClosed):
        club.code()


def test_a_guest_says_a_name(club: Club) -> None:
    with pytest.raises(InvalidRequest) as refused:
        club.join(club.code(), None)

    assert [one.field for one in refused.value.errors] == ["name"]


def test_only_a_host_invites(club: Club) -> None:
    for role in (Role.BOT, Role.GUEST):
        with pytest.raises(Forbidden):
            club.invites.invite_guests(claims(role=role), club.night.id)
        with pytest.raises(Forbidden):
            club.invites.invite_host(claims(role=role))
    with pytest.raises(SessionNotFound):
        club.invites.invite_guests(claims(), 99)


def test_a_hosts_link_signs_in_one_host_within_ten_minutes(club: Club) -> None:
    (used, _), (late, _), (named, _) = (club.invites.invite_host(claims("alice")) for _ in range(3))

    host = club.join(used, None)

    assert (host.subject, host.role, host.session) == ("alice", Role.ADMIN, None)
    assert len(used) == HOST_CODE_CHARACTERS
    with pytest.raises(InviteExpired, match="used"):
        club.join(used, None)
    assert club.join(named, "bob").subject == "bob"
    club.time += 601
    with pytest.raises(InviteExpired, match="expired"):
        club.join(late, None)


def test_the_same_request_joins_once(club: Club) -> None:
    guests, (host, _) = club.code(), club.invites.invite_host(claims())
    another = IdempotentRequest("", "another", "hash")

    joined = [club.invites.join(guests, "Zoë", HOME, REQUEST) for _ in range(2)]
    signed_in = [club.invites.join(host, None, HOME, another) for _ in range(2)]

    assert joined[0] == joined[1]
    assert signed_in[0] == signed_in[1]


def test_the_same_request_twice_at_once_signs_in_once(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    host, _ = club.invites.invite_host(claims())
    read, answers = club.store.invite, []

    def read_after_the_other(digest: str) -> Invite | None:
        monkeypatch.undo()
        answers.append(club.invites.join(host, None, HOME, REQUEST))
        return read(digest)

    monkeypatch.setattr(club.store, "invite", read_after_the_other)
    answers.append(club.invites.join(host, None, HOME, REQUEST))

    assert answers[0] == answers[1]


def test_the_same_request_makes_the_same_code_and_the_table_has_none(club: Club) -> None:
    request = IdempotentRequest("host", "key", "hash")

    codes = [club.invites.invite_host(claims(), request) for _ in range(2)]

    recorded = club.store.recorded_answer(request)
    assert codes[0] == codes[1]
    assert recorded is not None
    assert codes[0][0] not in recorded.answer + repr(club.store._invites)
    assert club.store.invite(digest_of(codes[0][0])) is not None


def test_codes_cannot_be_guessed_from_one_place(club: Club) -> None:
    code = club.code()

    for _ in range(ATTEMPTS_A_MINUTE_OF_ONE_SOURCE):
        with pytest.raises(InviteNotFound):
            club.join("AAAAAAA")
    with pytest.raises(TooManyAttempts):
        club.join(code)

    assert club.join(code, source="203.0.113.8").name == "Zoë"
    club.time += 60
    assert club.join(code, "Ada").name == "Ada"


def test_codes_cannot_be_guessed_from_many_places(club: Club) -> None:
    code = club.code()

    for number in range(ATTEMPTS_A_MINUTE):
        with pytest.raises(InviteNotFound):
            club.join("AAAAAAA", source=f"10.0.{number // 250}.{number % 250}")
    with pytest.raises(TooManyAttempts):
        club.join(code)


@pytest.mark.parametrize(
    ("source", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("test-invoke-source-ip", "test-invoke-source-ip"),
    ],
)
def test_a_household_is_one_source(source: str, network: str) -> None:
    assert network_of(source) == network
