"""The load generator wrk, which sends the same request repeatedly from a core of its own."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

CLIENT_CORE = "1"

REQUEST_SCRIPT = """
wrk.method = "POST"
local file = io.open("%s", "rb")
wrk.body = file:read("*all")
file:close()
%s
"""
COST_SCRIPT = """
done = function(summary, latency)
  io.write(string.format('\\n{"requests":%d,"microseconds":%d,"failed":%d,"p50":%d,"p99":%d}\\n',
    summary.requests, summary.duration,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status
      + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""
# `response` runs in the one thread of wrk, and `done` in an environment of its own.
ANSWER_SCRIPT = """
ok, unavailable, other = 0, 0, 0
response = function(status)
  if status == 200 then ok = ok + 1 elseif status == 503 then unavailable = unavailable + 1 else other = other + 1 end
end
setup = function(thread) only_thread = thread end
done = function(summary)
  io.write(string.format('\\n{"ok":%d,"unavailable":%d,"other":%d,"lost":%d,"microseconds":%d}\\n',
    only_thread:get("ok"), only_thread:get("unavailable"), only_thread:get("other"),
    summary.errors.connect + summary.errors.read + summary.errors.write, summary.duration))
end
"""


class Load(NamedTuple):
    """A POST request that is sent repeatedly.

    Args:
        path: Path of the request's URL.
        body: The request's body.
        headers: The request's headers, by name.
        connections: The number of connections that send the request at the same time.
    """

    path: str
    body: bytes
    headers: dict[str, str]
    connections: int


class LoadResult(NamedTuple):
    """What a load measured.

    Args:
        requests_per_second: The rate of requests.
        p50_milliseconds: The median latency.
        p99_milliseconds: The 99th percentile of the latency.
        cpu_microseconds: The server's CPU time per request.
    """

    requests_per_second: float
    p50_milliseconds: float
    p99_milliseconds: float
    cpu_microseconds: float


class AnswerCounts(NamedTuple):
    """How many requests got which answer.

    Args:
        ok: Answers with the status 200.
        unavailable: Answers with the status 503.
        other: Answers with another status.
        lost: Requests without an answer, because the connection failed.
    """

    ok: int
    unavailable: int
    other: int
    lost: int


def require_wrk():
    """Exit with an error message if this machine lacks wrk, taskset or a second core."""
    missing = [name for name in ("wrk", "taskset") if shutil.which(name) is None]
    if missing:
        raise SystemExit(f"{' and '.join(missing)} missing: apt-get install wrk util-linux")
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("Two cores are needed, one for the server and one for wrk.")


def send(load, url, seconds, processes):
    """Send a load for some seconds, and measure the server's CPU time.

    Args:
        load: The load.
        url: The server's URL.
        seconds: The duration.
        processes: The server's `ProcessTree`.
    Returns:
        The result.
    Raises:
        RuntimeError: A request failed.
    """
    cpu_before = processes.cpu_seconds()
    summary = _run_wrk(load, url, seconds, COST_SCRIPT)
    cpu_seconds = processes.cpu_seconds() - cpu_before
    if summary["failed"]:
        raise RuntimeError(f"{summary['failed']} of {summary['requests']} requests to {load.path} failed.")
    return LoadResult(
        requests_per_second=summary["requests"] / summary["microseconds"] * 1e6,
        p50_milliseconds=summary["p50"] / 1e3,
        p99_milliseconds=summary["p99"] / 1e3,
        cpu_microseconds=cpu_seconds / summary["requests"] * 1e6,
    )


def count_answers(load, url, seconds):
    """Send a load that the server may reject, and count the answers.

    Args:
        load: The load.
        url: The server's URL.
        seconds: The duration.
    Returns:
        The `AnswerCounts`, and the seconds that the load has taken.
    """
    summary = _run_wrk(load, url, seconds, ANSWER_SCRIPT)
    return AnswerCounts(*(summary[name] for name in AnswerCounts._fields)), summary["microseconds"] / 1e6


def _run_wrk(load, url, seconds, output_script):
    """Run wrk, and parse the last line of its output, which the output script prints."""
    with tempfile.TemporaryDirectory() as folder:
        body, script = Path(folder) / "body", Path(folder) / "load.lua"
        body.write_bytes(load.body)
        headers = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in load.headers.items())
        script.write_text(REQUEST_SCRIPT % (body, headers) + output_script)
        wrk = ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds}s", "-s", str(script), url + load.path]
        completed = subprocess.run(
            ["taskset", "--cpu-list", CLIENT_CORE, *wrk], capture_output=True, text=True, check=True
        )
    return json.loads(completed.stdout.splitlines()[-1])
