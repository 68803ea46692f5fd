"""The local gateway's folder: the token secrets, the engine's data, and a lock for each."""

import errno
import fcntl
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from chalicelib.auth.secret_file import FileSecrets
from chalicelib.auth.secrets import SecretsUnreadable, TokenSecrets
from infra import ROOT
from infra.token_secrets import new_secrets

DEFAULT_STATE_DIR = ROOT / ".local" / "state"


class StateInUse(Exception):
    """Another gateway is using the folder."""


class StateUnusable(Exception):
    """The folder can't be made or written, or what it holds can't be read; the message says what to do."""


class StateDir:
    """The folder at ``path``; nothing is created before it is needed.

    ``token_secrets`` signs tokens. ``log`` has what functions and gateway log. ``engine`` is the folder of
    the embedded engine's data. While a gateway runs, ``served`` has its functions' variables, and
    ``addresses`` its URLs; both are out of date after a kill.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.token_secrets = path / "token-secrets.json"
        self.log = path / "log.jsonl"
        self.engine = path / "engine"
        self.served = path / "served.json"
        self.addresses = path / "addresses.json"

    def ensure_token_secrets(self) -> Path:
        """Make the file of secrets at the first start, readable by its owner only, and return it.

        It appears whole or not at all, and two starts at once agree on one. Raises StateUnusable.
        """
        if not self.token_secrets.exists():
            self._make()
            draft = self._draft(new_secrets())
            with suppress(FileExistsError):
                self.token_secrets.hardlink_to(draft)
            draft.unlink()
        return self.token_secrets

    def read(self) -> TokenSecrets:
        """Return the token secrets, see ``infra.token_secrets.SecretKeeper``. Raises SecretsUnreadable."""
        return FileSecrets(self.token_secrets).load()

    def replace(self, secrets: TokenSecrets) -> None:
        """Replace the token secrets; a reader gets either all of the old ones or all of the new."""
        self._draft(secrets).replace(self.token_secrets)

    def readable_token_secrets(self) -> Path:
        """Return the file of secrets, made at the first start. Raises StateUnusable where it is damaged."""
        file = self.ensure_token_secrets()
        try:
            self.read()
        except SecretsUnreadable as error:
            raise StateUnusable(
                f"{file} can't be used: {error} Put back the file as it was; or remove it, and the next "
                "`make run` makes a new one, which accepts none of the tokens so far."
            ) from error
        return file

    def _where(self) -> str:
        try:
            return f", at {json.loads(self.addresses.read_text())['rest_url']}"
        except (OSError, ValueError, KeyError, TypeError):
            return ""  # it is only just starting

    def _make(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not os.access(self.path, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise StateUnusable(
                f"The state can't be kept in {self.path}: {error.strerror}. Name a folder of yours with "
                "--state-dir."
            ) from error

    def _draft(self, secrets: TokenSecrets) -> Path:
        descriptor, name = tempfile.mkstemp(dir=self.path)  # with mode 0600
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.document())
        return Path(name)

    def lock(self, name: str) -> IO[bytes]:
        """Return an open file that holds the named lock until it is closed by all who have inherited it.

        The kernel releases it when its holders end, however they end. Raises StateInUse, StateUnusable.
        """
        self._make()
        file = (self.path / f"{name}.lock").open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            file.close()
            raise StateInUse(
                f"{self.path} is in use by another gateway{self._where()}. Use that one; or end it with "
                "Ctrl-C in its terminal; or start one beside it: `gamenight serve --port 0 "
                f"--state-dir {self.path.parent / 'beside'}`."
            ) from busy
        return file


def write_whole(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file of JSON; a reader gets either all of it or what was there before."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(content))
    draft.replace(path)
