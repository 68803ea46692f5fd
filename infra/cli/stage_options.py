"""What the commands that work on a stage have in common: their options, and AWS asked who is asking."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from infra.deploy.aws import Aws
from infra.deploy.chalice.functions import declared_functions
from infra.deploy.errors import explained
from infra.deploy.progress import Progress
from infra.deploy.stage import Stage, StageConfig
from infra.deploy.target import Target

PROJECT = Path(__file__).parents[2]

NEW = StageConfig()

SHAPING = (
    click.option(
        "--architecture",
        type=click.Choice(["arm64", "x86_64"]),
        help=f"The functions' processor; arm64 costs a fifth less.  [a new stage: {NEW.architecture}]",
    ),
    click.option(
        "--log-retention-days",
        type=int,
        help=f"How long logs are kept.  [a new stage: {NEW.log_retention_days}]",
    ),
    click.option(
        "--alarm-topic-arn",
        metavar="ARN",
        help='The SNS topic that alarms go to; "" for none.  [a new stage: none, alarms only show]',
    ),
    click.option(
        "--account-rate",
        type=click.IntRange(min=100),
        help="Requests a second that API Gateway gives the account; delivery takes half of it at most.  "
        f"[a new stage: {NEW.account_rate}]",
    ),
)


def on_a_stage(run: Callable[..., None]) -> Callable[..., None]:
    """Give a command --stage, and call it with the target that this names.

    Whatever AWS refuses ends the command with a message that says what to do.
    """

    @click.option("--stage", "name", required=True, metavar="NAME", help="The stage, such as dev or prod.")
    @wraps(run)
    def command(name: str, **options: Any) -> None:
        with explained():
            run(_target(name, options), **options)

    return command


def shaping(run: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that shape a stage; one that is not given stays as the stage has it."""
    for option in reversed(SHAPING):
        run = option(run)
    return run


def _target(name: str, options: dict[str, Any]) -> Target:
    """Return the target; the options that shape it are taken out of the others.

    PUSH_ENDPOINT is read from the environment: the one setting of an emulator, see docs/deploying.md.
    """
    stage = Stage(name)
    names = ("architecture", "log_retention_days", "alarm_topic_arn", "account_rate")
    chosen = {key: options.pop(key) for key in names if key in options}
    target = Target(Aws.connect(), stage, PROJECT, NEW, declared_functions(PROJECT), Progress())
    endpoint = os.environ.get("PUSH_ENDPOINT") or None
    return replace(target, shape=StageConfig.of(target.stack.parameters(), **chosen, push_endpoint=endpoint))
