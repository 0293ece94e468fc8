"""The processes of a server: started on one core, and watched through /proc."""

import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
SERVER_CORE = "0"
START_SECONDS = 60
STOP_SECONDS = 20


class Tree:
    """A process and all that descend from it.

    Args:
        pid: Of the first.
    """

    def __init__(self, pid):
        self.pid = pid

    def pids(self):
        """List them."""
        children = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                pid, _, rest = stat.read_text().partition(" ")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended just now
            children.setdefault(int(rest.rpartition(")")[2].split()[1]), []).append(int(pid))
        found = [self.pid]
        for pid in found:
            found += children.get(pid, [])
        return found

    def cpu_seconds(self):
        """Add up the time that they computed, in the kernel too."""
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids()]
        return sum(int(times[11]) + int(times[12]) for times in fields) / TICKS

    def rss_bytes(self):
        """Add up the memory that they hold; what they share counts for each."""
        pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.pids()]
        return sum(pages) * os.sysconf("SC_PAGE_SIZE")


def free_port():
    """Find a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def running(command, environment, folder, is_ready):
    """Run a server on its core until the end of the block.

    Args:
        command: Its arguments.
        environment: Variables beyond those of this process.
        folder: Where it runs.
        is_ready: Asked again and again until it says yes.
    Yields:
        Its processes, and the seconds from its start until it was ready.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        ["taskset", "--cpu-list", SERVER_CORE, *command],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not is_ready():
            if process.poll() is not None or time.perf_counter() - started > START_SECONDS:
                raise RuntimeError(f"{' '.join(map(str, command))} did not come up.")
            time.sleep(0.005)
        yield Tree(process.pid), time.perf_counter() - started
    finally:
        _stop(process)


def _stop(process):
    """End a server and whatever of its own it leaves running."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with suppress(ProcessLookupError):  # mostly nothing is left
        os.killpg(process.pid, signal.SIGKILL)  # its session is its own
