"""Every picture that is not read is counted once, with the reason that its client was told."""

import asyncio
import gc

import numpy as np
import pytest

from app.api import picture
from app.main import create_app
from app.observability.instruments import REJECTION_REASONS
from app.pictures import upload
from app.settings import Settings
from tests.app.api.test_picture import Held, encode, post, talk
from tests.asgi import converse
from tests.drawing import draw

BLANK = encode(np.full((50, 40), 255, np.uint8))
PNG = {"headers": {"content-type": "image/png"}}


async def chunks(data):
    """A body whose length is not announced."""
    yield data


def refused(counted):
    """The reasons that were counted, and how often."""
    return {reason: count for reason, count in counted["service"]["pictures_refused"].items() if count}


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [
        ({"content": BLANK, **PNG}, 422, "blank"),
        ({"files": {"file": BLANK}}, 422, "blank"),
        ({"content": b"no picture", **PNG}, 422, "undecodable"),
        ({"files": {"other": BLANK}}, 422, "malformed"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "malformed"),
        ({"content": BLANK, "headers": {"content-type": "image/gif"}}, 415, "unsupported_type"),
        ({"files": {"file": ("a.gif", BLANK, "image/gif")}}, 415, "unsupported_type"),
        ({"content": encode(draw(3, side=101), "WEBP")}, 413, "too_large"),
        ({"content": bytes(60_001), **PNG}, 413, "too_large"),
        ({"content": bytes(60_001), "headers": {"content-type": "image/gif"}}, 413, "too_large"),
        ({"content": chunks(bytes(60_001)), **PNG}, 413, "too_large"),
        ({"files": {"file": bytes(60_001)}}, 413, "too_large"),
    ],
)
def test_what_is_refused_is_counted_by_its_reason(make_client, options, status, reason):
    client = make_client(max_picture_bytes=60_000, max_picture_pixels=30_000)
    assert client.post("/predict/picture", **options).status_code == status
    assert refused(client.get("/metrics").json()) == {reason: 1}


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (BLANK.ljust(100_000), 422),
        (b"no picture".ljust(100_000), 422),
        (encode(draw(3, side=200)).ljust(100_000), 413),
        (bytes(100_001), 413),
    ],
)
def test_what_is_refused_leaves_its_body_in_no_ring_of_objects(artefact, content, status):
    app = create_app(artefact, Settings(max_picture_pixels=30_000, max_picture_bytes=100_000))

    async def conversation():
        for _ in range(2):  # what the first leaves behind may be made once
            gc.collect()
            gc.disable()
            assert (await converse(app, "/predict/picture", content, b"image/png", pieces=1))[0] == status
            await asyncio.sleep(0.1)  # the thread lets go
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()

    try:
        asyncio.run(conversation())
        held = [leaf for ring in gc.garbage for leaf in gc.get_referents(ring) if isinstance(leaf, bytes)]
        assert max(map(len, held), default=0) < len(content)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def test_what_is_read_is_not_refused(make_client):
    client = make_client()
    assert post(client, encode(draw(5))).status_code == 200
    assert refused(client.get("/metrics").json()) == {}


def test_what_finds_no_room_or_never_comes_is_counted_too(artefact, monkeypatch):
    monkeypatch.setattr(upload, "BODY_TIMEOUT_SECONDS", 0.2)

    async def conversation(client):
        held = Held(encode(draw(8)))
        first = asyncio.create_task(client.post("/predict/picture", content=held))
        await held.begun.wait()
        assert (await client.post("/predict/picture", content=BLANK)).status_code == 503
        assert (await first).status_code == 408
        assert refused((await client.get("/metrics")).json()) == {"busy": 1, "slow": 1}

    talk(artefact, conversation, max_pictures_in_flight=1)


def test_there_is_no_other_reason():
    assert set(picture.REASON_BY_STATUS.values()) | {"blank", "undecodable"} == set(REJECTION_REASONS)


def test_every_status_that_is_documented_has_its_reason(client):
    operation = client.get("/openapi.json").json()["paths"]["/predict/picture"]["post"]
    documented = {int(status) for status in operation["responses"]} - {200, 422, 500}
    assert documented == set(picture.REASON_BY_STATUS)
