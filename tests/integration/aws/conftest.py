"""Runs the tests of posting on plain connections and over TLS."""

import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.aws.hostile_server import HostileServer


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    key = path.with_name("key.pem")
    request = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=sink"
    )
    subprocess.run(
        [*request.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(path)],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + key.read_text())
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture(params=["plain", "TLS"])
async def server(
    request: pytest.FixtureRequest, certificate: Path, tls: ssl.SSLContext
) -> AsyncIterator[HostileServer]:
    secure = request.param == "TLS"
    server = HostileServer(trusting=ssl.create_default_context(cafile=certificate) if secure else None)
    async with server.serving(tls if secure else None):
        yield server
        assert server.bad_signatures == []
