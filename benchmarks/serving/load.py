"""wrk, which sends the same request over and over from a core of its own."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

CLIENT_CORE = "1"

SCRIPT = """
wrk.method = "POST"
local file = io.open("%s", "rb")
wrk.body = file:read("*all")
file:close()
%s
done = function(summary, latency)
  io.write(string.format('\\n{"requests":%%d,"microseconds":%%d,"failed":%%d,"p50":%%d,"p99":%%d}\\n',
    summary.requests, summary.duration,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status
      + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


class Load(NamedTuple):
    """A request, and how it is sent."""

    path: str
    body: bytes
    headers: dict
    connections: int
    rows: int = 1  # images in it


class Flow(NamedTuple):
    """What came of it."""

    requests_per_second: float
    p50_milliseconds: float
    p99_milliseconds: float
    cpu_microseconds: float  # of the server, a request


def require_wrk():
    """End with a sentence if this machine cannot measure."""
    missing = [name for name in ("wrk", "taskset") if shutil.which(name) is None]
    if missing:
        raise SystemExit(f"{' and '.join(missing)} missing: apt-get install wrk util-linux")
    if os.cpu_count() < 2:
        raise SystemExit("Two cores are needed, one for the server and one for wrk.")


def send(load, url, seconds, tree):
    """Send a load for some seconds, and see what it costs the server.

    Args:
        load: What is sent.
        url: Of the server.
        seconds: For how long.
        tree: The server's processes.
    Returns:
        A flow.
    Raises:
        RuntimeError: A request failed.
    """
    before = tree.cpu_seconds()
    report = _wrk(load, url, seconds)
    cpu_seconds = tree.cpu_seconds() - before
    if report["failed"]:
        raise RuntimeError(f"{report['failed']} of {report['requests']} requests to {load.path} failed.")
    return Flow(
        report["requests"] / report["microseconds"] * 1e6,
        report["p50"] / 1e3,
        report["p99"] / 1e3,
        cpu_seconds / report["requests"] * 1e6,
    )


def _wrk(load, url, seconds):
    """Run wrk, and read what its script printed last."""
    with tempfile.TemporaryDirectory() as folder:
        body, script = Path(folder) / "body", Path(folder) / "load.lua"
        body.write_bytes(load.body)
        headers = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in load.headers.items())
        script.write_text(SCRIPT % (body, headers))
        wrk = ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds}s", "-s", str(script), url + load.path]
        printed = subprocess.run(
            ["taskset", "--cpu-list", CLIENT_CORE, *wrk], capture_output=True, text=True, check=True
        )
    return json.loads(printed.stdout.splitlines()[-1])
