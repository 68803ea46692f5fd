import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner, Result

from infra.cli.dev import audit as command

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


@contextmanager
def advisories(of: dict[str, object]) -> Iterator[str]:
    """Serve advisories as OSV does, by the package's name, and yield the URL that is asked."""

    class Osv(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = asked["package"]["name"]
            answer = json.dumps({"vulns": [of[name]]} if name in of else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Osv) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
        server.shutdown()
        thread.join()


def audit(url: str, *options: str) -> Result:
    return CliRunner().invoke(command, [*options, "--", "--vulnerability-service=osv", "--osv-url", url])


def test_a_known_vulnerability_fails_and_names_the_fix() -> None:
    with advisories({"pyjwt": ADVISORY}) as url:
        result = audit(url)

    assert result.exit_code == 1
    assert "pyjwt" in result.stdout
    assert "GHSA-aaaa-bbbb-cccc, fixed in 99.1" in result.stdout
    assert "make lock" in result.stdout


def test_every_package_of_every_file_is_looked_up() -> None:
    with advisories({}) as url:
        result = audit(url)

    assert result.exit_code == 0, result.stderr
    found = int(result.stdout.removeprefix("No known vulnerability in ").split()[0])
    assert found > 200


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--required"], 1)])
def test_an_audit_that_failed_claims_nothing(options: list[str], code: int) -> None:
    with advisories({}) as url:
        pass  # and nobody listens there any more

    result = audit(url, *options)

    assert result.exit_code == code
    assert "Not audited" in result.stderr
    assert "No known vulnerability" not in result.stdout
