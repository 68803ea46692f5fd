import asyncio
from contextlib import AbstractAsyncContextManager

import pytest
from click.testing import CliRunner, Result

from infra.cli.dev import audit as command
from tests.bots.http_server import Answer, HttpServer, Request, answering

pytestmark = pytest.mark.slow

ADVISORY = {
    "id": "GHSA-aaaa-bbbb-cccc",
    "summary": "Anyone may do anything.",
    "affected": [
        {
            "package": {"name": "pyjwt", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
        }
    ],
}


def advisories(**of: object) -> AbstractAsyncContextManager[HttpServer]:
    """Serve advisories as OSV does, by the package's name."""

    def answer(request: Request) -> Answer:
        name = request.body["package"]["name"]
        return 200, {"vulns": [of[name]]} if name in of else {}

    return answering(otherwise=answer)


async def audit(server: HttpServer, *options: str) -> Result:
    osv = ["--vulnerability-service=osv", "--osv-url", f"{server.url}/v1/query"]
    return await asyncio.to_thread(CliRunner().invoke, command, [*options, "--", *osv])


async def test_a_known_vulnerability_fails_and_names_the_fix() -> None:
    async with advisories(pyjwt=ADVISORY) as server:
        result = await audit(server)

    assert result.exit_code == 1
    assert "pyjwt" in result.stdout
    assert "GHSA-aaaa-bbbb-cccc, fixed in 99.1" in result.stdout
    assert "make lock" in result.stdout


async def test_every_package_of_every_file_is_looked_up() -> None:
    async with advisories() as server:
        result = await audit(server)

    assert result.exit_code == 0, result.stderr
    found = int(result.stdout.removeprefix("No known vulnerability in ").split()[0])
    assert found > 200


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--required"], 1)])
async def test_an_audit_that_failed_claims_nothing(options: list[str], code: int) -> None:
    async with advisories() as server:
        pass  # and nobody listens there any more

    result = await audit(server, *options)

    assert result.exit_code == code
    assert "Not audited" in result.stderr
    assert "No known vulnerability" not in result.stdout
