"""Reads the token secrets of a laptop from a file that git ignores."""

from pathlib import Path

import msgspec

from chalicelib.auth.secrets import SecretsUnreadable, TokenSecrets


class FileSecrets(msgspec.Struct, frozen=True):
    """``ports.SecretSource`` on a file."""

    path: Path

    def load(self) -> TokenSecrets:
        """Return the file's secrets. Raises SecretsUnreadable."""
        try:
            return TokenSecrets.parse(self.path.read_text())
        except OSError as error:
            raise SecretsUnreadable(f"The token secrets can't be read: {error.strerror}.") from error
