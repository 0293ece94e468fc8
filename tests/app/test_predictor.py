"""Images of several requests are read in one pass, and everyone gets their own."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.predictor import Predictor


def read_together(reader, images):
    """Let as many requests as there are images ask at once."""

    async def ask():
        async with asyncio.timeout(10):
            return await asyncio.gather(*map(reader.predict_batched, images), return_exceptions=True)

    return asyncio.run(ask())


@pytest.fixture
def told():
    """What an observer was told."""
    return []


@pytest.fixture
def reader(artefact, told):
    return Predictor(artefact.network, told.append)


@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_everyone_gets_what_their_own_image_shows(artefact, count, seed):
    pixels = np.random.default_rng(seed).uniform(0, 16, (count, 1, 64)).astype(np.float32)
    reader = Predictor(artefact.network)
    for image, together in zip(pixels, read_together(reader, pixels), strict=True):
        alone = reader.predict(image)
        # Of noise, each is right to 1e-6; of digits, to 3e-7.
        np.testing.assert_allclose(together.probabilities, alone.probabilities, rtol=0, atol=2e-6)
        assert together.digits.shape == (1,)
        assert together.probabilities[0, together.digits[0]] == together.probabilities.max()


def test_those_who_ask_at_once_share_a_pass_and_those_who_ask_later_do_not(reader, split):
    first, second = read_together(reader, split.held_out.pixels[:2, None])
    (later,) = read_together(reader, split.held_out.pixels[:1, None])
    assert first.probabilities.base is second.probabilities.base is not None
    assert later.probabilities.base is not first.probabilities.base


def test_nobody_waits_for_those_who_are_not_there(reader, split):
    async def ask():
        request = asyncio.create_task(reader.predict_batched(split.held_out.pixels[:1]))
        turns = 0
        while not request.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert asyncio.run(ask()) <= 3


def test_an_observer_is_told_of_each_request(reader, told, split):
    read_together(reader, split.held_out.pixels[:5, None])
    assert [len(readings.digits) for readings in told] == [1] * 5


def test_whoever_leaves_takes_nobody_along(reader, told, split):
    images = split.held_out.pixels[:3, None]

    async def ask():
        requests = [asyncio.create_task(reader.predict_batched(image)) for image in images]
        await asyncio.sleep(0)
        requests[0].cancel()
        async with asyncio.timeout(10):
            return await asyncio.gather(*requests, return_exceptions=True)

    left, *others = asyncio.run(ask())
    assert isinstance(left, asyncio.CancelledError)
    for readings, image in zip(others, images[1:], strict=True):
        assert readings.digits == reader.predict(image).digits
    assert len(told) == 2 + 2


def test_if_all_leave_the_next_is_read_all_the_same(reader, split):
    image = split.held_out.pixels[:1]

    async def ask():
        request = asyncio.create_task(reader.predict_batched(image))
        await asyncio.sleep(0)
        request.cancel()
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            return await reader.predict_batched(image)

    assert asyncio.run(ask()).digits == reader.predict(image).digits


def test_a_pass_that_fails_fails_for_everyone_in_it_and_for_nobody_later(reader, split):
    image = split.held_out.pixels[:1]
    for bad, kind in ((image[:, :63], ValueError), (np.full((1, 64), None), TypeError)):
        failures = read_together(reader, [image, bad, image])
        assert [type(failure) for failure in failures] == [kind] * 3
    (readings,) = read_together(reader, [image])
    assert readings.digits == reader.predict(image).digits
