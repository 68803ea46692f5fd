"""``gamenight stage``: deploy, status, destroy, provision and package."""

from collections import defaultdict
from dataclasses import replace

import click

from infra import ROOT
from infra.cli.options import JSON, answer, as_json, examples
from infra.cli.stage.options import on_a_stage, stage_options
from infra.deploy.chalice.package import build
from infra.deploy.deploy import deploy as deploy_stage
from infra.deploy.destroy import destroy as destroy_stage
from infra.deploy.destroy import left, table_with_nights
from infra.deploy.output import Progress
from infra.deploy.provision import check_place
from infra.deploy.provision import provision as provision_stage
from infra.deploy.stage import ARCHITECTURES
from infra.deploy.status import show
from infra.deploy.target import Target


class Report(Progress):
    """Keeps the steps and their lines instead of showing them."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: dict[str, list[str]] = defaultdict(list)
        self._current = ""

    def step(self, text: str) -> None:
        """Begin a step."""
        self._current = text

    def detail(self, *lines: str) -> None:
        """Keep lines of the step."""
        self.steps[self._current] += lines


@click.command(
    epilog=examples("stage deploy --stage dev", "stage deploy --stage prod --log-retention-days 90 --json")
)
@on_a_stage
@stage_options
def deploy(target: Target, *, json_only: bool) -> None:
    """Deploy a stage, or update it.

    You can run it again at any time. It changes only what differs from the declaration here, and after a
    failure it continues where it stopped. It ends when the deployed health check answers.
    """
    deployed = deploy_stage(target)
    answer(
        deployed,
        f"\n{'Deployed' if deployed['changed'] else 'Nothing had changed'}.",
        f"The page   {deployed['page_url']}",
        f"REST       {deployed['rest_url']}",
        f"WebSocket  {deployed['websocket_url']}",
        f"Sign in    gamenight invite --host --stage {target.stage.name}",
        f"A token    gamenight token --stage {target.stage.name} --role admin",
        json_only=json_only,
    )


@click.command(epilog=examples("stage status --stage dev", "stage status --stage dev --check --json"))
@on_a_stage
@click.option("--check", is_flag=True, help="Exit with 1 if anything differs.")
def status(target: Target, *, check: bool, json_only: bool) -> None:
    """Show what is deployed, and what differs from here.

    It shows addresses, versions, functions, tables and queues.
    """
    report = Report()
    as_declared = show(replace(target, progress=report) if json_only else target)
    if json_only:
        value = {"stage": target.stage.name, "as_declared": as_declared, "report": report.steps}
        click.echo(as_json(value))
    if check and not as_declared:
        raise SystemExit(1)


@click.command(epilog=examples("stage destroy --stage dev", "stage destroy --stage dev --yes --delete-data"))
@on_a_stage
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--delete-data", is_flag=True, help="Delete the stage's nights too.")
def destroy(target: Target, *, yes: bool, delete_data: bool, json_only: bool) -> None:
    """Remove everything that a stage has on AWS.

    If the stage has nights, nothing is deleted without --delete-data.
    """
    aws, stage = target.aws, target.stage
    check_place(aws, stage, target.config)
    found = [*left(target)]
    click.echo(f"Of the stage {stage.name} in {aws.region}, account {aws.account}, there is:", err=json_only)
    target.progress.detail(*(found or ["nothing"]))
    if (table := table_with_nights(target)) and not delete_data:
        raise click.ClickException(
            f"{table} holds nights, which would be lost. Nothing has been removed. If you want to lose them, "
            "add --delete-data. `aws dynamodb create-backup` makes a copy first."
        )
    if not yes:
        click.confirm("Remove all of it?", abort=True, err=json_only)
    destroy_stage(target)
    answer({"stage": stage.name, "removed": found}, json_only=json_only)


@click.command(epilog=examples("stage provision --stage dev"))
@on_a_stage
@stage_options
def provision(target: Target, *, json_only: bool) -> None:
    """Create or update a stage's stack, secret and configuration.

    The CloudFormation stack has tables, queues, roles, logs, alarms and a dashboard. The secret signs tokens.
    The configuration is the stage's entry in .chalice/config.json. You can run it again at any time.
    """
    stream_arn = provision_stage(target).stream_arn
    name = target.stage.name
    line = f"\n`chalice deploy --stage {name}` works now; `gamenight stage deploy` does the rest too."
    answer({"stage": name, "stream_arn": stream_arn}, line, json_only=json_only)


@click.command(epilog=examples("stage package", "stage package --architecture x86_64 --json"))
@click.option(
    "--architecture",
    type=click.Choice(ARCHITECTURES),
    default="arm64",
    show_default=True,
    help="The functions' processor.",
)
@JSON
def package(architecture: str, *, json_only: bool) -> None:
    """Build the package that is uploaded, and show what is in it.

    Sizes are in bytes. It does not call AWS.
    """
    built = build(ROOT, architecture)
    contents = built.contents()
    path = str(built.path.relative_to(ROOT))
    rows = [f"{name:28} {zipped:10,} {unzipped:10,}" for name, (zipped, unzipped) in contents.items()]
    total = sum(unzipped for _, unzipped in contents.values())
    answer(
        {"path": path, "bytes": built.size, "contents": contents},
        f"{'':28} {'zipped':>10} {'unzipped':>10}",
        *rows,
        f"{'the package, bytes':28} {built.size:10,} {total:10,}",
        f"\n{path}",
        json_only=json_only,
    )
