"""Pictures above the limits on work in progress are rejected, and other requests are still answered."""

import asyncio

from app.api import picture
from tests.drawing import draw
from tests.picture_requests import PATH, PausedBody, encode_picture, run_with_service
from tests.problems import read_problem


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
        paused.resumed.set()
        assert (await first).json()["digit"] == 8
        assert (await client.post(PATH, content=data)).json()["digit"] == 8

    run_with_service(artefact, conversation, max_pictures_in_flight=1)


def test_body_of_unknown_length_is_admitted_as_a_body_of_the_largest_size(artefact):
    async def conversation(client):
        data = encode_picture(draw(8))
        paused_bodies = [PausedBody(data) for _ in range(picture.MAX_LARGE_BODIES)]
        requests = [asyncio.create_task(client.post(PATH, content=body)) for body in paused_bodies]
        for body in paused_bodies:
            await body.started.wait()
        assert (await client.post(PATH, content=data)).status_code == 503
        for body in paused_bodies:
            body.resumed.set()
        assert [(await request).status_code for request in requests] == [200] * picture.MAX_LARGE_BODIES

    run_with_service(artefact, conversation)
