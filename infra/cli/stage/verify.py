"""``gamenight stage verify``: measures on a deployed stage what only AWS can show."""

from dataclasses import asdict
from pathlib import Path

import click

from chalicelib.auth.claims import Role
from infra.cli.options import answer, examples
from infra.cli.stage.options import on_a_stage
from infra.deploy.target import Target
from infra.deploy.verify import cost
from infra.deploy.verify.finding import Verdict
from infra.deploy.verify.verify import report, service_of
from infra.deploy.verify.verify import verify as take_measures
from infra.local.state import DEFAULT_STATE_DIR
from infra.stage_secrets import minted

TOKEN_SECONDS = 2 * 60 * 60


@click.command(
    epilog=examples("stage verify --stage dev", "stage verify --stage dev --long --output report.md")
)
@on_a_stage
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--long", is_flag=True, help="Measure idle connections too, which takes 11 minutes more.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the report here too.")
def verify(target: Target, *, yes: bool, long: bool, output: Path | None, json_only: bool) -> None:
    """Measure on a deployed stage what only AWS can show.

    It first shows the highest cost, about a quarter of a dollar. It runs the conformance suite against the
    stage, starts about two hundred nights, restarts the functions, and ends with a report in Markdown. Exits
    with 1 if the suite fails or a measure contradicts the documents.
    """
    name = target.stage.name
    token = minted(name, DEFAULT_STATE_DIR, "verify", Role.ADMIN, TOKEN_SECONDS)
    service = service_of(target, token)
    target.progress.step("What it costs at most, in addition to the stage itself")
    target.progress.detail(*cost.lines())
    if not yes:
        click.confirm(
            f"Every client of {name} gets the events of these nights. Go on?", abort=True, err=json_only
        )
    findings = take_measures(service, long=long)
    text = "\n".join(report(target, findings))
    if output:
        output.write_text(f"{text}\n")
    answer({one: asdict(found) for one, found in findings.items()}, f"\n{text}", json_only=json_only)
    if any(one.verdict is Verdict.CONTRADICTED for one in findings.values()):
        raise SystemExit(1)
