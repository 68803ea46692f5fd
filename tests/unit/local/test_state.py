import stat
from pathlib import Path

import pytest

from chalicelib.auth.secret_file import FileSecrets
from infra.local.state import StateDir, StateInUse, StateUnusable


def test_the_token_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")

    first = FileSecrets(state.readable_token_secrets()).load()
    again = FileSecrets(state.readable_token_secrets()).load()

    assert again == first
    assert len(first.current.secret) >= 64


def test_the_token_secret_is_for_its_owner_only(tmp_path: Path) -> None:
    secrets = StateDir(tmp_path).readable_token_secrets()

    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [secrets]


def test_a_second_gateway_is_kept_out_while_another_serves(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    first = state.lock("gateway")

    state.addresses.write_text('{"rest_url": "http://localhost:5000"}')
    with pytest.raises(StateInUse, match=r"at http://localhost:5000\. .*--port 0"):
        state.lock("gateway")
    first.close()

    state.lock("gateway").close()


def test_damaged_secrets_are_named_and_left_as_they_are(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    state.token_secrets.write_text("{")

    with pytest.raises(StateUnusable, match=r"token-secrets\.json can't be used: .*remove it"):
        state.readable_token_secrets()

    assert state.token_secrets.read_text() == "{"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StateUnusable, match=r"can't be stored in .*file/state: .*--state-dir"):
        StateDir(tmp_path / "file" / "state").lock("gateway")
