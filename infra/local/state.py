"""Keeps the local gateway's files in one folder: token secrets, the engine's data, the log, and locks."""

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
    """The folder can't be created or written, or a file in it can't be read. The message says what to do."""


class StateDir:
    """The folder at ``path``. Each file is created when it is first needed.

    ``token_secrets`` has the secrets that sign tokens. ``log`` is the log of the functions and the gateway.
    ``engine`` is the folder of the embedded engine's data. While a gateway runs, ``served`` has its
    functions' variables and ``addresses`` its URLs. After a kill both files stay, and are out of date.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.token_secrets = path / "token-secrets.json"
        self.log = path / "log.jsonl"
        self.engine = path / "engine"
        self.served = path / "served.json"
        self.addresses = path / "addresses.json"

    def read(self) -> TokenSecrets:
        """Return the token secrets, see ``infra.token_secrets.SecretKeeper``. Raises SecretsUnreadable."""
        return FileSecrets(self.token_secrets).load()

    def replace(self, secrets: TokenSecrets) -> None:
        """Replace the token secrets. A reader gets either the old file or the new one."""
        _draft(self.path, secrets.document()).replace(self.token_secrets)

    def readable_token_secrets(self) -> Path:
        """Return the file of secrets, created first if there is none and readable only by its owner.

        Nobody sees a half-written file, and two gateways that start at once use the same one. Raises
        StateUnusable, also if the file is damaged.
        """
        if not self.token_secrets.exists():
            self._make()
            draft = _draft(self.path, new_secrets().document())
            with suppress(FileExistsError):
                self.token_secrets.hardlink_to(draft)
            draft.unlink()
        try:
            self.read()
        except SecretsUnreadable as error:
            raise StateUnusable(
                f"{self.token_secrets} can't be used: {error} Restore the file from a copy. Or remove it: "
                "the next `make run` makes a new one, and then every token made so far is refused."
            ) from error
        return self.token_secrets

    def _where(self) -> str:
        try:
            return f", at {json.loads(self.addresses.read_text())['rest_url']}"
        except (OSError, ValueError, KeyError, TypeError):
            return ""  # it is still starting

    def _make(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not os.access(self.path, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise StateUnusable(
                f"The state can't be stored in {self.path}: {error.strerror}. Name another folder with "
                "--state-dir."
            ) from error

    def lock(self, name: str) -> IO[bytes]:
        """Take the named lock, and return the open file that holds it.

        The lock lasts until this process and every process that inherited the file have closed it or ended.
        Raises StateInUse, StateUnusable.
        """
        self._make()
        file = (self.path / f"{name}.lock").open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            file.close()
            raise StateInUse(
                f"Another gateway is using {self.path}{self._where()}. Use that one, or stop it with Ctrl-C "
                "in its terminal, or start a second one: `gamenight serve --port 0 "
                f"--state-dir {self.path.parent / 'beside'}`."
            ) from busy
        return file


def write_whole(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file of JSON. A reader gets either the old file or the new one."""
    _draft(path.parent, json.dumps(content)).replace(path)


def _draft(folder: Path, text: str) -> Path:
    descriptor, name = tempfile.mkstemp(dir=folder)  # with mode 0600
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return Path(name)
