"""The supervisor of several worker processes."""

import socket

import uvicorn
from typing_extensions import override
from uvicorn.supervisors import Multiprocess

from app.observability.logs import log
from app.process.drain import DrainState


class Supervisor(Multiprocess):
    """uvicorn's supervisor, which also announces the shutdown before it stops its workers.

    Only a SIGTERM to the supervisor announces the shutdown. When SIGHUP replaces a worker, nothing is announced, and
    the old worker reports ready until it ends.

    Args:
        config: Configuration of uvicorn.
        sockets: The listening sockets.
        drain_state: Shared state that announces the shutdown.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], drain_state: DrainState) -> None:
        super().__init__(config, sockets)
        self.drain_state = drain_state

    @override
    def handle_term(self) -> None:
        self.drain_state.announce()
        super().handle_term()

    @override
    def keep_subprocess_alive(self) -> None:
        before = list(self.processes)
        super().keep_subprocess_alive()
        for dead, successor in zip(before, self.processes, strict=True):
            if dead is not successor:
                pids = {"worker_pid": dead.pid, "successor_pid": successor.pid}
                log.warning("worker died", extra={**pids, "exit_status": dead.exitcode})

    @override
    def terminate_all(self) -> None:
        super().terminate_all()
        for listener in self.sockets:
            listener.close()  # otherwise new connections would wait in a queue that no worker empties
