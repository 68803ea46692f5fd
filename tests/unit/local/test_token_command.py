from pathlib import Path

import pytest
from click.testing import CliRunner

from chalicelib.auth.claims import Role
from chalicelib.auth.secret_file import FileSecrets
from chalicelib.auth.tokens import JwtVerifier
from infra.cli.token import token
from infra.local.state import StateDir

HOUR = 60 * 60
DAY = 24 * HOUR


def test_a_token_and_nothing_else_is_printed(tmp_path: Path) -> None:
    secrets = FileSecrets(StateDir(tmp_path).readable_token_secrets())

    result = CliRunner().invoke(token, ["--role", "bot", "--sub", "kosmi", "--state-dir", str(tmp_path)])

    claims = JwtVerifier(secrets, "game-night-live").verify(result.stdout.removesuffix("\n"))
    assert (claims.subject, claims.role) == ("kosmi", Role.BOT)
    assert result.stderr == ""


def test_a_folder_without_a_secret_is_an_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(token, ["--role", "admin", "--state-dir", str(tmp_path)])

    assert result.exit_code == 1
    assert "make run" in result.stderr
    assert not list(tmp_path.iterdir())


def test_damaged_secrets_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "token-secrets.json").write_text("{")

    result = CliRunner().invoke(token, ["--role", "admin", "--state-dir", str(tmp_path)])

    assert result.exit_code == 1
    assert f"{tmp_path / 'token-secrets.json'} can't be used" in result.stderr


@pytest.mark.parametrize(("role", "seconds"), [("admin", 12 * HOUR), ("bot", 7 * DAY)])
def test_a_tokens_life_is_its_roles_unless_somebody_says(tmp_path: Path, role: str, seconds: int) -> None:
    assert life_of(tmp_path, "--role", role) == seconds


@pytest.mark.parametrize(("role", "longest"), [("admin", DAY), ("bot", 366 * DAY)])
def test_no_token_is_printed_that_lives_longer_than_its_role_may(
    tmp_path: Path, role: str, longest: int
) -> None:
    secrets = StateDir(tmp_path).readable_token_secrets()
    asked = ["--role", role, "--state-dir", str(secrets.parent), "--ttl"]

    longer = CliRunner().invoke(token, [*asked, str(longest + 1)])

    assert life_of(tmp_path, "--role", role, "--ttl", str(longest)) == longest
    assert longer.exit_code == 2
    assert f"{longest} seconds at most" in longer.stderr
    assert longer.stdout == ""


def life_of(folder: Path, *options: str) -> int:
    """Return the seconds that a token which the service accepts is good for from when it was minted."""
    secrets = FileSecrets(StateDir(folder).readable_token_secrets())
    minted = CliRunner().invoke(token, [*options, "--state-dir", str(folder)]).stdout.strip()
    claims = JwtVerifier(secrets, "game-night-live").verify(minted)
    return claims.expires_at - int(claims.issued_at)
