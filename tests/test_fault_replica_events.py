"""The events of several replicas are measured correctly, and a rolling update loses no request."""

import re
from collections import Counter
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.faults import event, namespaces, replica_events
from benchmarks.faults.balancers import BALANCERS
from benchmarks.faults.continuous_clients import Outcome, Tally
from benchmarks.serving.contenders import ROOT
from tests.machine import skip_without

each_balancer = pytest.mark.parametrize(
    "balancer", [pytest.param(balancer, marks=skip_without(name, "prlimit")) for name, balancer in BALANCERS.items()]
)


def replace_setup(monkeypatch, *stubs):
    """Make an event use replicas of this test, beside which each kind of outcome has happened once."""

    @contextmanager
    def clients():
        yield Tally(Counter(Outcome), Counter({(0, b"{}"): 1}), retries=Counter([Outcome.ANSWERED, Outcome.LOST_NEW]))

    @contextmanager
    def balanced_replicas(*_):
        yield SimpleNamespace(
            replicas=stubs,
            weights=SimpleNamespace(networks=[]),
            place="the place",
            clients=clients,
            count_repeats=lambda: 1234,
        )

    monkeypatch.setattr(replica_events, "balanced_replicas", balanced_replicas)
    monkeypatch.setattr(replica_events, "LOAD_SECONDS", 0)
    return event.Plan(ROOT, np.zeros((1, 64), np.float32), 1)


REPEATS = "requests that the balancer sent to a second replica: 1,234; retries of the clients: 2, of which 1 failed"


class StubReplica:
    """A replica that tells its predictions in turn, and lists the calls."""

    place = namespaces.Place("127.0.0.1", 1)

    def __init__(self, predictions=(), uses=1.5):
        self.calls, self.uses, self._predictions = [], uses, iter(predictions)

    def predictions(self):
        return next(self._predictions)

    def slow_down(self, seconds):
        self.calls.append(seconds)
        return 0.05

    def kill(self):
        self.calls.append("kill")

    def start(self):
        self.calls.append("start")

    def seconds_until_used(self):
        return self.uses


def test_kills_of_replicas_are_measured(monkeypatch):
    stubs = [StubReplica(), StubReplica(uses=2.5), StubReplica()]
    measured = replica_events.measure_kills(None, replace_setup(monkeypatch, *stubs))
    assert [stub.calls for stub in stubs] == [["kill", "start"] * 2, ["kill", "start"], ["kill", "start"]]
    assert (measured.times, measured.wrong) == (4, 1)
    assert measured.remark == f"the place; used again after 2.50 s at most; {REPEATS}"
    stubs[0].uses = None
    measured = replica_events.measure_kills(None, replace_setup(monkeypatch, *stubs))
    assert "used again not each time" in measured.remark


def test_share_of_a_slow_replica_is_measured(monkeypatch):
    stubs = [StubReplica([100, 110]), StubReplica([5, 1000]), StubReplica([20, 1015])]
    measured = replica_events.measure_slow_replica(None, replace_setup(monkeypatch, *stubs))
    assert stubs[0].calls == [replica_events.SLOW_SECONDS]
    share = "it ran for 5.0% of 20 s and made 0.5% of the predictions, where equal shares are 33%"
    assert measured.remark == f"the place; {share}; used again after 1.50 s at most; {REPEATS}"


def test_a_replica_without_a_link_cannot_vanish(monkeypatch):
    measured = replica_events.measure_vanishings(None, replace_setup(monkeypatch, StubReplica()))
    assert (measured.times, measured.tally.sent(), measured.remark) == (0, 0, "needs network namespaces")


@pytest.mark.e2e
@pytest.mark.clients
@each_balancer
def test_a_rolling_update_loses_no_request(balancer, split, monkeypatch):
    monkeypatch.setattr(replica_events, "LOAD_SECONDS", 0.5)
    monkeypatch.setattr(replica_events, "places", lambda count: nullcontext(namespaces.loopback_places(count)))
    plan = event.Plan(ROOT, split.training.pixels, 1)
    measured = replica_events.measure_rolling_update(balancer, plan, 2)
    outcomes = measured.tally.outcomes
    assert outcomes == {Outcome.ANSWERED: measured.tally.sent()}, measured.remark
    assert measured.tally.sent() > 100
    assert (measured.times, measured.wrong) == (2, 0), measured.remark
    assert measured.remark.startswith("2 replicas on loopback ports; ended after ")
    assert "exit status 0; used again after " in measured.remark
    assert re.search(r"[1-9],?\d* of the new one during the update, and 0 and [1-9]", measured.remark), measured.remark
