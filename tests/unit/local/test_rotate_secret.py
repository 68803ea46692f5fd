import json
import stat
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chalicelib.auth.secrets import TokenSecrets
from infra.cli.stage.rotate_secret import rotate_secret
from infra.local.state import StateDir

YEAR = 366 * 24 * 60 * 60


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    state = StateDir(tmp_path)
    state.readable_token_secrets()
    return state


def rotate(state: StateDir, *options: str) -> Result:
    return CliRunner().invoke(rotate_secret, [*options, "--state-dir", str(state.path)])


def test_the_old_secret_ends_with_its_last_token(state: StateDir) -> None:
    before = int(time.time())

    rotate(state)

    previous = state.read().previous
    assert previous is not None
    assert previous.until is not None
    assert before + YEAR <= previous.until <= time.time() + YEAR
    assert state.read().verifying(previous.kid, previous.until - 1) == previous.secret
    assert state.read().verifying(previous.kid, previous.until) is None


def test_its_end_can_be_chosen(state: StateDir) -> None:
    rotate(state, "--keep-days", "30")

    previous = state.read().previous
    assert previous is not None
    assert previous.until == pytest.approx(time.time() + 30 * 24 * 60 * 60, abs=60)


def test_a_secret_that_is_accepted_is_not_pushed_out(state: StateDir) -> None:
    rotate(state)
    kept = state.read()

    again = rotate(state)

    assert again.exit_code == 1
    assert "--finish" in again.stderr
    assert state.read() == kept


def test_one_that_has_ended_is(state: StateDir) -> None:
    rotate(state)
    kept = state.read()
    assert kept.previous is not None
    ended = {"kid": kept.previous.kid, "secret": kept.previous.secret, "until": int(time.time())}
    state.replace(TokenSecrets.parse(json.dumps({**json.loads(kept.document()), "previous": ended})))

    again = rotate(state)

    assert again.exit_code == 0
    assert state.read().previous is not None
    assert state.read().previous != kept.previous


def test_finishing_what_is_finished_changes_nothing_and_says_so(state: StateDir) -> None:
    kept = state.token_secrets.read_text()

    result = rotate(state, "--finish")

    assert result.exit_code == 0
    assert "nothing to finish" in result.stdout
    assert state.token_secrets.read_text() == kept


def test_it_says_what_it_did_and_no_secret(state: StateDir) -> None:
    said = rotate(state).stdout
    known = state.read()
    said_at_the_end = rotate(state, "--finish").stdout

    assert known.previous is not None
    assert known.current.kid in said
    assert known.previous.kid in said
    assert "rotate-secret --stage local --finish" in said
    assert known.previous.kid in said_at_the_end
    for text in (said, said_at_the_end):
        assert known.current.secret not in text
        assert known.previous.secret not in text


def test_the_file_stays_its_owners(state: StateDir) -> None:
    rotate(state)

    assert stat.S_IMODE(state.token_secrets.stat().st_mode) == 0o600
    assert list(state.path.iterdir()) == [state.token_secrets]


def test_a_folder_without_a_secret_is_an_error(tmp_path: Path) -> None:
    result = rotate(StateDir(tmp_path))

    assert result.exit_code == 1
    assert "make run" in result.stderr
