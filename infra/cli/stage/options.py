"""Options of commands that work on a stage."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from infra import ROOT
from infra.budget import ACCOUNT_RATE, NEWER_RATE, default_rate
from infra.cli.options import JSON, STAGE, STATE_DIR, Number
from infra.deploy.aws import Aws
from infra.deploy.chalice.command import declared_functions
from infra.deploy.operate.stage import operated_stage
from infra.deploy.output import DeploymentError, Progress, explained
from infra.deploy.stage import (
    ARCHITECTURES,
    LOG_RETENTION_DAYS,
    PARAMETERS,
    TOPIC_ARN,
    Stage,
    StageConfig,
)
from infra.deploy.status import existing_tables
from infra.deploy.target import Target
from infra.local.state import StateDir

NEW = StageConfig()


def _topic(_ctx: click.Context, _param: click.Parameter, arn: str | None) -> str | None:
    if arn and not TOPIC_ARN.fullmatch(arn):
        raise click.BadParameter(f"{arn!r} is not a topic such as arn:aws:sns:us-east-1:123456789012:NAME.")
    return arn


STAGE_OPTIONS = (
    click.option(
        "--architecture",
        type=click.Choice(ARCHITECTURES),
        help=f"The functions' processor. arm64 costs a fifth less.  [a new stage: {NEW.architecture}]",
    ),
    click.option(
        "--log-retention-days",
        type=click.Choice(LOG_RETENTION_DAYS),
        help=f"How long logs are kept.  [a new stage: {NEW.log_retention_days}]",
    ),
    click.option(
        "--alarm-topic-arn",
        metavar="ARN",
        callback=_topic,
        help='The SNS topic that alarms notify; "" for none.  [a new stage: none, alarms only show]',
    ),
    click.option(
        "--account-rate",
        type=Number(min=100),
        help="Requests a second that API Gateway allows the account. Delivery uses at most half of them.  "
        f"[a new stage: {ACCOUNT_RATE}, and {NEWER_RATE} in newer Regions]",
    ),
    click.option(
        "--events/--no-events",
        default=None,
        help="An EventBridge bus that gets every event. Its pipe is the second reader of the table's stream, "
        "which can't have a third.  [a new stage: none]",
    ),
)


def on_a_stage(run: Callable[..., None]) -> Callable[..., None]:
    """Give a command --stage and --json, and call it with the target that they name.

    With --json, progress goes to standard error. An error of AWS becomes a message that says what to do.
    """

    @click.option(
        "--stage",
        "name",
        required=True,
        metavar="NAME",
        help="The stage, such as dev or prod: 1 to 16 lower-case letters and digits, a letter first. "
        "It can't be local.",
    )
    @JSON
    @wraps(run)
    def command(name: str, *, json_only: bool, **options: Any) -> None:
        with explained():
            target = _target(name, options, Progress(err=json_only))
            run(target, json_only=json_only, **options)

    return command


def on_an_operated_stage(run: Callable[..., None]) -> Callable[..., None]:
    """Give a command --stage, --state-dir and --json, and call it with the stage on AWS or on this machine.

    An error of AWS becomes a message that says what to do.
    """

    @STAGE
    @STATE_DIR
    @JSON
    @wraps(run)
    def command(stage: str, state_dir: Path, **options: Any) -> None:
        with explained():
            run(operated_stage(stage, StateDir(state_dir)), **options)

    return command


def stage_options(run: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that configure a stage. Without an option, the stage's value stays."""
    for option in reversed(STAGE_OPTIONS):
        run = option(run)
    return run


def _target(name: str, options: dict[str, Any], progress: Progress) -> Target:
    """Return the target, and remove the options that configure it from ``options``.

    The variable PUSH_ENDPOINT is an emulator's endpoint, see docs/deploying.md.
    """
    stage = Stage(name)
    chosen = {key: options.pop(key) for key in PARAMETERS if key in options}
    aws = Aws.connect()
    topic = TOPIC_ARN.fullmatch(chosen.get("alarm_topic_arn") or "")
    if topic and topic["region"] != aws.region:
        raise DeploymentError(f"The stage is in {aws.region}, and its alarms can only notify a topic there.")
    target = Target(aws, stage, ROOT, NEW, declared_functions(ROOT), progress)
    endpoint = os.environ.get("PUSH_ENDPOINT") or None
    kept = target.stack.parameters()
    if not kept and existing_tables(target):
        kept = target.stack.parameters_of_deleted()
    if "AccountRate" not in kept and not chosen.get("account_rate"):
        chosen["account_rate"] = default_rate(aws.region)
    return replace(target, options=StageConfig.of(kept, **chosen, push_endpoint=endpoint))
