"""The server that is posted to: an nginx of the benchmark's own, which answers 200 and does nothing else.

Keeps everything that it writes in a folder of its own, listens on loopback only, and is gone at the end of
the block that started it.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fanout.cores import pinned

START_SECONDS = 10.0
ECHO_MODULE = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")
"""What can answer late without blocking nginx; Debian's nginx-light brings it."""

CONFIG = """
load_module {echo_module};
daemon off;
master_process off;
error_log {folder}/error.log warn;
pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  ssl_certificate {folder}/certificate.pem;
  ssl_certificate_key {folder}/key.pem;
  server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{tls_port} ssl;
    location / {{ return 200; }}
    location /late/ {{ echo_sleep {late_seconds}; echo_status 200; echo -n ""; }}
  }}
}}
"""


class Missing(Exception):
    """A program that is needed is not installed; the message says how to install it."""


@dataclass(frozen=True, slots=True)
class Sink:
    """An nginx that is up."""

    port: int
    tls_port: int
    certificate: Path
    pid: int

    def url(self, *, tls: bool, late: bool) -> str:
        """Return where to post to; ``late`` where answers take longer."""
        origin = f"https://localhost:{self.tls_port}" if tls else f"http://127.0.0.1:{self.port}"
        return f"{origin}/late/prod" if late else f"{origin}/prod"


@contextmanager
def running_sink(core: int, late_ms: int) -> Iterator[Sink]:
    """Run nginx on one core; its late answers are ``late_ms`` later than the others.

    Raises Missing, or RuntimeError with its log where it does not start.
    """
    nginx = program("nginx", "nginx-light")
    openssl = program("openssl", "openssl")
    if not ECHO_MODULE.exists():
        raise Missing(f"{ECHO_MODULE} is missing. Install it: apt-get install libnginx-mod-http-echo")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fanout-")))
        certificate = folder / "certificate.pem"
        make_certificate(openssl, certificate, folder / "key.pem")
        port, tls_port = free_ports(2)
        config = folder / "nginx.conf"
        config.write_text(
            CONFIG.format(
                echo_module=ECHO_MODULE,
                folder=folder,
                port=port,
                tls_port=tls_port,
                late_seconds=late_ms / 1000,
            )
            + ("user root;\n" if os.geteuid() == 0 else "")  # its folder is the starting user's alone
        )
        with pinned(core), (folder / "error.log").open("wb") as log:
            process = subprocess.Popen([nginx, "-p", folder, "-c", config], stdout=log, stderr=log)
        try:
            _until_it_listens(process, port, folder / "error.log")
            yield Sink(port, tls_port, certificate, process.pid)
        finally:
            process.terminate()
            process.wait()


def program(name: str, package: str) -> str:
    """Return where a program is. Raises Missing."""
    # Debian keeps nginx in /usr/sbin, which is not on everybody's PATH.
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if found is None:
        raise Missing(f"{name} is not on the PATH. Install it: apt-get install {package}")
    return found


def make_certificate(openssl: str, certificate: Path, key: Path) -> None:
    """Make a certificate for localhost that vouches for itself."""
    command = [openssl, "req", "-x509", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listening.getsockname()[1] for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports


def _until_it_listens(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"nginx did not start. It says:\n{log.read_text()}")
