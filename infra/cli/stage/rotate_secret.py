"""``gamenight stage rotate-secret``: changes the secret that signs tokens, without cutting off anybody."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from chalicelib.auth.secret_cache import REFRESH_SECONDS
from chalicelib.auth.secrets import Secret, SecretsUnreadable, TokenSecrets
from chalicelib.limits import MAX_TOKEN_SECONDS
from chalicelib.timestamps import timestamp
from infra.cli.options import JSON, STAGE, STATE_DIR, Number, answer, examples
from infra.stage_secrets import used_state
from infra.token_secrets import SecretKeeper, finished, rotated

DAY = 24 * 60 * 60
LONGEST_DAYS = MAX_TOKEN_SECONDS // DAY


@click.command(
    epilog=examples("stage rotate-secret --stage dev", "stage rotate-secret --stage dev --finish --json")
)
@STAGE
@click.option("--finish", is_flag=True, help="Stop accepting the old secret.")
@click.option(
    "--keep-days",
    type=Number(1, LONGEST_DAYS),
    default=LONGEST_DAYS,
    show_default=True,
    help="How long tokens of the old secret are accepted. The default is the longest life of a bot's token.",
)
@STATE_DIR
@JSON
def rotate_secret(*, stage: str, finish: bool, keep_days: int, json_only: bool, state_dir: Path) -> None:
    """Sign tokens with a new secret.

    Anyone with the secret can act as any user. Change it now and then, and whenever somebody leaves who could
    read it. Nobody is cut off: connections stay open, old tokens stay valid, and new ones work at once, since
    a function that gets a token of an unknown secret reads the secrets again.

    Tokens of the old secret are refused after --keep-days, or after --finish. Run --finish when every bot has
    a new token and the night is over, since it also signs out guests, whose names stay taken, and hosts who
    came by a link. If the secret has leaked, rotate and finish at once, and give every bot a new token.
    """
    now = int(time.time())
    with _keeper(stage, state_dir) as keeper:
        before = keeper.read()
        after = finished(before) if finish else rotated(before, now, now + keep_days * DAY)
        if after != before:
            keeper.replace(after)
    lines = _finished(stage, before) if finish else _rotated(stage, after)
    answer(_facts(stage, after), *lines, json_only=json_only)


@contextmanager
def _keeper(stage: str, state_dir: Path) -> Iterator[SecretKeeper]:
    try:
        if stage == "local":
            yield used_state(state_dir)
            return
        # Imported here, because the local stage does not need the AWS SDK.
        from infra.deploy.aws import Aws
        from infra.deploy.output import explained
        from infra.deploy.provision import SecretParameter
        from infra.deploy.stage import Stage

        name = Stage(stage).secret_parameter
        with explained():
            yield SecretParameter(Aws.connect().client("ssm"), name)
    except SecretsUnreadable as error:
        raise click.ClickException(str(error)) from error


def _facts(stage: str, known: TokenSecrets) -> dict[str, Any]:
    previous = known.previous
    return {
        "stage": stage,
        "kid": known.current.kid,
        "previous_kid": previous.kid if previous else None,
        "previous_until": _end(previous) if previous and previous.until is not None else None,
    }


def _rotated(stage: str, known: TokenSecrets) -> Iterator[str]:
    yield f"From now on tokens of {stage} are signed with {known.current.kid}. They work at once."
    if known.previous:
        yield f"Tokens of {known.previous.kid} are accepted until {_end(known.previous)}."
    yield "To end the old secret earlier, give every bot a new token (POST /api/tokens, or"
    yield f"`gamenight token --stage {stage} --role bot --sub NAME`), and then run"
    yield f"  gamenight stage rotate-secret --stage {stage} --finish"


def _finished(stage: str, before: TokenSecrets) -> Iterator[str]:
    if before.previous is None:
        yield f"There is nothing to finish: {before.current.kid} is the only secret of {stage}."
        return
    yield f"{before.current.kid} is now the only secret of {stage}. Tokens of {before.previous.kid} are"
    yield f"refused within {REFRESH_SECONDS:.0f} seconds. Open connections stay until their token expires,"
    yield "but for two hours at most. After that they need a new token."


def _end(previous: Secret) -> str:
    return timestamp(datetime.fromtimestamp(previous.until or 0, UTC))
