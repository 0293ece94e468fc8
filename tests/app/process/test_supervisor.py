"""The supervisor's part for one worker: successors of dead workers, and the end of a worker that hangs."""

import multiprocessing
import resource
from pathlib import Path

import pytest

from app.process.listener import listen
from app.process.service_state import create_service_state
from app.process.supervisor import EARLY_DEATH_SECONDS, END_SECONDS, HANG_SECONDS, SupervisedWorker
from app.settings import Settings


class Clock:
    """A clock that moves on only when the test says so."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def worker(artefact, clock):
    """A worker whose process starts, and is killed after the test."""
    with listen("127.0.0.1", 0) as listener:
        worker = SupervisedWorker(create_service_state(artefact, Settings(drain_seconds=0), b""), listener, clock)
        yield worker
        worker.process.kill()
        worker.process.join()


def kill(worker):
    """Kill the process of a worker, and let the supervisor notice it; return the killed process."""
    victim = worker.process
    victim.kill()
    victim.join()
    worker.replace_if_dead()
    return victim


def test_worker_that_dies_is_replaced_at_once_and_the_log_names_it(worker, caplog):
    victim = kill(worker)
    assert worker.process is not victim
    assert worker.process.is_alive()
    (record,) = caplog.records
    assert (record.message, record.worker_pid, record.exit_status) == ("worker died", victim.pid, -9)


def test_worker_that_dies_again_and_again_is_replaced_after_growing_pauses(worker, clock, caplog):
    pauses = [0, 1, 2, 4, 8, 16, 30, 30]
    for pause in pauses:
        victim = kill(worker)
        if pause:
            clock.now += pause - 0.1
            worker.replace_if_dead()
            assert worker.process is victim
            clock.now += 0.2
            worker.replace_if_dead()
        assert worker.process is not victim
    assert [record.pause_seconds for record in caplog.records] == pauses


def test_worker_that_dies_after_a_while_is_replaced_at_once(worker, clock, caplog):
    for seconds in (0, EARLY_DEATH_SECONDS - 1, EARLY_DEATH_SECONDS, EARLY_DEATH_SECONDS):
        clock.now += seconds
        kill(worker)
        clock.now += caplog.records[-1].pause_seconds
        worker.replace_if_dead()
    assert [record.pause_seconds for record in caplog.records] == [0, 1, 0, 0]


def test_living_worker_is_not_replaced(worker):
    process = worker.process
    worker.replace_if_dead()
    assert worker.process is process


def test_worker_without_ticks_is_killed_and_a_tick_restarts_the_time(worker, caplog):
    for seconds in (HANG_SECONDS + 1, HANG_SECONDS, HANG_SECONDS - 1):
        worker.link.heartbeats.value += 1
        worker.kill_if_hanging(seconds)
    worker.kill_if_hanging(HANG_SECONDS)
    assert worker.process.is_alive()
    worker.kill_if_hanging(1)
    worker.process.join(10)
    assert worker.process.exitcode == -9
    assert [(record.message, record.worker_pid) for record in caplog.records] == [("worker hangs", worker.process.pid)]


def test_process_that_cannot_be_started_is_started_after_a_pause(worker, clock, caplog):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    worker.process.kill()
    worker.process.join()
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())), limit[1]))
    try:
        worker.replace_if_dead()
        worker.replace_if_dead()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    assert not worker.process.is_alive()
    clock.now += 1
    worker.replace_if_dead()
    assert worker.process.is_alive()
    messages = ["worker died", "worker not started: [Errno 24] Too many open files"]
    assert [record.message for record in caplog.records] == messages


def test_worker_that_does_not_retire_in_time_is_killed_but_not_before(worker, clock, caplog):
    worker.retire()
    assert worker.link.must_retire.value
    clock.now = Settings().graceful_stop_seconds + END_SECONDS - 1
    worker.kill_if_hanging(HANG_SECONDS + 1)  # without a heartbeat, which does not matter any more
    assert worker.process.is_alive()
    clock.now += 2
    worker.kill_if_hanging(0)
    worker.process.join(10)
    assert worker.process.exitcode == -9
    worker.log_death()
    assert [record.message for record in caplog.records] == ["worker hangs", "worker died"]


def test_death_of_a_worker_that_has_stopped_as_it_should_is_not_logged(worker, caplog):
    worker.process.kill()
    worker.process.join()
    worker.process = multiprocessing.get_context("fork").Process(target=int)
    worker.process.start()
    worker.process.join()
    worker.retire()
    worker.log_death()
    assert caplog.records == []
