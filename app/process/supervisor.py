"""The supervisor, which keeps several workers running.

It does not use uvicorn's supervisor, because that one starts uvicorn's own server, replaces a dead worker without a
pause, and does not listen to signals while it waits for workers to end.
"""

import signal
import socket
import time
from collections.abc import Callable
from multiprocessing import connection

from app.observability.logs import log
from app.process.drain import SPAWN
from app.process.service_state import ServiceState, create_worker_signs
from app.process.shared_artefact import reload_artefact
from app.process.worker import run_worker

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU)
SECONDS_BETWEEN_CHECKS = 0.5
# Before the start of a successor, if the workers before it have died again and again within seconds after their start.
PAUSES_SECONDS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
EARLY_DEATH_SECONDS = 5.0
HANG_SECONDS = 30.0  # without a tick; the start of a worker and the largest batch take less
END_SECONDS = 5.0  # after the drain and the requests in flight; the last traces take three seconds


class SupervisedWorker:
    """A worker process and, when it has died, its successors.

    Args:
        state: The state that all processes share.
        listener: The listening socket.
        clock: Clock, in seconds.

    Attributes:
        process: The process that was started last.
        signs: Values that the worker and the supervisor exchange.
        is_retiring: True if the process stops gracefully and has no successor.
    """

    def __init__(
        self, state: ServiceState, listener: socket.socket, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.is_retiring = False
        self._state, self._listener, self._clock = state, listener, clock
        self._early_deaths = 0
        self._start()

    def _start(self) -> None:
        self.signs, self._last_ticks, self._hanging_seconds = create_worker_signs(), 0, 0.0
        self.process = SPAWN.Process(target=run_worker, args=(self._state, self._listener, self.signs))
        self.process.start()
        self._start_time = self._clock()
        self._successor_start: float | None = None

    def retire(self) -> None:
        """Let the process stop gracefully; it has no successor."""
        self.is_retiring = self.signs.must_retire.value = True

    def kill_if_hanging(self, seconds: float) -> None:
        """Kill the process if it has not ticked for long.

        Args:
            seconds: Time since the last call, in seconds.
        """
        ticks, last_ticks = self.signs.ticks.value, self._last_ticks
        self._last_ticks = ticks
        self._hanging_seconds = self._hanging_seconds + seconds if ticks == last_ticks else 0.0
        if self._hanging_seconds > HANG_SECONDS and self.process.is_alive():
            log.error("worker hangs", extra={"worker_pid": self.process.pid})
            self.process.kill()

    def replace_if_dead(self) -> None:
        """Start a successor of a dead process: at once, or after a pause that grows with each early death."""
        if self.process.is_alive():
            return
        if self._successor_start is None:
            self._successor_start = self._schedule_successor()
        if self._clock() >= self._successor_start:
            self._start()

    def _schedule_successor(self) -> float:
        now = self._clock()
        if now - self._start_time >= EARLY_DEATH_SECONDS:
            self._early_deaths = 0
        pause = PAUSES_SECONDS[min(self._early_deaths, len(PAUSES_SECONDS) - 1)]
        self._early_deaths += 1
        fields = {"worker_pid": self.process.pid, "exit_status": self.process.exitcode, "pause_seconds": pause}
        log.warning("worker died", extra=fields)
        return now + pause


class Supervisor:
    """Starts the workers, replaces those that die, and passes the signals on to them.

    Args:
        state: The state that all processes share.
        listener: The listening socket.
    """

    def __init__(self, state: ServiceState, listener: socket.socket) -> None:
        self._state, self._listener = state, listener
        self._signals, self._signal_writer = socket.socketpair()
        self._workers: list[SupervisedWorker] = []

    def run(self) -> None:
        """Keep the workers running until a signal stops the service, and wait for their end."""
        self._signal_writer.settimeout(0)  # a full socket must not block the interpreter
        signal.set_wakeup_fd(self._signal_writer.fileno())  # Python writes the number of each signal to the socket
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)
        for _ in range(self._state.settings.workers):
            self._add_worker()
        while not self._state.drain.is_draining():
            self._wait()
            for worker in self._workers:
                if not worker.is_retiring:
                    worker.replace_if_dead()
        self._listener.close()  # otherwise new connections would wait in a queue that no worker empties
        self._wait_for_workers()

    def _wait_for_workers(self) -> None:
        """Wait until all workers have ended, and kill those that take too long."""
        settings = self._state.settings
        end = time.monotonic() + settings.drain_seconds + settings.graceful_stop_seconds + END_SECONDS
        while alive := [worker for worker in self._workers if worker.process.is_alive()]:
            self._wait()
            if time.monotonic() > end:
                for worker in alive:
                    worker.process.kill()

    def _wait(self) -> None:
        """Handle the signals, and kill workers that hang; return when a worker has died, or after a while."""
        start = time.monotonic()
        alive = [worker for worker in self._workers if worker.process.is_alive()]
        sentinels = [worker.process.sentinel for worker in alive]
        events = connection.wait([self._signals, *sentinels], SECONDS_BETWEEN_CHECKS)
        if self._signals in events:
            for number in self._signals.recv(64):
                self._handle_signal(number)
        # Not more, because all processes may have been frozen meanwhile.
        seconds = min(time.monotonic() - start, SECONDS_BETWEEN_CHECKS)
        for worker in alive:
            worker.kill_if_hanging(seconds)

    def _handle_signal(self, number: int) -> None:
        active = [worker for worker in self._workers if not worker.is_retiring]
        if number == signal.SIGHUP:
            reload_artefact(self._state.artefact, self._state.settings, self._state.counters)
        elif number == signal.SIGTTIN:
            self._add_worker()
        elif number == signal.SIGTTOU:
            if len(active) > 1:
                active[-1].retire()
        else:
            self._state.drain.handle_signal(number)

    def _add_worker(self) -> None:
        self._workers.append(SupervisedWorker(self._state, self._listener))
