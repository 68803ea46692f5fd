"""The limit: wrk, an event loop in C that posts the same bytes and neither signs nor accounts for anything.

wrk opens its connections within its time; the clients in ``clients`` open theirs before.
"""

import json
import resource
import subprocess
import tempfile

from benchmarks.fanout.clients import CONNECTION_IDS, WINDOW, Sample, Task, request
from benchmarks.fanout.sink import program

SCRIPT = """
wrk.method = "POST"
wrk.body = {body}
for name, value in pairs({headers}) do wrk.headers[name] = value end
done = function(summary, latency, requests)
  local failed = 0
  for _, count in pairs(summary.errors) do failed = failed + count end
  io.write(string.format("\\n[%d, %d, %d]\\n", summary.requests, summary.duration, failed))
end
"""


def wrk(task: Task) -> Sample:
    """Post one connection's request again and again. Raises Missing where wrk is not installed."""
    head, _, body = request(task.url, CONNECTION_IDS[0]).decode().partition("\r\n\r\n")
    start, *lines = head.split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    del headers["host"], headers["content-length"]  # wrk sends its own
    origin, _, _ = task.url.rpartition("/prod")
    url = f"{origin.removesuffix('/late')}{start.split(' ')[1]}"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT.format(body=json.dumps(body), headers=_lua_table(headers)))
        script.flush()
        command = [program("wrk", "wrk"), "-t1", f"-c{WINDOW}", f"-d{max(1, round(task.seconds))}s"]
        command += ["-s", script.name, url]
        if task.first:
            command = ["chrt", "--rr", "1", *command]
        before = _children_cpu_seconds()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        cpu_seconds = _children_cpu_seconds() - before
    if done.returncode != 0:
        raise RuntimeError(f"wrk failed:\n{done.stdout}{done.stderr}")
    requests, microseconds, failed = json.loads(done.stdout.rstrip().rpartition("\n")[2])
    if failed:
        raise RuntimeError(f"wrk counts {failed} errors:\n{done.stdout}")
    return Sample(requests, microseconds / 1e6, cpu_seconds)


def _lua_table(headers: dict[str, str]) -> str:
    return (
        "{"
        + ", ".join(f"[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items())
        + "}"
    )


def _children_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
