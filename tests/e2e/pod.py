"""A container of a pod without a cluster: a process that has its own network, mounts and environment variables."""

import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT
from tests.machine import skip_unless

# A user namespace gives the rights to mount and to set up the network. Its files below /mnt and its ports are not those
# of this machine, and end with the process.
NAMESPACES = ["unshare", "--map-root-user", "--mount", "--net"]
# Mounts the folder of the first argument at the path of the second one, and runs the command of all others.
SCRIPT = """
ip link set lo up && mount -t tmpfs tmpfs "$(dirname "$2")" || exit 99
if [ -e "$1" ]; then mkdir "$2" && mount --bind -o ro "$1" "$2" || exit 99; fi
shift 2
exec "$@"
"""


def _has_namespaces():
    """Tell whether this machine allows a user to create namespaces."""
    try:
        return subprocess.run([*NAMESPACES, "ip", "link"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


needs_namespaces = skip_unless(_has_namespaces(), "user, mount and network namespaces of Linux, and iproute2")


def container_command(command, *, mounted, mount_path):
    """Return the command line that runs the command of a container.

    Args:
        command: The command of the container.
        mounted: Path of a folder of this machine; without such a folder, nothing is mounted.
        mount_path: Absolute path at which the container sees that folder.
    """
    return [*NAMESPACES, "sh", "-c", SCRIPT, "sh", str(mounted), mount_path, *command]


def container_environment(**variables):
    """Return the environment of a container: the variables of the image, and its own ones."""
    image = dict(re.findall(r"\b((?:PYTHON|DIGITS_)\w+)=(\S+)", (ROOT / "Dockerfile").read_text()))
    return {**image, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **variables}


@contextmanager
def running_container(command, environment, **mount):
    """Run a container until the end of the `with` block.

    Args:
        command: Its command.
        environment: Its environment variables.
        mount: Arguments of `container_command`.
    Yields:
        Its process, and the first line of its log.
    """
    with subprocess.Popen(
        container_command(command, **mount), cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            yield process, json.loads(process.stderr.readline())
        finally:
            process.kill()


def run_inside(process, command, **options):
    """Run a command in the network of a running container, and return its output."""
    inside = ["nsenter", f"--target={process.pid}", "--user", "--net", "--preserve-credentials", "--", *command]
    return subprocess.run(inside, capture_output=True, text=True, check=True, timeout=60, **options).stdout
