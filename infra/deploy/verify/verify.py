"""Takes one measure of a deployed stage after the other, and writes a report in Markdown."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from chalicelib import __version__
from infra.deploy.chalice.state import rest_api_ids, websocket_api_ids
from infra.deploy.output import DeploymentError
from infra.deploy.target import Target
from infra.deploy.verify import measures
from infra.deploy.verify.finding import Finding, NotMeasured, Verdict
from infra.deploy.verify.service import Service

TOKEN = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}")
"""What every JWT looks like."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A claim, and the function that checks it.

    A ``long`` measure takes more than ten minutes, and nothing else may happen meanwhile.
    """

    claim: str
    find: Callable[[Service], Finding]
    long: bool = False


MEASURES = {
    "conformance": Measure("the deployed service keeps its contract", measures.conformance),
    "latency": Measure("the time from a POST to its event", measures.latency),
    "queue-window": Measure("Lambda waits for no further jobs of the FIFO queue", measures.queue_window),
    "missing-path": Measure("a missing path with a Bearer token is answered 403", measures.missing_path),
    "connect-by-message": Measure("a frame for `$connect` harms nothing", measures.connect_by_message),
    "redeploy": Measure("an open connection outlives a deployment", measures.redeploy),
    "drift": Measure("nothing differs from the stack after a deployment", measures.drift),
    "protocol-pings": Measure(
        "API Gateway closes what is idle for ten minutes", measures.protocol_pings, long=True
    ),
}


def service_of(target: Target, token: str) -> Service:
    """Find a deployed stage. Raises DeploymentError if there is none."""
    rest, live = rest_api_ids(target.aws, target.stage), websocket_api_ids(target.aws, target.stage)
    if not rest or not live:
        raise DeploymentError(
            f"There is nothing to verify: `gamenight stage deploy --stage {target.stage.name}` deploys it."
        )
    return Service(target, target.rest_url(rest[0]), target.websocket_url(live[0]), token)


def verify(service: Service, *, long: bool) -> dict[str, Finding]:
    """Take each measure. One that fails is a finding too, and does not stop the next."""
    findings = {}
    for name, measure in MEASURES.items():
        service.target.progress.step(f"{name}: {measure.claim}")
        try:
            if measure.long and not long:
                raise NotMeasured("`--long` measures it")  # noqa: TRY301 - a finding like any other
            found = measure.find(service)
        except NotMeasured as reason:
            found = Finding(Verdict.NOT_MEASURED, str(reason))
        except Exception as error:  # noqa: BLE001 - whatever AWS and the network do is a line in the report
            found = Finding(Verdict.NOT_MEASURED, f"{type(error).__name__}: {error}")
        findings[name] = Finding(found.verdict, _public(found.text, service.target.aws.account))
        service.target.progress.detail(f"{found.verdict}: {findings[name].text}")
    return findings


def report(target: Target, findings: Mapping[str, Finding]) -> Iterator[str]:
    """Yield the report's lines, in Markdown, without a secret or the account's id."""
    where = "an emulator" if target.options.push_endpoint else f"AWS, {target.aws.region}"
    today = datetime.now(UTC).date()
    yield f"## Verified: version {__version__} on {where}, {target.options.architecture}, {today}"
    yield ""
    yield "| measure | claim | | found |"
    yield "|---|---|---|---|"
    for name, found in findings.items():
        yield f"| {name} | {MEASURES[name].claim} | {found.verdict} | {found.text} |"


def _public(text: str, account_id: str) -> str:
    """Return a text as one cell of a table, without tokens and the account's id."""
    return TOKEN.sub("(a token)", text.replace(account_id, "(account)")).replace("|", "/").replace("\n", " ")
