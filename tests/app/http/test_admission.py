"""Large requests are queued up to a limit and take turns, and small requests pass them."""

import asyncio
import gzip
import json
import time
import weakref
from contextlib import AsyncExitStack, asynccontextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from app.api.schemas import EXAMPLE_IMAGE
from app.http.admission import (
    MAX_BATCH_BODIES,
    MAX_PICTURE_BODIES,
    MAX_WAITING_REJECTIONS,
    MIN_REJECTION_SECONDS,
    REJECTIONS_PER_SECOND,
    SMALL_BODY_BYTES,
    Admission,
    Load,
    create_admission_queues,
)
from app.http.body import DISCARD_BODY_KEY
from app.main import create_app
from app.settings import Settings
from tests.asgi import call_async, must_not_be_called, post_async, request_scope
from tests.drawing import draw
from tests.hostile import INFER, message, tensor
from tests.picture_requests import PATH, PausedBody, encode_picture, run_with_service
from tests.problems import read_problem
from tests.virtual_time import iteration, run_in_virtual_time

LARGEST = Load(1, 10, 1000)
ROWS = SMALL_BODY_BYTES // 32  # each image takes more than 128 bytes
LARGE_BODIES = {
    "/predict/batch": json.dumps({"images": [EXAMPLE_IMAGE] * ROWS}).encode(),
    INFER: json.dumps(message(tensor(shape=[ROWS, 64], data=[EXAMPLE_IMAGE] * ROWS))).encode(),
}
SMALL_BODIES = {
    "/predict": json.dumps({"pixels": EXAMPLE_IMAGE}).encode(),
    "/predict/batch": json.dumps({"images": [EXAMPLE_IMAGE]}).encode(),
    INFER: json.dumps(message(tensor())).encode(),
}


def admission(requests=100, rows=100, size=10_000):
    return Admission("batches", LARGEST, Load(requests, rows, size))


def admit(queue, size):
    """Admit a request whose body has been received."""
    return queue.admit(request_scope(), must_not_be_called, size, size)


async def status_of(context):
    """Enter a context, and return the status of its error, or 200."""
    try:
        async with context:
            return 200
    except HTTPException as error:
        return error.status_code


@pytest.mark.parametrize(("limits", "size"), [({"requests": 3}, 0), ({"rows": 30}, 640), ({"size": 3000}, 1000)])
def test_each_limit_admits_exactly_as_much_as_it_says(limits, size):
    async def admit_three_and_one_more():
        queue = admission(**limits)
        async with AsyncExitStack() as admitted:
            for _ in range(3):
                await admitted.enter_async_context(admit(queue, size))
            assert await status_of(admit(queue, size)) == 503
        assert queue.load == Load(0, 0, 0)
        assert await status_of(admit(queue, size)) == 200

    run_in_virtual_time(admit_three_and_one_more())


@pytest.mark.parametrize(("size", "rows"), [(0, 0), (63, 0), (64, 1), (639, 9), (640, 10), (1000, 10)])
def test_number_of_rows_is_the_largest_that_a_body_can_hold(size, rows):
    async def admit_one():
        queue = admission()
        async with admit(queue, size):
            assert queue.load == Load(1, rows, size)

    asyncio.run(admit_one())


@given(st.lists(st.sampled_from(["finish", "fail", "cancel"]), max_size=8))
def test_load_is_removed_however_a_request_ends(ends):
    async def handle(queue, end, may_end):
        async with admit(queue, 640):
            await may_end.wait()
            if end == "fail":
                raise ValueError

    async def run():
        queue, may_end = admission(), asyncio.Event()
        tasks = [asyncio.create_task(handle(queue, end, may_end)) for end in ends]
        await asyncio.sleep(0)
        assert queue.load == Load(len(ends), 10 * len(ends), 640 * len(ends))
        for task, end in zip(tasks, ends, strict=True):
            if end == "cancel":
                task.cancel()
        may_end.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert queue.load == Load(0, 0, 0)

    asyncio.run(run())


def test_the_largest_request_fits_into_an_empty_queue():
    settings = Settings(max_batch_rows=65_536, max_body_bytes=50_000_000, max_picture_bytes=50_000_000)

    async def admit_largest():
        for queue in create_admission_queues(settings):
            async with admit(queue, queue.largest.bytes):
                pass

    asyncio.run(admit_largest())


