"""The server: uvicorn on a listening socket, in one process or in several.

On SIGTERM, readiness turns 503 first, and nothing else changes during the drain. Load balancers notice it and send new
requests elsewhere, while requests in flight and late requests are answered. Then the socket closes, the remaining
requests are answered, and the process ends with the status 0. With several workers, the supervisor announces the
shutdown to all workers and sends each of them a SIGTERM. Each worker then drains and stops by itself.
"""

import ctypes
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial

import uvicorn
from fastapi import FastAPI

from app.main import create_service_counters
from app.observability.logs import LOGGING, log
from app.process.connection_limits import ConnectionLimits, LimitedConfig
from app.process.drain import SPAWN, DrainState
from app.process.http_protocol import HttpProtocol
from app.process.supervisor import Supervisor
from app.process.worker import create_worker_app
from app.settings import Settings
from model import Artefact

BACKLOG = 2048  # connections that wait to be accepted; uvicorn's default
# The event loop accepts one connection from each listening socket in an iteration. So there are several copies of the
# socket. With one copy, a probe would wait behind each connection of a burst for an iteration.
ACCEPTS_PER_ITERATION = 8
# Unread bytes that the kernel keeps for a connection; Linux doubles the value. By default, the kernel keeps up to 4 MiB
# for a client that does not read its answers.
SEND_BUFFER_BYTES = 64 * 1024


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
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # connections inherit it
    return listener


def serve(artefact: Artefact, settings: Settings, listener: socket.socket) -> None:
    """Answer requests until a signal stops the service.

    Serving processes get the verified bytes of the weights and not the path, so a file that is damaged later cannot
    affect a worker that starts as a replacement. The bytes are in shared memory and not among the arguments of the
    process. Arguments go through a pipe, and the supervisor would block for ever if they exceed the buffer of the pipe
    and the process dies before it reads them.

    Args:
        artefact: The verified weights and their card.
        settings: The settings of the service.
        listener: A listening socket.
    """
    drain_state, counters = DrainState(), create_service_counters(settings)
    listeners = [listener, *(listener.dup() for _ in range(ACCEPTS_PER_ITERATION - 1))]
    weights = SPAWN.RawArray(ctypes.c_char, artefact.data)
    config = uvicorn_config(partial(create_worker_app, weights, settings, drain_state, counters), settings)
    # If a SIGTERM arrives before the drain handler is installed, uvicorn's handler receives it, and uvicorn raises it
    # again after it has stopped. The handler below then ends the process with the status 0.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    host, port = listener.getsockname()[:2]
    start = {"host": host, "port": port, "workers": settings.workers}
    log.info("started", extra={**start, "version": artefact.card.version, "sha256": artefact.sha256})
    try:
        if settings.workers > 1:
            Supervisor(config, listeners, drain_state).run()
        else:
            uvicorn.Server(config).run(listeners)
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a further SIGTERM has no effect now
        log.info("stopped")


def uvicorn_config(create_app: Callable[[], FastAPI], settings: Settings) -> LimitedConfig:
    """Choose the options of uvicorn.

    Args:
        create_app: Function that creates the application, called once in each process.
        settings: The settings of the service.
    Returns:
        The configuration of every process.
    """
    config = LimitedConfig(
        create_app,
        factory=True,
        workers=settings.workers,
        root_path=settings.root_path,
        loop="uvloop",
        http=HttpProtocol,
        ws="none",
        lifespan="on",
        log_config=LOGGING,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=settings.graceful_stop_seconds,
    )
    config.limits = ConnectionLimits(settings)
    return config
