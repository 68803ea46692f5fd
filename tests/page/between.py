"""Programs of Debian's that stand between people and the gateway: nginx, and OpenSSH's forward and tunnel."""

import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from tests.bots.irc_server import UNPACKED
from tests.gateway import POLL_SECONDS, ROOT, START_SECONDS
from tests.installed import installed

SBIN = f"{UNPACKED}/usr/sbin:/usr/sbin"
NGINX = """\
daemon off;
master_process off;
pid {folder}/pid;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder};
  proxy_temp_path {folder};
  fastcgi_temp_path {folder};
  uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port};
{location}
  }}
}}
"""
SSHD = """\
HostKey {folder}/key
AuthorizedKeysFile {folder}/key.pub
PidFile none
StrictModes no
UsePAM no
"""
OPTIONS = (
    "BatchMode=yes",
    "ExitOnForwardFailure=yes",
    "StrictHostKeyChecking=no",
    "ProxyCommand={program} -i -e -f {configuration}",
    "UserKnownHostsFile=/dev/null",
)


@contextmanager
def nginx(folder: Path, gateway: str) -> Iterator[str]:
    """Run nginx with the lines of docs/page.md, which give it a path of its own."""
    program = installed("nginx", path=SBIN)
    documented = re.search(r"```nginx\n(.*?)```", (ROOT / "docs" / "page.md").read_text(), re.DOTALL)
    assert documented is not None
    location = documented[1].replace("127.0.0.1:5000", f"localhost:{gateway}")
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, port=port, location=location))
    with running([program, "-e", "stderr", "-p", str(folder), "-c", str(configuration)], port):
        yield f"http://127.0.0.1:{port}/games"


@contextmanager
def ssh(folder: Path, gateway: str, way: str) -> Iterator[str]:
    """Run ssh and its server between a port and a gateway's: ``-L`` is a port forward, ``-R`` a tunnel."""
    program, keygen, client = installed("sshd", path=SBIN), installed("ssh-keygen"), installed("ssh")
    configuration, key, port = folder / "sshd_config", folder / "key", free_port()
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it is root's, it does not start without
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    configuration.write_text(SSHD.format(folder=folder))
    command = [client, "-F", "none", "-N", "-i", str(key), way, f"127.0.0.1:{port}:localhost:{gateway}"]
    for option in OPTIONS:
        command += ["-o", option.format(program=program, configuration=configuration)]
    with running([*command, "localhost"], port):
        yield f"http://127.0.0.1:{port}"


Between = Callable[[Path, str], AbstractContextManager[str]]
"""Runs a program with files in a folder, for a gateway's port. The value is the URL that leads there."""

BETWEEN: dict[str, Between] = {
    "nginx": nginx,
    "port forward": partial(ssh, way="-L"),
    "tunnel": partial(ssh, way="-R"),
}


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """Run a program that listens on a port. Raises AssertionError with its output where it ends before."""
    deadline = time.monotonic() + START_SECONDS
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            while not listens(port):
                assert process.poll() is None, process.stdout and process.stdout.read()
                assert time.monotonic() < deadline, f"{command[0]} does not listen"
                time.sleep(POLL_SECONDS)
            yield
        finally:
            process.kill()


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