def reject(waiting):
    """Reject many requests at once, and return for each of them the error and the time of the rejection."""

    async def reject_one(queue):
        with pytest.raises(HTTPException) as caught:
            async with admit(queue, 0):
                pass
        return caught.value, asyncio.get_running_loop().time()

    async def run():
        queue = admission(requests=0)
        return await asyncio.gather(*(reject_one(queue) for _ in range(waiting)))

    return run_in_virtual_time(run())


def test_rejection_waits_and_many_rejections_are_answered_at_a_limited_rate():
    times = sorted(seconds for _, seconds in reject(300))
    assert times[0] == pytest.approx(MIN_REJECTION_SECONDS)
    for start in np.arange(MIN_REJECTION_SECONDS, times[-1], 0.05):
        answered = sum(start < seconds <= start + 0.05 for seconds in times)
        assert answered <= 0.05 * REJECTIONS_PER_SECOND + 1


def test_rejections_wait_only_for_those_that_wait_already():
    async def reject_one_after_the_other():
        queue = admission(requests=0)
        for _ in range(60):
            assert await status_of(admit(queue, 0)) == 503
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(reject_one_after_the_other()) == pytest.approx(60 * MIN_REJECTION_SECONDS)


def test_rejected_request_discards_its_body():
    discarded: list[float] = []

    async def reject_request():
        loop = asyncio.get_running_loop()
        scope = request_scope(**{DISCARD_BODY_KEY: lambda: discarded.append(loop.time())})
        assert await status_of(admission(requests=0).admit(scope, must_not_be_called, 0)) == 503

    run_in_virtual_time(reject_request())
    assert discarded == [0]


def test_queue_of_batches_has_a_hundred_thousand_images():
    async def fill():
        queue = create_admission_queues(Settings()).batches
        async with AsyncExitStack() as admitted:
            for _ in range(97):
                await admitted.enter_async_context(admit(queue, 160_000))
            assert await status_of(admit(queue, 160_000)) == 503

    run_in_virtual_time(fill())


def test_too_many_rejections_are_answered_at_once_and_close_their_connections():
    *waiting, last = reject(MAX_WAITING_REJECTIONS + 1)
    assert last[1] == 0
    assert last[0].headers == {"Retry-After": "1", "Connection": "close"}
    assert all(error.headers == {"Retry-After": "1"} for error, _ in waiting)


@pytest.mark.parametrize(("seconds", "requests", "retry_after"), [(0.01, 20, "1"), (0.5, 3, "2"), (0.3, 20, "6")])
def test_time_of_the_next_attempt_follows_from_the_length_of_the_queue(monkeypatch, seconds, requests, retry_after):
    readings = (number * seconds for number in range(10_000))
    monkeypatch.setattr(time, "perf_counter", lambda: next(readings))

    async def run():
        queue = admission(requests=requests)
        for _ in range(200):
            async with queue.turn():
                pass
        async with AsyncExitStack() as admitted:
            for _ in range(requests):
                await admitted.enter_async_context(admit(queue, 0))
            with pytest.raises(HTTPException) as caught:
                await admitted.enter_async_context(admit(queue, 0))
        assert caught.value.headers == {"Retry-After": retry_after}

    run_in_virtual_time(run())


