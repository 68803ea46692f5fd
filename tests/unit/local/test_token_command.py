from pathlib import Path

from click.testing import CliRunner

from chalicelib.auth.tokens import JwtVerifier
from chalicelib.domain.identity import Role
from chalicelib.storage.secrets import FileSecrets
from infra.commands.token import command
from infra.local.state import StateDir


def test_a_token_and_nothing_else_is_printed(tmp_path: Path) -> None:
    secrets = FileSecrets(StateDir(tmp_path).ensure_token_secrets())

    result = CliRunner().invoke(command, ["--role", "bot", "--sub", "kosmi", "--state-dir", str(tmp_path)])

    claims = JwtVerifier(secrets, "game-night-live").verify(result.stdout.removesuffix("\n"))
    assert (claims.subject, claims.role) == ("kosmi", Role.BOT)
    assert result.stderr == ""


def test_a_folder_without_a_secret_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["--role", "admin", "--state-dir", str(tmp_path)])

    assert result.exit_code == 1
    assert "make run" in result.stderr
    assert not list(tmp_path.iterdir())
