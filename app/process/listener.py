"""The listening socket."""

import socket

BACKLOG = 2048  # connections that wait to be accepted; uvicorn's default


def listen(host: str, port: int) -> socket.socket:
    """Bind the address before anything else starts, so that a taken port is reported at once.

    Args:
        host: Host name or address, IPv4 or IPv6.
        port: TCP port; 0 takes any free one.
    Returns:
        A listening socket.
    Raises:
        OSError: The port is taken, or the address does not belong to this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)
