"""Finds the secret that signs a stage's tokens: in the local gateway's file, or in a parameter on AWS.

``infra.local.state`` and ``infra.deploy.provision`` keep them.
"""

from pathlib import Path

from click import ClickException

from chalicelib.auth.claims import Role
from chalicelib.auth.ports import SecretSource
from chalicelib.auth.secret_file import FileSecrets
from chalicelib.auth.secrets import SecretsUnreadable
from chalicelib.auth.tokens import TokenIssuer
from chalicelib.settings import Settings
from infra.local.state import DEFAULT_STATE_DIR, StateDir, StateUnusable

LOCAL = "local"
"""The local gateway's stage."""


def minted(stage: str, state_dir: Path, subject: str, role: Role, ttl_seconds: int) -> str:
    """Return a new token for a stage. Raises ClickException if there is no secret."""
    issuer = TokenIssuer(_secrets(stage, state_dir), Settings.from_env().jwt_issuer)
    try:
        return issuer.mint(subject, role, ttl_seconds)
    except SecretsUnreadable as error:
        hint = "" if stage == LOCAL else f" Is it deployed? `gamenight stage status --stage {stage}` tells."
        raise ClickException(f"{error}{hint}") from error


def used_state(folder: Path) -> StateDir:
    """Return the folder's state. Raises ClickException if no gateway has used it yet."""
    state = StateDir(folder)
    if not state.token_secrets.exists():
        raise ClickException(
            f"No gateway has been started with the state folder {folder} yet, so there is no secret to "
            "sign with. Start one with `make run`, or name its folder with --state-dir."
        )
    return state


def _secrets(stage: str, state_dir: Path) -> SecretSource:
    if stage == LOCAL:
        return _local_secrets(state_dir)
    # Imported here: a token of the local stage needs no AWS SDK.
    from chalicelib.aws.secrets import ParameterSecrets  # noqa: PLC0415
    from infra.deploy.aws import Aws  # noqa: PLC0415
    from infra.deploy.output import explained  # noqa: PLC0415
    from infra.deploy.stage import Stage  # noqa: PLC0415

    name = Stage(stage).secret_parameter
    with explained():
        # The Region is the environment's or else the profile's. Missing credentials give a message.
        region = Aws.connect().region
    return ParameterSecrets(name, region, Settings.from_env().aws_endpoint)


def _local_secrets(state_dir: Path) -> SecretSource:
    # The first gateway looks in the default folder, so a token can be made before it starts.
    state = StateDir(state_dir) if state_dir == DEFAULT_STATE_DIR else used_state(state_dir)
    try:
        return FileSecrets(state.readable_token_secrets())
    except StateUnusable as error:
        raise ClickException(str(error)) from error
