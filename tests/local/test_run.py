"""The gateway as `make run` starts it: a process with children, state and a terminal to talk to."""

import fcntl
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from infra.local.apigateway.server import network_address
from tests.gateway import ROOT, Gateway, running_gateway

EMBEDDED = {"AWS_ENDPOINT_URL_DYNAMODB": ""}
HEARD_SECONDS = 60


def start_session(gateway: Gateway, token: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token or gateway.token('admin')}"}
    return httpx.post(f"{gateway.rest_url}/api/sessions", headers=headers, timeout=HEARD_SECONDS).json()


def test_the_client_and_the_curl_line_that_it_prints_work_as_pasted(gateway: Gateway) -> None:
    printed = gateway.log.read_text()
    client = re.search(r"^(\S+) - <<'EOF'\n(.*?)^EOF$", printed, re.DOTALL | re.MULTILINE)
    curl = re.search(r"^curl .*?}'$", printed, re.DOTALL | re.MULTILINE)
    assert client is not None
    assert curl is not None

    # -u: a terminal is not buffered, a pipe would be.
    command = [ROOT / client[1], "-u", "-c", client[2]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listening:
        assert listening.stdout is not None
        first = json.loads(listening.stdout.readline())
        answer = subprocess.run(["sh", "-c", curl[0]], capture_output=True, text=True, check=True)
        started = json.loads(answer.stdout)
        assert "id" in started, answer.stdout
        second = json.loads(listening.stdout.readline())
        listening.kill()

    assert first["type"] == "auth_success"
    assert second["type"] == "session.started"
    assert second["data"]["session"] == started


def test_all_addresses_that_it_tells_are_of_the_host_that_was_asked(gateway: Gateway) -> None:
    told = httpx.get(f"http://127.0.0.1:{gateway.port}/api", timeout=HEARD_SECONDS).json()

    hosts = {urlsplit(value).netloc for name, value in told.items() if name.endswith("_url")}
    assert hosts == {f"127.0.0.1:{gateway.port}"}


def test_another_device_gets_an_address_and_a_code_for_its_camera(tmp_path: Path) -> None:
    with running_gateway(tmp_path, EMBEDDED | {"GATEWAY_HOST": "0.0.0.0"}) as gateway:  # noqa: S104 - it is tested
        told = httpx.get(f"http://127.0.0.2:{gateway.port}/api", timeout=HEARD_SECONDS).json()
        printed = gateway.log.read_text()

    assert told["websocket_url"] == f"ws://127.0.0.2:{gateway.port}/api/sessions/live"
    if network_address():
        assert f"In your network  {gateway.network_url}/\n" in printed
        assert f"Sign in    {gateway.network_url}/#/join/" in printed


def test_nobody_else_reaches_it_unless_asked(gateway: Gateway) -> None:
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.2:{gateway.port}/api", timeout=HEARD_SECONDS)

    assert "In your network" not in gateway.log.read_text()


def test_a_port_in_use_is_an_error_that_names_the_fix(gateway: Gateway, tmp_path: Path) -> None:
    started = _local("--port", gateway.port, "--state-dir", str(tmp_path))

    assert started.returncode == 1
    assert f"Port {gateway.port} is in use" in started.stderr
    assert f"make run PORT={int(gateway.port) + 1}" in started.stderr
    assert "Traceback" not in started.stderr


def test_a_port_in_use_on_the_other_address_of_localhost_is_one_too(tmp_path: Path) -> None:
    try:
        other = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("there is no IPv6 here")
    with other:
        started = _local("--port", str(other.getsockname()[1]), "--state-dir", str(tmp_path))

    assert started.returncode == 1
    assert "is in use" in started.stderr


def test_ctrl_c_stops_it_cleanly_and_a_restart_finds_what_was_there(tmp_path: Path) -> None:
    with running_gateway(tmp_path, EMBEDDED) as first:
        admin = first.token("admin")
        assert start_session(first, admin)["id"] == 1
        with connect(first.websocket_url) as client:
            first.stop()
            with pytest.raises(ConnectionClosed):
                client.recv(HEARD_SECONDS)
        assert client.close_code == 1012  # service restart
        assert first.process.returncode == 0
        assert "Traceback" not in first.log.read_text()

    with running_gateway(tmp_path, EMBEDDED) as second:
        assert start_session(second, admin)["id"] == 2


def test_a_state_that_was_cut_off_is_told_and_kept(tmp_path: Path) -> None:
    with running_gateway(tmp_path, EMBEDDED) as first:
        assert start_session(first)["id"] == 1
    file = tmp_path / "state" / "engine" / "state" / "dynamodb.json"
    half = file.read_bytes()[: file.stat().st_size // 2]
    file.write_bytes(half)

    with running_gateway(tmp_path, EMBEDDED) as second:
        assert start_session(second)["id"] == 1
        second.stop()
        said = second.log.read_text()

    kept = file.with_name("dynamodb.json.damaged-1")
    assert f"{file} can't be read" in said
    assert f"kept as {kept}" in said
    assert kept.read_bytes() == half
    assert json.loads(file.read_bytes())


def test_a_terminal_shows_the_log_in_short_and_the_file_has_all_of_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    command = [sys.executable, "-m", "infra.cli", "serve", "--port", "0", "--state-dir", str(state)]
    mint = [sys.executable, "-m", "infra.cli", "token", "--role", "admin", "--state-dir", str(state)]
    environment = {name: value for name, value in os.environ.items() if name != "LOG_FORMAT"}
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env={**environment, **EMBEDDED}, stdout=output)
    try:
        with os.fdopen(ours, encoding="utf-8") as terminal:
            addresses = [line for line in until(terminal, "Sign in") if "REST" in line]
            rest_url = re.search(r"http://[^\s\x1b]+", addresses[0])
            assert rest_url is not None
            token = subprocess.run(mint, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
            headers = {"Authorization": f"Bearer {token}"}
            httpx.post(f"{rest_url[0]}/sessions", headers=headers, timeout=HEARD_SECONDS).raise_for_status()
            shown = until(terminal, "[WebSocket] Broadcasted")
            process.send_signal(signal.SIGINT)
            process.wait(HEARD_SECONDS)
    finally:
        process.kill()
        process.wait()

    assert any(re.fullmatch(r"\d\d:\d\d:\d\d  POST /api/sessions was answered 201", line) for line in shown)
    assert shown[-1].endswith("[WebSocket] Broadcasted session.started to 0 client(s) for session 1  (1/1)")
    assert not [line for line in shown if line.startswith("{")]
    kept = [json.loads(line) for line in (state / "log.jsonl").read_text().split("\n") if line]
    assert "posted" in [line.get("stage") for line in kept]


def test_a_level_that_there_is_not_is_told_without_a_trace(tmp_path: Path) -> None:
    started = _local("--port", "0", "--state-dir", str(tmp_path), LOG_LEVEL="LOUD")

    assert started.returncode == 1
    assert "LOG_LEVEL must be one of DEBUG" in started.stderr
    assert "Traceback" not in started.stderr


def test_the_times_of_a_connection_can_be_set(tmp_path: Path) -> None:
    environment = {**EMBEDDED, "GATEWAY_IDLE_TIMEOUT": "0.1"}
    with running_gateway(tmp_path, environment) as impatient, connect(impatient.websocket_url) as client:
        # Nothing is sent to it: the iteration ends because the connection does.
        assert list(client) == []

    assert client.close_code == 1001


def test_nothing_outlives_a_gateway_that_is_killed(tmp_path: Path) -> None:
    state = tmp_path / "state"
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "serve", "--port", "0", "--state-dir", str(state)],
        cwd=ROOT,
        env={**os.environ, **EMBEDDED},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "is up" in line:
            break

    process.kill()
    process.wait()

    # Its children have the same output: it ends when the last of them has ended.
    process.stdout.read()
    process.stdout.close()
    # The engine writes to a file and holds a lock: this waits until it is released.
    with (state / "engine.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
    with running_gateway(tmp_path, EMBEDDED) as again:
        assert start_session(again)["id"] == 1


def until(terminal: TextIO, text: str) -> list[str]:
    """Return the lines of a terminal up to the one that has a text."""
    lines = [terminal.readline().rstrip()]
    while text not in lines[-1]:
        lines.append(terminal.readline().rstrip())
    return lines


def _local(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "infra.cli", "serve", *arguments]
    environment = {**os.environ, **EMBEDDED, **variables}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
