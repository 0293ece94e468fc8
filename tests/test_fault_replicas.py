"""The replicas of the fault benchmark have addresses of their own, can be slowed down, and leave nothing behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from benchmarks.faults import namespaces, replicas
from benchmarks.serving.contenders import ROOT
from tests.e2e.server import poll_until
from tests.machine import skip_without

LISTEN = "import socket, sys; socket.create_server((sys.argv[1], int(sys.argv[2]))).accept()"


def can_connect(place):
    try:
        socket.create_connection((place.host, place.port), timeout=0.5).close()
    except OSError:
        return False
    return True


def leftovers(pid=None):
    """List the network namespaces and links that a process of the benchmark has created and not removed."""
    commands = (["ip", "netns"], ["ip", "-brief", "link"])
    lines = "".join(subprocess.run(command, capture_output=True, text=True, check=True).stdout for command in commands)
    pid = pid or os.getpid()
    return re.findall(rf"^(?:digits-{pid}|dg{pid})\b.*", lines, re.MULTILINE)


@skip_without("ip", "unshare")
def test_a_place_has_an_address_of_its_own_and_is_removed_in_the_end():
    with namespaces.places(2) as places:
        assert len({(place.host, place.port) for place in places}) == 2
        has_rights = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0
        assert (places[0].link is not None) is has_rights
        if not has_rights:
            return
        assert len({place.host for place in places}) == 2
        assert leftovers()
        first, second = places
        command = [*first.prefix, sys.executable, "-c", LISTEN, first.host, str(first.port)]
        with subprocess.Popen(command) as listener:
            try:
                first.set_link("down")
                assert not can_connect(first)
                first.set_link("up")
                poll_until(lambda: can_connect(first))
                assert not can_connect(second)
            finally:
                listener.kill()
    assert leftovers() == []


@skip_without("ip")
def test_places_are_removed_after_an_error():
    with pytest.raises(KeyboardInterrupt), namespaces.places(2):
        raise KeyboardInterrupt
    assert leftovers() == []


def test_replicas_have_loopback_ports_on_a_machine_without_namespaces(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with namespaces.places(3) as places:
        assert len({place.port for place in places}) == 3
        assert {(place.host, place.prefix, place.link) for place in places} == {("127.0.0.1", (), None)}


class ServiceOfStub:
    """A service whose signals are listed and whose reports are given."""

    def __init__(self, *predictions):
        self.signals, self._predictions = [], list(predictions)

    def signal(self, number):
        self.signals.append(number)

    def exit_status(self):
        return None

    def report(self):
        return {"service": {"predictions": [self._predictions.pop(0), 1]}} if self._predictions else None

    def reports(self, _):
        for number, made in enumerate(self._predictions):
            yield time.perf_counter() + number, {"service": {"predictions": [made, 1]}}


def replica_of_stub(monkeypatch, *predictions):
    """Create a replica and its service, which reports these predictions in turn."""
    replica, service = replicas.Replica(ROOT, {}, namespaces.Place("127.0.0.1", 1)), ServiceOfStub(*predictions)
    monkeypatch.setattr(replica, "service", service, raising=False)
    return replica, service


def test_a_replica_is_used_as_soon_as_it_has_made_enough_predictions(monkeypatch):
    used, _ = replica_of_stub(monkeypatch, 5, 6, 5 + replicas.USED_PREDICTIONS, 1000)
    seconds = used.seconds_until_used()
    assert seconds is not None
    assert 1 <= seconds < 2
    unused, _ = replica_of_stub(monkeypatch, 5, 6, 7)
    assert unused.seconds_until_used() is None
    silent, _ = replica_of_stub(monkeypatch)
    assert silent.predictions() is None


def test_a_slow_replica_runs_for_a_small_part_of_the_time(monkeypatch):
    monkeypatch.setattr(replicas, "SLOW_STOP_SECONDS", (0.02, 0.04))
    monkeypatch.setattr(replicas, "SLOW_RUN_SECONDS", 0.001)
    slow, service = replica_of_stub(monkeypatch)
    assert 0 < slow.slow_down(0.3) < 0.5
    assert len(service.signals) >= 6
    assert service.signals == [signal.SIGSTOP, signal.SIGCONT] * (len(service.signals) // 2)


def test_a_slow_replica_goes_on_after_an_error(monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    slow, service = replica_of_stub(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        slow.slow_down(1)
    assert service.signals == [signal.SIGSTOP, signal.SIGCONT]


INTERRUPTED = """
import os, signal
from pathlib import Path
import numpy as np
from benchmarks.faults import event, replica_events
from benchmarks.faults.balancers import BALANCERS

images = np.zeros((10, 64), np.float32)
with replica_events.balanced_replicas(event.Plan(Path.cwd(), images, 1), BALANCERS["haproxy"], 2) as setup:
    with setup.clients():
        print(*(replica.service._processes.pid for replica in setup.replicas), flush=True)
        signal.pause()
"""


@pytest.mark.e2e
@pytest.mark.clients
@skip_without("haproxy", "prlimit", "ip")
def test_an_interrupted_event_leaves_no_process_and_no_namespace():
    command = [sys.executable, "-c", INTERRUPTED]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as child:
        assert child.stdout is not None
        pids = child.stdout.readline().split()
        assert len(pids) == 2
        os.killpg(child.pid, signal.SIGINT)  # as Ctrl-C does
        assert child.wait(30) != 0
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)
    assert leftovers(child.pid) == []
