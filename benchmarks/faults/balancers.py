"""The load balancers, with the configuration files that operators copy."""

import csv
import io
import os
import re
import socket
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from benchmarks.serving.contenders import ROOT
from benchmarks.serving.process import running_server
from benchmarks.serving.wrk import CLIENT_CORE

CONFIGURATIONS = ROOT / "deploy" / "proxies"
REPLICA = re.compile(r"replica-(\d+):8000")
TEMPORARY_FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Balancer(NamedTuple):
    """A load balancer.

    Args:
        title: Its name in tables.
        configuration: Path of its configuration file.
        adapt: Function of the text of the file, the host and port to listen on, and an empty folder; returns the text
            for this machine.
        command: Function of the folder and the path of the adapted file; returns the command line.
        check: The further argument of the command that only checks the file.
        count_repeats: Function of the folder; returns how many requests the balancer has sent to a second replica.
        repeats: The line of the file that makes it do so after a request was sent.
    """

    title: str
    configuration: Path
    adapt: Callable[[str, str, Path], str]
    command: Callable[[Path, Path], list[str]]
    check: str
    count_repeats: Callable[[Path], int]
    repeats: str

    def without_repeats(self):
        """Return the balancer with a configuration that only repeats attempts to connect."""

        def adapt(text, address, folder):
            return self.adapt(_replace_once(text, self.repeats, ""), address, folder)

        return self._replace(title=f"{self.title} without repeats", adapt=adapt)


def _adapt_haproxy(text, address, folder):
    """Replace the address to listen on, and add a socket for statistics."""
    text = _replace_once(text, "\nglobal\n", f"\nglobal\n    stats socket {folder}/statistics\n")
    return _replace_once(text, "bind :8080", f"bind {address}")


def _adapt_nginx(text, address, folder):
    """Replace the address to listen on, log repeated requests, and keep all files in the folder."""
    paths = "".join(f"    {name}_temp_path {folder}/{name};\n" for name in TEMPORARY_FOLDERS)
    is_repeated = "map $upstream_status $is_repeated { default 0; '~,' 1; }"
    log = f"access_log {folder}/repeats combined if=$is_repeated;"
    text = _replace_once(text, "access_log off;", f"{is_repeated} {log}")
    return _replace_once(_replace_once(text, "listen 8080;", f"listen {address};"), "http {\n", f"http {{\n{paths}")


def _nginx_command(folder, file):
    """Return the command line of nginx, which runs in the foreground and as the user of this process."""
    user = "user root; " if os.geteuid() == 0 else ""  # the default user could not write into the folder
    return ["nginx", "-c", str(file), "-e", "stderr", "-g", f"daemon off; pid {folder}/pid; {user}"]


def _count_repeats_of_haproxy(folder):
    """Request the statistics of HAProxy, and count the requests that it has sent again."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(f"{folder}/statistics")
        connection.sendall(b"show stat\n")
        text = connection.makefile().read()
    rows = csv.DictReader(io.StringIO(text.removeprefix("# ")))
    return next(int(row["wredis"]) for row in rows if row["svname"] == "BACKEND")


def _count_repeats_of_nginx(folder):
    """Count the lines of the log of repeated requests."""
    return len((folder / "repeats").read_text().splitlines())


def _replace_once(text, old, new):
    """Replace a part of a configuration.

    Raises:
        ValueError: The configuration has the part not exactly once.
    """
    if text.count(old) != 1:
        raise ValueError(f"the configuration must have {old!r} once")
    return text.replace(old, new)


BALANCERS: Mapping[str, Balancer] = MappingProxyType(
    {
        "haproxy": Balancer(
            "HAProxy",
            CONFIGURATIONS / "haproxy.cfg",
            _adapt_haproxy,
            lambda _, file: ["haproxy", "-db", "-f", str(file)],
            "-c",
            _count_repeats_of_haproxy,
            "retry-on conn-failure empty-response response-timeout\n",
        ),
        "nginx": Balancer(
            "nginx",
            CONFIGURATIONS / "nginx.conf",
            _adapt_nginx,
            _nginx_command,
            "-t",
            _count_repeats_of_nginx,
            "proxy_next_upstream error timeout non_idempotent;\n",
        ),
    }
)


def write_configuration(balancer, folder, address, replicas):
    """Write the configuration of a balancer for this machine.

    Args:
        balancer: The `Balancer`.
        folder: An empty folder.
        address: The host and port to listen on, as text.
        replicas: The host and port of each replica; the lines of further replicas are removed.
    Returns:
        The path of the file.
    Raises:
        ValueError: The configuration has not the expected form.
    """
    lines = balancer.configuration.read_text().splitlines()
    numbers = [int(number) for line in lines for number in REPLICA.findall(line)]
    if numbers != list(range(1, len(numbers) + 1)) or len(numbers) < len(replicas):
        raise ValueError(f"the configuration has the replicas {numbers}")
    kept = [line for line in lines if not any(int(number) > len(replicas) for number in REPLICA.findall(line))]
    text = REPLICA.sub(lambda match: "{}:{}".format(*replicas[int(match[1]) - 1]), "\n".join([*kept, ""]))
    file = folder / balancer.configuration.name
    file.write_text(balancer.adapt(text, address, folder))
    return file


@contextmanager
def running_balancer(balancer, replicas):
    """Run a balancer on the core of the clients until the end of the `with` block.

    Args:
        balancer: The `Balancer`.
        replicas: The host and port of each replica.
    Yields:
        The host and port on which it listens, and a function that counts the requests that it has repeated.
    Raises:
        RuntimeError: The balancer ended or did not answer in time.
    """
    with reserved_address() as (host, port), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = write_configuration(balancer, folder, f"{host}:{port}", replicas)
        command = ["taskset", "--cpu-list", CLIENT_CORE, *balancer.command(folder, file)]
        with running_server(command, {}, folder, lambda: _answers(host, port)):
            yield (host, port), partial(balancer.count_repeats, folder)


@contextmanager
def reserved_address():
    """Reserve a free port until the end of the `with` block.

    HAProxy shares a port with any other process that allows it. Two HAProxies would share their requests, too, if both
    got the same free port. nginx and HAProxy can listen on a reserved port, because this socket does not listen.

    Yields:
        The host and the port.
    """
    with socket.socket() as reserved:
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            reserved.setsockopt(socket.SOL_SOCKET, option, 1)
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()


def _answers(host, port):
    """Return True if a probe through the balancer is answered with a 200."""
    with closing(HTTPConnection(host, port, timeout=1)) as connection:
        try:
            connection.request("GET", "/livez")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
