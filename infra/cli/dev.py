"""``gamenight dev``: commands for those who change this project."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from infra import ROOT
from infra.cli.options import JSON, answer, as_json, examples
from infra.dev.audit import Audit, NotAudited, audited
from infra.dev.release import NotReleased
from infra.dev.release import release as set_version

TABLES_PAGE = ROOT / "docs" / "tables.md"


@click.group(epilog=examples("dev specs --check", "dev tables costs", "dev audit"))
def dev() -> None:
    """Write documents from the code, look up vulnerabilities, and set versions."""


@dev.command(epilog=examples("dev specs", "dev specs --check"))
@click.option("--check", is_flag=True, help="Write nothing; fail if a file is out of date.")
@JSON
def specs(*, check: bool, json_only: bool) -> None:
    """Write the specifications, tables of docs/protocol.md, and types of the clients, from the code.

    The service serves them from chalicelib/api/specifications.
    """
    from infra.specifications.files import made

    files = made()
    if check:
        drifted = [path.name for path, text in files.items() if not path.exists() or path.read_text() != text]
        if drifted:
            raise click.ClickException(f"{', '.join(drifted)}: not what the code says now. Run `make specs`.")
        answer({"drifted": []}, "The specifications match the code.", json_only=json_only)
        return
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    written = [*map(str, files)]
    answer({"written": written}, *(f"Wrote {path}." for path in written), json_only=json_only)


@dev.command(epilog=examples("dev tables items", "dev tables costs"))
@click.argument("what", type=click.Choice(["items", "costs", "page"]))
@JSON
def tables(what: str, *, json_only: bool) -> None:
    """Show what a small night leaves in the tables, and what each access costs.

    It plays the night on its own engine. `page` writes both into docs/tables.md.
    """
    from infra.local.engine.embedded import EngineError, embedded_engine
    from infra.local.engine.endpoints import Endpoints, point_the_sdks_at, sdk_variables
    from infra.local.state import StateDir
    from infra.specifications.tables import example_night, show

    def say(text: str) -> None:
        click.echo(text, err=True)

    try:
        with tempfile.TemporaryDirectory() as folder, embedded_engine(StateDir(Path(folder)), say) as url:
            point_the_sdks_at(sdk_variables(Endpoints(url, url)))
            played = example_night.play(url)
    except EngineError as error:
        raise click.ClickException(str(error)) from error
    shown = {"items": show.items(played.items), "costs": show.costs(played.costs)}
    if what == "page":
        for each, text in shown.items():
            TABLES_PAGE.write_text(show.page(TABLES_PAGE.read_text(), each, text))
        answer({"written": [str(TABLES_PAGE)]}, f"Wrote {TABLES_PAGE}.", json_only=json_only)
    else:
        answer({what: shown[what].splitlines()}, shown[what], json_only=json_only)


@dev.command(epilog=examples("dev audit", "dev audit --required -- --ignore-vuln GHSA-aaaa-bbbb-cccc"))
@click.option("--required", is_flag=True, help="Exit with 1 also if the audit could not take place.")
@click.argument("options", nargs=-1, metavar="[-- PIP-AUDIT'S OPTIONS]")
@JSON
def audit(options: tuple[str, ...], *, required: bool, json_only: bool) -> None:
    """Look up known vulnerabilities of every pinned package, in the advisories of PyPI.

    Exits with 1 if there is a vulnerability. If the advisories can't be reached, it says so and exits with 0,
    or with 1 if --required is given. Options after -- go to pip-audit.
    """
    try:
        found = audited(options)
    except NotAudited as why:
        click.echo(as_json({"not_audited": str(why)}) if json_only else f"Not audited: {why}", err=True)
        raise SystemExit(int(required)) from why
    answer(asdict(found), *_audited(found), json_only=json_only)
    raise SystemExit(int(bool(found.vulnerabilities) or (required and found.unknown > 0)))


@dev.command(epilog=examples("dev release 1.4.0"))
@click.argument("version")
@JSON
def release(version: str, *, json_only: bool) -> None:
    """Set one version everywhere, and date the changelog.

    The service, both clients and the specifications get the version. The Unreleased section of CHANGELOG.md
    becomes the version's section. The command commits and tags nothing; it prints the two commands that do.
    """
    specs = [
        sys.executable,
        "-m",
        "infra.cli",
        "dev",
        "specs",
    ]  # it has to import the new version
    try:
        commands = set_version(
            ROOT,
            version,
            datetime.now(UTC).date(),
            lambda: subprocess.run(specs, cwd=ROOT, check=True, stdout=sys.stderr),
        )
    except NotReleased as why:
        raise click.ClickException(str(why)) from why
    answer({"version": version, "commands": commands}, *commands, json_only=json_only)


def _audited(found: Audit) -> Iterator[str]:
    yield from found.vulnerabilities
    if found.vulnerabilities:
        yield "Raise the version of the package or of one that needs it in its .in file, and run `make lock`."
    elif found.unknown:
        yield f"{found.unknown} of {found.looked_up + found.unknown} packages could not be looked up."
    else:
        yield f"No known vulnerability in {found.looked_up} packages."
