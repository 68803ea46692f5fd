"""Runs the conformance suite against a deployed stage, as anybody can with its URLs and tokens."""

import re
import sys
from importlib.util import find_spec
from subprocess import PIPE, STDOUT, Popen
from threading import Timer

from infra.deploy.verify.finding import Finding, NotMeasured, judged
from infra.deploy.verify.service import Service

WITHIN_SECONDS = 30 * 60.0


def options(rest_url: str, websocket_url: str, stage: str) -> list[str]:
    """Return the suite's options for a stage; ``rest_url`` ends in ``/api``."""
    token = f"{sys.executable} -m infra.cli token --stage {stage}"
    urls = ["--rest-url", rest_url.removesuffix("/api"), "--websocket-url", websocket_url]
    return [*urls, "--token-command", token, "-p", "no:cacheprovider"]


def conformance(service: Service, suite: str = "tests/conformance") -> Finding:
    """Check whether the service keeps its contract."""
    if find_spec("pytest") is None:
        raise NotMeasured("pytest is not installed; `make install` installs it")
    target = service.target
    named = options(service.rest_url, service.websocket_url, target.stage.name)
    command, lines = [sys.executable, "-m", "pytest", suite, *named], [""]
    with Popen(command, cwd=target.project, stdout=PIPE, stderr=STDOUT, text=True) as suite_run:
        limit = Timer(WITHIN_SECONDS, suite_run.kill)
        limit.start()
        try:
            for line in suite_run.stdout or ():
                lines.append(line.strip())
                target.progress.detail(lines[-1])
            suite_run.wait()
        finally:
            limit.cancel()
            suite_run.kill()
    failed = [line.split(" - ")[0] for line in lines if re.match("(FAILED|ERROR) ", line)]
    return judged("; ".join([lines[-1].strip("= "), *failed]), holds=suite_run.returncode == 0)
