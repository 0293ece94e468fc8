"""Every rejected picture is counted once, under the reason for which it was rejected."""

import asyncio
import gc

import numpy as np
import pytest
from anyio import to_thread

from app.api import picture
from app.http.body import BODY_ERROR_KEY, body_too_late
from app.main import create_app
from app.observability.instruments import REJECTION_REASONS
from app.settings import Settings
from tests.asgi import call, post_async, read_answer, request_scope
from tests.drawing import draw
from tests.picture_requests import PATH, PausedBody, encode_picture, post_picture, run_with_service
from tests.samples import parse_samples, values_by_label

BLANK = encode_picture(np.full((50, 40), 255, np.uint8))
TWO_DIGITS = encode_picture(np.hstack([draw(1, side=100), draw(7, side=100)]))
PROMETHEUS = {"accept": "text/plain"}
PNG = {"headers": {"content-type": "image/png"}}


async def in_one_chunk(data):
    """Yield a body whose length the client does not announce."""
    yield data


def rejections(reply):
    """Return the reasons with a count above zero, and their counts, from `/metrics` in the Prometheus text format."""
    return values_by_label(parse_samples(reply), "pictures_refused_total", "reason")


@pytest.fixture(scope="module")
def limited_client(make_client):
    return make_client(max_picture_bytes=60_000, max_picture_pixels=30_000)


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [
        ({"content": BLANK, **PNG}, 422, "blank"),
        ({"files": {"file": BLANK}}, 422, "blank"),
        ({"content": TWO_DIGITS, **PNG}, 422, "several_digits"),
        ({"files": {"file": TWO_DIGITS}}, 422, "several_digits"),
        ({"content": b"no picture", **PNG}, 422, "undecodable"),
        ({"files": {"other": BLANK}}, 422, "malformed"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "malformed"),
        ({"content": BLANK, "headers": {"content-type": "image/gif"}}, 415, "unsupported_type"),
        ({"content": encode_picture(draw(3), "GIF"), **PNG}, 415, "unsupported_type"),
        ({"files": {"file": ("a.gif", encode_picture(draw(3), "GIF"), "image/gif")}}, 415, "unsupported_type"),
        ({"files": {"file": ("a.gif", BLANK, "image/gif")}}, 422, "blank"),
        ({"content": b"x", "headers": {"content-encoding": "br"}}, 415, "unsupported_type"),
        ({"content": b"x", "headers": {"content-encoding": "gzip"}}, 422, "malformed"),
        ({"content": encode_picture(draw(3, side=101), "WEBP")}, 413, "too_large"),
        ({"content": bytes(60_001), **PNG}, 413, "too_large"),
        ({"content": bytes(60_001), "headers": {"content-type": "image/gif"}}, 413, "too_large"),
        ({"content": in_one_chunk(bytes(60_001)), **PNG}, 413, "too_large"),
        ({"files": {"file": bytes(60_001)}}, 413, "too_large"),
    ],
)
def test_rejected_picture_is_counted_under_its_reason(limited_client, options, status, reason):
    before = rejections(limited_client.get("/metrics", headers=PROMETHEUS))
    assert limited_client.post(PATH, **options).status_code == status
    after = rejections(limited_client.get("/metrics", headers=PROMETHEUS))
    assert after == {**before, reason: before.get(reason, 0) + 1}


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (BLANK.ljust(100_000), 422),
        (b"no picture".ljust(100_000), 422),
        (b"GIF89a".ljust(100_000), 415),
        (encode_picture(draw(3, side=200)).ljust(100_000), 413),
        (bytes(100_001), 413),
    ],
)
def test_rejected_picture_leaves_its_body_in_no_reference_cycle(artefact, content, status):
    app = create_app(artefact, Settings(max_picture_pixels=30_000, max_picture_bytes=100_000))

    async def post_twice_and_collect():
        for _ in range(2):  # the first request may create cycles that are created only once
            gc.collect()
            gc.disable()
            assert (await post_async(app, PATH, content, b"image/png", pieces=1))[0] == status
            # anyio gives this function to the same thread, which drops its references to the body first.
            await to_thread.run_sync(gc.isenabled)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()

    try:
        asyncio.run(post_twice_and_collect())
        referents = [referent for garbage in gc.garbage for referent in gc.get_referents(garbage)]
        sizes = [len(referent) for referent in referents if isinstance(referent, bytes)]
        assert max(sizes, default=0) < len(content)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def test_predicted_picture_is_not_counted_as_rejected(make_client):
    client = make_client()
    assert post_picture(client, encode_picture(draw(5))).status_code == 200
    assert rejections(client.get("/metrics", headers=PROMETHEUS)) == {}


def test_picture_above_the_limit_is_counted(artefact):
    async def conversation(client):
        paused = PausedBody(encode_picture(draw(8)))
        first = asyncio.create_task(client.post(PATH, content=paused))
        await paused.started.wait()
        assert (await client.post(PATH, content=BLANK)).status_code == 503
        paused.resumed.set()
        assert (await first).status_code == 200
        assert rejections(await client.get("/metrics", headers=PROMETHEUS)) == {"busy": 1}

    run_with_service(artefact, conversation, max_pictures_in_flight=1)


@pytest.mark.parametrize("content_type", [b"image/png", b"multipart/form-data; boundary=x"])
def test_picture_that_arrives_too_late_is_counted(make_client, content_type):
    client = make_client()
    scope = request_scope(PATH, (b"content-type", content_type), **{BODY_ERROR_KEY: body_too_late(30)})
    sent = call(client.app, scope, [{"type": "http.request", "body": b"", "more_body": True}])
    assert read_answer(sent)[0] == 408
    assert rejections(client.get("/metrics", headers=PROMETHEUS)) == {"slow": 1}


def test_reasons_of_rejection_are_complete():
    reasons = {*picture.REASON_BY_STATUS.values(), "blank", "several_digits", "undecodable"}
    assert reasons == set(REJECTION_REASONS)


def test_every_documented_status_has_a_reason(client):
    operation = client.get("/openapi.json").json()["paths"]["/predict/picture"]["post"]
    documented = {int(status) for status in operation["responses"]} - {200, 401, 422, 431, 500}
    assert documented == set(picture.REASON_BY_STATUS)
