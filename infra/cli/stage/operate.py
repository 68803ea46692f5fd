"""``gamenight stage``: redrive and restore, which repair a running stage."""

from dataclasses import asdict

import click

from chalicelib.errors import GameNightError
from infra.cli.options import answer, examples
from infra.cli.stage.options import on_an_operated_stage
from infra.deploy.operate.redrive import Redone
from infra.deploy.operate.redrive import redrive as redo
from infra.deploy.operate.restored import take_into_use
from infra.deploy.operate.stage import OperatedStage
from infra.deploy.output import Progress


@click.command(epilog=examples("stage redrive --stage dev --dry-run", "stage redrive --stage dev"))
@on_an_operated_stage
@click.option("--dry-run", is_flag=True, help="Only show what would be redone.")
def redrive(stage: OperatedStage, *, dry_run: bool, json_only: bool) -> None:
    """Redo deliveries that failed for the last time.

    Jobs go from the dead-letter queue back to the delivery queue. Stream records that failed for the last
    time are read again from the stream, or from the log if they are older than a day, and become jobs.
    Unreadable records are read from the log as it is now.

    A message is deleted only when its work is on the delivery queue, so you can run the command again at any
    time. Clients may get an event twice.
    """
    try:
        redone = redo(stage, lambda line: click.echo(line, err=json_only), dry_run=dry_run)
    except GameNightError as error:
        raise click.ClickException(f"{error} Nothing is lost; run the same command again.") from error
    value = {"stage": stage.name, "dry_run": dry_run, **asdict(redone)}
    answer(value, _redone(redone, dry_run=dry_run), json_only=json_only)


@click.command(epilog=examples("stage restore --stage dev", "stage restore --stage dev --yes"))
@on_an_operated_stage
@click.option("--yes", is_flag=True, help="Don't ask.")
def restore(stage: OperatedStage, *, yes: bool, json_only: bool) -> None:
    """Put a restored sessions table into use.

    A restore from a backup leaves some features of the table off; this turns them on. It gives every stream a
    new epoch, so that old cursors are recognised, and closes all connections, so that clients reconnect. This
    is one step of the procedure in docs/operations.md.
    """
    if not yes:
        question = f"No client of {stage.name} will be able to resume where it was. Go on?"
        click.confirm(question, abort=True, err=json_only)
    take_into_use(stage, Progress(err=json_only))
    following = f"\nNow run gamenight stage deploy --stage {stage.name}. It connects the new stream."
    answer({"stage": stage.name}, *[following] * (stage.name != "local"), json_only=json_only)


def _redone(redone: Redone, *, dry_run: bool) -> str:
    records, jobs = redone.records, redone.jobs
    left = records.unreadable + jobs.unreadable + jobs.came_back
    done = "to redo" if dry_run else "redone"
    batches = records.found - records.unreadable if dry_run else records.redone
    moved = jobs.found - jobs.unreadable - jobs.came_back if dry_run else jobs.redone
    text = f"{done}: {records.events} events of {batches} batches given up, {moved} jobs"
    return f"{text}; {left} messages stay, and a person has to look at them" if left else text
