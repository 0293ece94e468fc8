"""Network namespaces for the replicas, so that each of them has an address of its own, as a pod or a machine has."""

import os
import subprocess
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from benchmarks.serving.process import free_port

PORT = 8000  # of each replica in a namespace


class Place(NamedTuple):
    """A network address at which a replica can run.

    Args:
        host: The IP address.
        port: The port.
        prefix: The first words of a command that runs at the address.
        link: The network link of the address, or None on the loopback interface, whose link must not be taken down.
    """

    host: str
    port: int
    prefix: tuple[str, ...] = ()
    link: str | None = None

    def set_link(self, state):
        """Set the state of the link: `down` drops all packets from and to the address, and `up` ends this."""
        run_ip("link", "set", "dev", self.link, state)


@contextmanager
def places(count):
    """Provide places for replicas until the end of the `with` block: namespaces, or loopback ports if `ip` fails.

    Args:
        count: The number of places.
    Yields:
        A list of `Place`.
    """
    with ExitStack() as stack:
        try:
            created = _create_namespaces(stack, count)
        except (FileNotFoundError, subprocess.CalledProcessError):  # usually this process lacks the rights
            stack.close()
            created = loopback_places(count)
        yield created


def loopback_places(count):
    """List places on free ports of the loopback interface."""
    first = free_port(count)
    return [Place("127.0.0.1", first + number) for number in range(count)]


def _create_namespaces(stack, count):
    """Create namespaces, and a bridge that connects them with this process; remove all of them with the stack."""
    pid = os.getpid()
    network, bridge = f"198.18.{pid % 256}", f"dg{pid}"  # for benchmarks (RFC 2544); a name has at most 15 characters
    _add(stack, "link", bridge, "type", "bridge")
    run_ip("address", "add", f"{network}.1/24", "dev", bridge)
    run_ip("link", "set", "dev", bridge, "up")
    return [_add_place(stack, bridge, f"{network}.{10 + number}", number) for number in range(count)]


def _add_place(stack, bridge, host, number):
    """Create a namespace with an address on the bridge, and remove it with the stack."""
    namespace, link = f"digits-{os.getpid()}-{number}", f"{bridge}-{number}"
    _add(stack, "netns", namespace)
    _add(stack, "link", link, "type", "veth", "peer", "name", "eth0", "netns", namespace)
    run_ip("link", "set", "dev", link, "master", bridge, "up")
    for arguments in (
        ("address", "add", f"{host}/24", "dev", "eth0"),
        ("link", "set", "dev", "eth0", "up"),
        ("link", "set", "dev", "lo", "up"),
    ):
        run_ip("-netns", namespace, *arguments)
    return Place(host, PORT, ("ip", "netns", "exec", namespace), link)


def _add(stack, kind, name, *arguments):
    """Create a link or a namespace, and remove it with the stack."""
    run_ip(kind, "add", name, *arguments)
    stack.callback(run_ip, kind, "delete", name)


def run_ip(*arguments):
    """Run `ip` with arguments.

    Raises:
        subprocess.CalledProcessError: The command failed.
    """
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
