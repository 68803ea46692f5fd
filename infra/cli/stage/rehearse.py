"""``gamenight stage rehearse`` and ``emulate``: a deployment on this machine, by itself or by hand."""

import shlex
import signal
import tempfile
from pathlib import Path

import click

from infra.cli.options import JSON, answer, examples
from infra.deploy.output import Progress
from infra.deploy.rehearse.account import KEYS, new_deployer, rehearsal_account
from infra.deploy.rehearse.rehearse import rehearse as rehearse_stage
from infra.deploy.rehearse.terminal import PROCESSOR
from infra.signals import exit_by_signals

PRACTICE = """
In another terminal, in this folder:

  . .venv/bin/activate
{exports}
  gamenight stage deploy --stage practice {processor}

Then the commands of docs/deploying.md and docs/operations.md work there with --stage practice. They reach
this account only. The user of these keys may do what the documented policies allow. An administrator, who
may delete or disable anything by hand, has other keys:

  export {administrator}

At the end, remove the stage and its entry in .chalice/config.json:

  gamenight stage destroy --stage practice --delete-data

The account, and all that is in it, goes with Ctrl-C."""


@click.command(epilog=examples("stage rehearse"))
@JSON
def rehearse(*, json_only: bool) -> None:
    """Rehearse a deployment on this machine.

    It runs against an emulator of AWS and takes ten to fifteen minutes. No AWS account is touched, and
    nothing is left behind.
    """
    # so that a signal cleans up too, as Ctrl-C does
    exit_by_signals()
    rehearse_stage(Progress(err=json_only))
    answer({"rehearsed": True}, click.style("\nThe rehearsal succeeded.", bold=True), json_only=json_only)


@click.command(epilog=examples("stage emulate"))
@JSON
def emulate(*, json_only: bool) -> None:
    """Serve an emulated AWS account to practise in, until Ctrl-C.

    It is the account of `gamenight stage rehearse`, with a user who has the documented policies. The output
    has the variables that make a terminal use it. With --json it is one object of these variables.
    """
    exit_by_signals()
    with (
        tempfile.TemporaryDirectory(prefix="game-night-live-account-") as scratch,
        rehearsal_account(Path(scratch) / "account") as account,
    ):
        account.enter()
        account.hurry()
        variables = {**account.environment(), **new_deployer()}
        exports = "\n".join(f"  export {name}={shlex.quote(value)}" for name, value in variables.items())
        answer(
            variables,
            f"An emulated AWS account is at {account.url}.",
            PRACTICE.format(
                exports=exports,
                processor=" ".join(PROCESSOR),
                administrator=" ".join(f"{name}={value}" for name, value in KEYS.items()),
            ),
            json_only=json_only,
        )
        while True:
            signal.pause()