def test_one_long_turn_changes_the_mean_by_an_eighth(monkeypatch):
    readings = iter([0.0, 8.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(readings))

    async def run():
        queue = admission(requests=3)
        async with queue.turn():
            pass
        async with AsyncExitStack() as admitted:
            for _ in range(3):
                await admitted.enter_async_context(admit(queue, 0))
            with pytest.raises(HTTPException) as caught:
                await admitted.enter_async_context(admit(queue, 0))
        assert caught.value.headers == {"Retry-After": "3"}

    run_in_virtual_time(run())


def iterations_of_turns(count):
    """Let requests that are ready at the same time take turns; return the iteration of each turn, by request."""

    async def take_turn(queue):
        async with queue.turn():
            return iteration()

    async def run():
        queue = admission()
        return await asyncio.gather(*(take_turn(queue) for _ in range(count)))

    return run_in_virtual_time(run())


def test_turns_follow_the_order_of_arrival_and_no_two_are_in_the_same_iteration():
    iterations = iterations_of_turns(8)
    assert iterations == sorted(set(iterations))


async def iteration_of_answer(app, path, body):
    """Send a request; return the status and the iteration of the event loop in which the answer was ready."""
    status, _, _ = await post_async(app, path, body)
    return status, iteration()


@pytest.mark.parametrize("path", LARGE_BODIES)
def test_large_batches_take_turns_and_small_requests_pass_them(artefact, path):
    async def run():
        app = create_app(artefact, Settings())
        large = [asyncio.create_task(iteration_of_answer(app, path, LARGE_BODIES[path])) for _ in range(6)]
        small = [asyncio.create_task(iteration_of_answer(app, *request)) for request in SMALL_BODIES.items()]
        large_answers, small_answers = await asyncio.gather(*large), await asyncio.gather(*small)
        assert {status for status, _ in large_answers + small_answers} == {200}
        iterations = [iteration for _, iteration in large_answers]
        assert iterations == sorted(set(iterations))
        assert max(iteration for _, iteration in small_answers) < iterations[1]

    run_in_virtual_time(run())


LARGEST_BODY = max(map(len, LARGE_BODIES.values()))
FULL_QUEUE = Settings(max_body_bytes=LARGEST_BODY)  # bodies of this size fill the queue


class PausedRequest:
    """A request for a batch whose body stops after its first bytes until the test resumes it."""

    def __init__(self, app, path, first_bytes):
        self.resumed = asyncio.Event()
        body = LARGE_BODIES[path].ljust(LARGEST_BODY)
        self._pieces = [body[:first_bytes], body[first_bytes:]]
        self.statuses: list[int] = []
        self.task = asyncio.create_task(app(request_scope(path), self._receive, self._send))

    async def _receive(self):
        if len(self._pieces) == 1:
            await self.resumed.wait()
        return {"type": "http.request", "body": self._pieces.pop(0), "more_body": bool(self._pieces)}

    async def _send(self, message):
        if message["type"] == "http.response.start":
            self.statuses.append(message["status"])


@asynccontextmanager
async def paused_requests(app, path, count, first_bytes=LARGEST_BODY - 1):
    """Hold requests until the end of the `with` block, and check that all of them are answered."""
    paused = [PausedRequest(app, path, first_bytes) for _ in range(count)]
    await asyncio.sleep(0.01)
    yield
    for request in paused:
        request.resumed.set()
    await asyncio.gather(*(request.task for request in paused))
    assert [request.statuses for request in paused] == [[200]] * count


@pytest.mark.parametrize("path", LARGE_BODIES)
def test_large_bodies_fill_the_queue_and_small_requests_are_answered(artefact, path):
    async def run():
        app = create_app(artefact, FULL_QUEUE)
        async with paused_requests(app, path, MAX_BATCH_BODIES):
            for large_path, body in LARGE_BODIES.items():
                status, headers, reply = await post_async(app, large_path, body, has_length=False)
                assert (status, dict(headers)[b"retry-after"]) == (503, b"1")
                assert b"Too many batches are in progress." in reply
            for size, expected in ((SMALL_BODY_BYTES, 200), (SMALL_BODY_BYTES + 1, 503)):
                for has_length in (True, False):
                    padded = SMALL_BODIES[path].ljust(size)
                    assert (await post_async(app, path, padded, has_length=has_length))[0] == expected
            for small_path, body in SMALL_BODIES.items():
                for has_length in (True, False):
                    assert (await post_async(app, small_path, body, has_length=has_length))[0] == 200
                coding = [(b"content-encoding", b"gzip")]
                assert (await post_async(app, small_path, gzip.compress(body), headers=coding))[0] == 200
        assert (await post_async(app, path, LARGE_BODIES[path], has_length=False))[0] == 200

    run_in_virtual_time(run())


def test_announced_bodies_that_do_not_arrive_do_not_fill_the_queue(artefact):
    path = "/predict/batch"

    async def run():
        app = create_app(artefact, FULL_QUEUE)
        async with paused_requests(app, path, MAX_BATCH_BODIES, 1):
            assert (await post_async(app, path, LARGE_BODIES[path]))[0] == 200

    run_in_virtual_time(run())


def test_body_that_has_arrived_is_admitted_by_its_own_size(artefact):
    path = "/predict/batch"

    async def run():
        app = create_app(artefact, FULL_QUEUE)
        free = SMALL_BODY_BYTES + 1000
        async with (
            paused_requests(app, path, MAX_BATCH_BODIES - 1),
            paused_requests(app, path, 1, LARGEST_BODY + MAX_BATCH_BODIES - 1 - free),
        ):
            small_batch = SMALL_BODIES[path].ljust(free)
            assert (await post_async(app, path, small_batch, has_length=False))[0] == 200
            cuts = [SMALL_BODY_BYTES + 1]
            assert (await post_async(app, path, small_batch, has_length=False, cuts=cuts))[0] == 503

    run_in_virtual_time(run())


def test_body_that_exceeds_the_limit_while_it_arrives_is_rejected_and_leaves_no_load():
    async def run():
        queue = admission(size=2400)
        pieces = [{"type": "http.request", "body": bytes(600), "more_body": True}] * 5

        async def receive():
            return pieces.pop()

        async def send_three_pieces(queue):
            async with queue.admit(request_scope(), receive, 1000) as receive_second:
                await receive_second()
                await receive_second()
                assert queue.load == Load(2, 20, 1900)
                await receive_second()

        async with queue.admit(request_scope(), receive, 1000, 100) as receive_first:
            assert queue.load == Load(1, 1, 100)
            await receive_first()
            with pytest.raises(HTTPException) as caught:
                await send_three_pieces(queue)
            assert caught.value.status_code == 503
            assert queue.load == Load(1, 10, 700)
        assert queue.load == Load(0, 0, 0)

    run_in_virtual_time(run())


class Body(bytearray):
    """A received body to which a weak reference can be made."""


def test_body_that_exceeds_the_limit_is_freed_while_its_answer_waits():
    async def run():
        queue, references = admission(size=1000), []

        async def receive():
            return {"type": "http.request", "body": bytes(600), "more_body": True}

        async def collect_body(receive_counted):
            body = Body(600)
            references.append(weakref.ref(body))
            await receive_counted()
            return body

        async def send_too_much():
            async with queue.admit(request_scope(), receive, 1000, 600) as receive_counted:
                await collect_body(receive_counted)

        rejected = asyncio.create_task(send_too_much())
        for _ in range(10):
            await asyncio.sleep(0)
        assert [reference() for reference in references] == [None]
        assert queue.load == Load(0, 0, 0)
        assert not rejected.done()
        with pytest.raises(HTTPException):
            await rejected

    run_in_virtual_time(run())


class BodyInPieces:
    """A body whose pieces arrive in turn with those of other bodies."""

    def __init__(self, data):
        self._data = data

    async def __aiter__(self):
        for start in range(0, len(self._data), 500_000):
            yield self._data[start : start + 500_000]
            await asyncio.sleep(0)


def test_of_many_large_pictures_at_once_as_many_are_answered_as_fit_into_memory(artefact):
    async def conversation(client):
        picture = encode_picture(draw(8))
        body = BodyInPieces(picture + bytes(8_000_000))
        replies = await asyncio.gather(*(client.post(PATH, content=body) for _ in range(4 * MAX_PICTURE_BODIES)))
        statuses = [reply.status_code for reply in replies]
        assert set(statuses) == {200, 503}
        assert statuses.count(200) >= MAX_PICTURE_BODIES

    run_with_service(artefact, conversation)


def test_large_batch_of_known_length_is_rejected_before_its_body_is_received(artefact):
    async def run():
        app = create_app(artefact, FULL_QUEUE)
        async with paused_requests(app, "/predict/batch", MAX_BATCH_BODIES):
            scope = request_scope("/predict/batch", (b"content-length", b"%d" % LARGEST_BODY))
            start, _ = await call_async(app, scope)  # it would wait for ever if it received the body
            assert start["status"] == 503

    run_in_virtual_time(run())


def test_picture_above_the_limit_gets_a_503_and_other_requests_are_answered(artefact):
    async def conversation(client):
        data = encode_picture(draw(8))
        paused = PausedBody(data)
        first = asyncio.create_task(client.post(PATH, content=paused))
        await paused.started.wait()
        second = await client.post(PATH, content=data)
        assert read_problem(second, 503)["detail"] == "Too many pictures are in progress."
        assert second.headers["retry-after"] == "1"
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.post("/predict/batch", content=LARGE_BODIES["/predict/batch"])).status_code == 200
        paused.resumed.set()
        assert (await first).json()["digit"] == 8
        assert (await client.post(PATH, content=data)).json()["digit"] == 8

    run_with_service(artefact, conversation, max_pictures_in_flight=1)


def test_pictures_that_do_not_arrive_do_not_fill_the_queue(artefact):
    async def conversation(client):
        data = encode_picture(draw(8))
        paused_bodies = [PausedBody(data) for _ in range(2 * MAX_PICTURE_BODIES)]
        requests = [asyncio.create_task(client.post(PATH, content=body)) for body in paused_bodies]
        for body in paused_bodies:
            await body.started.wait()
        assert (await client.post(PATH, content=data)).status_code == 200
        for body in paused_bodies:
            body.resumed.set()
        assert {(await request).status_code for request in requests} == {200}

    run_with_service(artefact, conversation)
