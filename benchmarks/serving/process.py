"""The processes of a server: started on one core, and watched through /proc."""

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
SERVER_CORE = "0"
START_SECONDS = 60
STOP_SECONDS = 20
# In smaps: the path of a mapping, if it has one, and its two sizes.
MAPPING = re.compile(
    r"^[0-9a-f]+-\S+ \S+ \S+ \S+ \d+ *(.*)\n(?:.*\n)*?Rss: +(\d+) kB\nPss: +(\d+) kB", re.MULTILINE
)
OURS = ("DIGITS_", "OTEL_")  # variables that would change what is measured


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
        for folder in Path("/proc").glob("[0-9]*"):
            if fields := _stat(folder.name):
                children.setdefault(int(fields[1]), []).append(int(folder.name))
        found = [self.pid]
        for pid in found:
            found += children.get(pid, [])
        return found

    def cpu_seconds(self):
        """Add up the time that they computed, in the kernel too, and that children did which ended."""
        return sum(int(time) for pid in self.pids() for time in _stat(pid)[11:15]) / TICKS

    def memory(self):
        """Add up the memory that they hold, in bytes.

        Returns:
            By name: `rss_bytes`, in which what they share counts for each, and `memory_bytes`, in which it
            counts once, but in full, even if others outside share it too.
        """
        rss, own, files = 0, 0, {}
        for pid in self.pids():
            mappings = Path(f"/proc/{pid}/smaps").read_text()
            sizes = {}
            for path, held, share in MAPPING.findall(mappings):
                rss += int(held)
                if path.startswith("/"):
                    sizes[path] = sizes.get(path, 0) + int(held)
                else:
                    own += int(share)
            files |= {path: max(size, files.get(path, 0)) for path, size in sizes.items()}
        return {"rss_bytes": rss * 1024, "memory_bytes": (own + sum(files.values())) * 1024}


def _stat(pid):
    """What the kernel says of a process, after its name; nothing if it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def free_port(count=1):
    """Find a port that nobody listens on, followed by others of the kind.

    Args:
        count: How many in all.
    Returns:
        The first.
    """
    while True:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            try:
                for further in range(port + 1, port + count):
                    socket.create_server(("127.0.0.1", further)).close()
            except (OSError, OverflowError):
                continue
        return port


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
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            ["taskset", "--cpu-list", SERVER_CORE, *command],
            cwd=folder,
            env={**inherited, **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            while not is_ready():
                if process.poll() is not None or time.perf_counter() - started > START_SECONDS:
                    log.seek(0)
                    raise RuntimeError(f"{command} did not come up:\n{log.read().decode()[-2000:]}")
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
