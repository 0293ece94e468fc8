"""The service: one serving process, or a supervisor with several.

On SIGTERM, readiness turns 503 first, and nothing else changes during the drain. Load balancers notice it and send new
requests elsewhere, while requests in flight and late requests are answered. Then the listening socket closes without a
reset connection, each connection closes after its next answer, and the process ends with the status 0. The end of the
drain is a time in shared memory, so all workers stop at the same time.
"""

import signal
import socket

from app.observability.logs import configure_logging, log
from app.process.drain import STOP_SIGNALS
from app.process.server import run_worker
from app.process.service_state import create_service_state, create_worker_link
from app.process.supervisor import Supervisor
from app.settings import Settings
from model import Artefact


def serve(artefact: Artefact, settings: Settings, keys: bytes, listener: socket.socket) -> None:
    """Answer requests until a signal stops the service.

    Args:
        artefact: The verified weights and their card.
        settings: The settings of the service.
        keys: The keys of the clients, one a line; empty if the service is open.
        listener: A listening socket.
    """
    configure_logging()
    state = create_service_state(artefact, settings, keys)
    # The server or the supervisor replaces these handlers while it runs.
    for number in STOP_SIGNALS:
        signal.signal(number, lambda received, _: state.drain.handle_signal(received))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    host, port = listener.getsockname()[:2]
    start = {"host": host, "port": port, "workers": settings.workers}
    start |= {"keys": len(keys.splitlines()), "tls": settings.tls_cert is not None}
    log.info("started", extra={**start, "version": artefact.card.version, "sha256": artefact.sha256})
    try:
        if settings.workers > 1:
            Supervisor(state, listener).run()
        else:
            run_worker(state, listener, create_worker_link())
    finally:
        for number in (*STOP_SIGNALS, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        log.info("stopped")
