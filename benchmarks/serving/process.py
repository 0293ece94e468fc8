"""The processes of a server: started on one core, and measured through /proc."""

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

CLOCK_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
SERVER_CORE = "0"
START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 20
# One mapping in /proc/<pid>/smaps, with three groups: the file's path (or a name such as [heap], or nothing);
# the resident size, Rss; and Pss, which divides shared memory by the number of processes that share it.
MAPPING = re.compile(r"^[0-9a-f]+-\S+ \S+ \S+ \S+ \d+ *(.*)\n(?:.*\n)*?Rss: +(\d+) kB\nPss: +(\d+) kB", re.MULTILINE)
# Prefixes of environment variables that configure this service. Servers do not inherit them, because they
# would change the measured figures.
SETTING_PREFIXES = ("DIGITS_", "OTEL_")


class ProcessTree:
    """A process and all its descendants.

    Args:
        pid: The id of the first process.
    """

    def __init__(self, pid):
        self.pid = pid

    def pids(self):
        """Return the ids of all running processes of the tree; the first process comes first."""
        children: dict[int, list[int]] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            if fields := stat_fields(folder.name):
                children.setdefault(int(fields[1]), []).append(int(folder.name))
        pids = [self.pid]
        for pid in pids:  # the list grows during the loop
            pids += children.get(pid, [])
        return pids

    def worker_pids(self):
        """Return the ids of the worker processes that a supervisor of this service has started."""
        pids = self.pids()[1:]
        return [pid for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def exit_status(self):
        """Return the exit status of the first process, a negative number of a signal, or None while it runs."""
        # The process is not reaped, because the code that has started it waits for it too.
        end = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if end is None:
            return None
        return end.si_status if end.si_code == os.CLD_EXITED else -end.si_status

    def cpu_seconds(self):
        """Return the CPU time of all processes: in user and kernel mode, and of children that have ended."""
        return sum(int(ticks) for pid in self.pids() for ticks in stat_fields(pid)[11:15]) / CLOCK_TICKS_PER_SECOND

    def memory(self):
        """Return the memory of all processes together, in bytes.

        Returns:
            Two figures by name. `rss_bytes` is the sum of the resident sets, so memory that processes share
            counts once for each of them. `memory_bytes` counts shared memory once. A file in memory counts in
            full, even if processes outside the tree share it.
        """
        rss, without_files = 0, 0
        files: dict[str, int] = {}
        for pid in self.pids():
            smaps = Path(f"/proc/{pid}/smaps").read_text()
            sizes: dict[str, int] = {}
            for path, mapping_rss, mapping_pss in MAPPING.findall(smaps):
                rss += int(mapping_rss)
                if path.startswith("/"):
                    sizes[path] = sizes.get(path, 0) + int(mapping_rss)
                else:
                    without_files += int(mapping_pss)
            files |= {path: max(size, files.get(path, 0)) for path, size in sizes.items()}
        return {"rss_bytes": rss * 1024, "memory_bytes": (without_files + sum(files.values())) * 1024}


def stat_fields(pid):
    """Read the fields of /proc/<pid>/stat after the process's name, proc(5).

    Args:
        pid: The id of the process.
    Returns:
        The fields, as text; none if the process has ended.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def free_port(count=1):
    """Find consecutive free ports.

    Args:
        count: The number of ports.
    Returns:
        The first port.
    """
    while True:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            try:
                for next_port in range(port + 1, port + count):
                    socket.create_server(("127.0.0.1", next_port)).close()
            except (OSError, OverflowError):
                continue
        return port


@contextmanager
def running_server(command, environment, folder, is_ready):
    """Run a server on its core until the end of the `with` block.

    Args:
        command: The command line.
        environment: Environment variables in addition to those of this process.
        folder: The working directory.
        is_ready: Function without arguments; called repeatedly until it returns True.
    Yields:
        The server's processes, and the seconds from its start until it was ready.
    Raises:
        RuntimeError: The server ended or was not ready in time; the message holds the end of its output.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(SETTING_PREFIXES)}
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
                if process.poll() is not None or time.perf_counter() - started > START_TIMEOUT_SECONDS:
                    log.seek(0)
                    raise RuntimeError(f"{command} did not start:\n{log.read().decode()[-2000:]}")
                time.sleep(0.005)
            yield ProcessTree(process.pid), time.perf_counter() - started
        finally:
            _stop(process)


def _stop(process):
    """Stop a server and all processes that it leaves running."""
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with suppress(ProcessLookupError):  # usually no process is left
        os.killpg(process.pid, signal.SIGKILL)  # the server was started in a session of its own
