"""The supervisor, which keeps several workers running."""

import math
import multiprocessing
import signal
import socket
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing import connection, resource_tracker

from app.observability.logs import log
from app.process.drain import STOP_SIGNALS
from app.process.reload import Reloader
from app.process.server import run_worker
from app.process.service_state import ServiceState, create_worker_link
from app.process.tuning import freeze_gc

SPAWN = multiprocessing.get_context("spawn")  # a worker starts with fresh modules, and without locks of the supervisor
SIGNALS = (*STOP_SIGNALS, signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU)
SECONDS_BETWEEN_CHECKS = 0.5
# Pause before each successor, by the number of deaths before it in a row, each of them early.
PAUSES_SECONDS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
EARLY_DEATH_SECONDS = 5.0
HANG_SECONDS = 30.0  # a worker without a heartbeat is killed; a start and the largest batch take less
KILL_SECONDS = 1.0  # for the system to end a killed process
END_SECONDS = 5.0  # after the drain and the requests in flight; the last traces take three seconds


class SupervisedWorker:
    """A worker process and, when it has died, its successors.

    Args:
        state: The state that all processes share.
        listener: The listening socket.
        clock: Clock, in seconds.

    Attributes:
        process: The process that was started last.
        link: Values that the worker and the supervisor exchange.
        deadline: Time of the clock at which the process must have ended. A process with a deadline has no successor.
    """

    def __init__(
        self, state: ServiceState, listener: socket.socket, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.deadline = math.inf
        self._state, self._listener, self._clock = state, listener, clock
        self._early_deaths = 0
        self._start()

    def _start(self) -> None:
        self.link, self._last_heartbeats, self._hanging_seconds = create_worker_link(), 0, 0.0
        self.process = SPAWN.Process(target=run_worker, args=(self._state, self._listener, self.link))
        self._start_time = self._clock()
        self._successor_start: float | None = None
        # The process inherits the mask, so the signals have no effect on it. A service manager or a terminal may send
        # them to all processes, also during a start. The resource tracker changes the mask when it starts, so it must
        # start before.
        resource_tracker.ensure_running()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            self.process.start()
        except OSError as error:
            log.error("worker not started: %s", error)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    @property
    def must_end(self) -> bool:
        """True if the process must end, and has no successor."""
        return self.deadline < math.inf

    def retire(self) -> None:
        """Let the process stop gracefully, without the drain."""
        self.link.must_retire.value = True
        self.set_deadline(0)

    def set_deadline(self, drain_seconds: float) -> None:
        """Set the time at which the process is killed if it has not stopped.

        Args:
            drain_seconds: Time until it begins to stop, in seconds.
        """
        self.deadline = self._clock() + drain_seconds + self._state.settings.graceful_stop_seconds + END_SECONDS

    def kill_if_hanging(self, seconds: float) -> None:
        """Kill the process if it has had no heartbeat for long, or has not ended in time.

        Args:
            seconds: Time since the last call, in seconds.
        """
        heartbeats, last_heartbeats = self.link.heartbeats.value, self._last_heartbeats
        self._last_heartbeats = heartbeats
        self._hanging_seconds = self._hanging_seconds + seconds if heartbeats == last_heartbeats else 0.0
        # A process that stops has no heartbeats.
        is_hanging = self._clock() > self.deadline if self.must_end else self._hanging_seconds > HANG_SECONDS
        if is_hanging and self.process.is_alive():
            log.error("worker hangs", extra={"worker_pid": self.process.pid})
            self.process.kill()
            self.process.join(KILL_SECONDS)

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
        self.log_death(pause_seconds=pause)
        return now + pause

    def log_death(self, **fields: float) -> None:
        """Log that the process has died, if it was started and has not stopped as it should.

        Args:
            fields: Further fields of the log line.
        """
        if self.process.pid is not None and (self.process.exitcode or not self.must_end):
            pid_and_status = {"worker_pid": self.process.pid, "exit_status": self.process.exitcode}
            log.warning("worker died", extra={**pid_and_status, **fields})


class Supervisor:
    """Starts the workers, replaces those that die, and handles the signals.

    Args:
        state: The state that all processes share.
        listener: The listening socket.
    """

    def __init__(self, state: ServiceState, listener: socket.socket) -> None:
        self._state, self._listener = state, listener
        self._reloader = Reloader(state)
        self._workers: list[SupervisedWorker] = []
        self._received: list[int] = []  # numbers of signals
        self._wakeup, self._wakeup_writer = socket.socketpair()

    def run(self) -> None:
        """Keep the workers running until a signal stops the service, and wait for their end."""
        # When a signal arrives, Python writes to this socket, which ends a wait. A full socket must not block Python.
        self._wakeup_writer.settimeout(0)
        signal.set_wakeup_fd(self._wakeup_writer.fileno(), warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, lambda received, _: self._received.append(received))
        try:
            freeze_gc()
            with closing(self._listener):  # otherwise new connections would wait in a queue that no worker empties
                self._workers += [self._create_worker() for _ in range(self._state.settings.workers)]
                while not self._state.drain.is_draining():
                    self._maintain()
                    self._wait()
        finally:
            self._state.drain.begin()
            self._wait_for_workers()

    def _maintain(self) -> None:
        """Replace dead workers, forget those that have retired, and reload the files if that is requested."""
        self._workers = [worker for worker in self._workers if not worker.must_end or worker.process.is_alive()]
        for worker in self._workers:
            if not worker.must_end:
                worker.replace_if_dead()
        self._reloader.start_if_requested()

    def _wait(self) -> None:
        """Wait until a worker has died or a signal arrives, but not for long; kill workers that hang."""
        start = time.monotonic()
        self._wait_for_event()
        # The limit prevents kills after all processes were frozen together.
        seconds = min(time.monotonic() - start, SECONDS_BETWEEN_CHECKS)
        for worker in self._workers:
            worker.kill_if_hanging(seconds)

    def _wait_for_event(self) -> None:
        sentinels = [worker.process.sentinel for worker in self._workers if worker.process.is_alive()]
        if self._wakeup in connection.wait([self._wakeup, *sentinels], SECONDS_BETWEEN_CHECKS):
            self._wakeup.recv(4096)
        while self._received:
            self._handle_signal(self._received.pop(0))

    def _handle_signal(self, number: int) -> None:
        active = [worker for worker in self._workers if not worker.must_end]
        if number in STOP_SIGNALS:
            self._state.drain.handle_signal(number)
        elif self._state.drain.is_draining():
            pass  # the other signals are for a service that goes on
        elif number == signal.SIGHUP:
            self._state.handle_sighup(self._reloader.request)
        elif number == signal.SIGTTIN:
            self._workers.append(self._create_worker())
        elif len(active) > 1:
            # A dead worker, whose successor has not started yet, retires first.
            min(reversed(active), key=lambda worker: worker.process.is_alive()).retire()

    def _create_worker(self) -> SupervisedWorker:
        return SupervisedWorker(self._state, self._listener)

    def _wait_for_workers(self) -> None:
        """Wait until all workers have ended, and kill those that take too long."""
        alive = [worker for worker in self._workers if worker.process.is_alive()]
        for worker in alive:
            worker.set_deadline(self._state.settings.drain_seconds)
        while any(worker.process.is_alive() for worker in alive):
            self._wait()
        for worker in alive:
            worker.log_death()
