"""The cases of the quick benchmark: servers, the loads that each server receives, and the goals of their costs."""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from app.process.keys import MAX_KEYS
from benchmarks.serving.additional_loads import BATCH_SIZE, json_batch_load
from benchmarks.serving.contenders import CONTENDERS, JSON_HEADERS, Contender
from benchmarks.serving.goals import ECHO_RATIO_BOUND
from benchmarks.serving.wrk import Load
from model import IMAGE_SIDE, Floats32

BEFORE = "before"
# The service samples no request, so it never connects to the collector. The port 9 is closed.
# As many keys as a service can have; each request is compared with all of them.
KEYS = [f"key-{number}-of-a-length-that-is-usual-for-keys" for number in range(MAX_KEYS)]
TRACED = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_SAMPLER": "always_off"}


class RatioGoal(NamedTuple):
    """A goal for the cost of a case relative to another cost of the same run.

    Args:
        bound: The largest ratio that meets the goal.
        reference: The name of the case to compare with, or `BEFORE` for the same case of the earlier revision.
    """

    bound: float
    reference: str


class Case(NamedTuple):
    """One load of a server, which has a row in the table.

    Args:
        title: The case's title in the table.
        build_load: Function of images, shape (B, 64), B at least 1024; returns the load.
        goals: The goals of the case, each a `RatioGoal`.
    """

    title: str
    build_load: Callable[[Floats32], Load]
    goals: tuple[RatioGoal, ...] = ()


class QuickServer(NamedTuple):
    """A server of the quick benchmark, started once in each round.

    Args:
        contender: The server.
        cases: The cases that the server answers in succession, by name.
        has_earlier_revision: True if the same server of the earlier revision is measured too.
    """

    contender: Contender
    cases: Mapping[str, Case]
    has_earlier_revision: bool = True


def _single_image(name):
    """Return a function that builds the load of single images of a contender."""
    return lambda images: CONTENDERS[name].single_image_load(images[0].tolist())


def _flat_batch(images):
    """Build the load of a batch whose images are flat lists of 64 numbers."""
    return json_batch_load(images[:BATCH_SIZE])


def _square_batch(images):
    """Build the load of a batch whose images are eight lists of eight numbers."""
    return json_batch_load(images[:BATCH_SIZE].reshape(-1, IMAGE_SIDE, IMAGE_SIDE))


def _limit(name):
    """Return the server of an application that is no revision of this service, and sets a limit to its costs."""
    contender = CONTENDERS[name]
    return QuickServer(contender, {name: Case(contender.title, _single_image(name))}, has_earlier_revision=False)


def _with_settings(**settings):
    """Return this service with settings that differ from the default."""
    ours = CONTENDERS["ours"]
    return ours._replace(environment={**ours.environment, **settings})


KEYED = _with_settings(DIGITS_API_KEYS=json.dumps(KEYS))._replace(headers={**JSON_HEADERS, "X-API-Key": KEYS[-1]})
PREDICT = "predict"
SERVERS = (
    *map(_limit, ("echo", "bare", "textbook")),
    QuickServer(
        CONTENDERS["ours"],
        {
            PREDICT: Case(
                "`/predict`", _single_image("ours"), (RatioGoal(1.05, BEFORE), RatioGoal(ECHO_RATIO_BOUND, "echo"))
            ),
            "v2": Case("`/v2`, JSON", _single_image("ours_v2"), (RatioGoal(1.9, PREDICT),)),
            "flat_batch": Case(f"`/predict/batch`, {BATCH_SIZE} images, flat", _flat_batch),
            "square_batch": Case(
                f"`/predict/batch`, {BATCH_SIZE} images, 8×8", _square_batch, (RatioGoal(1.2, "flat_batch"),)
            ),
        },
    ),
    QuickServer(
        CONTENDERS["two_workers"], {"two_workers": Case("`/predict`, two workers on one core", _single_image("ours"))}
    ),
    QuickServer(
        KEYED,
        {
            "keyed": Case(
                f"`/predict`, with one of {len(KEYS)} keys",
                lambda images: KEYED.single_image_load(images[0].tolist()),
                (RatioGoal(1.06, PREDICT),),
            )
        },
    ),
    QuickServer(
        _with_settings(**TRACED),
        {"traced": Case("`/predict`, traced, not sampled", _single_image("ours"), (RatioGoal(1.3, PREDICT),))},
    ),
    QuickServer(
        _with_settings(DIGITS_ACCESS_LOG="true"),
        {"access_log": Case("`/predict`, access log on", _single_image("ours"), (RatioGoal(1.4, PREDICT),))},
    ),
)
CASES = MappingProxyType({name: case for server in SERVERS for name, case in server.cases.items()})
