import stat
from pathlib import Path

import pytest

from chalicelib.storage.secrets import FileSecrets
from infra.local.state import StateDir, StateInUse


def test_the_token_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")

    first = FileSecrets(state.ensure_token_secrets()).load()
    again = FileSecrets(state.ensure_token_secrets()).load()

    assert again == first
    assert len(first.current.secret) >= 64


def test_the_token_secret_is_for_its_owner_only(tmp_path: Path) -> None:
    secrets = StateDir(tmp_path).ensure_token_secrets()

    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [secrets]


def test_a_second_gateway_is_kept_out_until_the_first_has_ended(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    first = state.lock("gateway")

    with pytest.raises(StateInUse):
        state.lock("gateway")
    first.close()

    state.lock("gateway").close()
