"""``python -m infra redrive``: redo what could not be delivered."""

import json
from dataclasses import asdict

import click

from chalicelib.errors import GameNightError
from infra.cli.operated import on_an_operated_stage
from infra.deploy.operate.redrive import Redone, redrive
from infra.deploy.operate.stage import OperatedStage
from infra.local.triggers.stream_reader import StreamUnavailable


@click.command()
@on_an_operated_stage
@click.option("--dry-run", is_flag=True, help="Only show what there is to redo.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
def command(stage: OperatedStage, *, dry_run: bool, as_json: bool) -> None:
    """Redo deliveries that failed for the last time.

    Jobs go from the dead-letter queue back to the delivery queue. Records of the stream that Lambda gave up
    on are read again from the stream, or from the log where they are older than a day, and become jobs;
    those that could not be read are read from the log as it is now.
    Nothing is taken out before it is on the delivery queue, so that it can be run again at any time; who had
    an event already may get it once more.
    """
    try:
        redone = redrive(stage, lambda line: click.echo(line, err=as_json), dry_run=dry_run)
    except (GameNightError, StreamUnavailable) as error:
        raise click.ClickException(f"{error} Nothing is lost; run the same command again.") from error
    if as_json:
        click.echo(json.dumps({"stage": stage.name, "dry_run": dry_run, **asdict(redone)}))
    else:
        click.echo(_said(redone, dry_run=dry_run))


def _said(redone: Redone, *, dry_run: bool) -> str:
    records, jobs = redone.records, redone.jobs
    left = records.unreadable + jobs.unreadable + jobs.came_back
    done = "to redo" if dry_run else "redone"
    batches = records.found - records.unreadable if dry_run else records.redone
    moved = jobs.found - jobs.unreadable - jobs.came_back if dry_run else jobs.redone
    text = f"{done}: {records.events} events of {batches} batches given up, {moved} jobs"
    return f"{text}; {left} stay and need a person to look at them" if left else text
