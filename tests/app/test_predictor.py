"""Concurrent requests share one forward pass, and each request gets the prediction for its own image."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.predictor import Predictor


def predict_concurrently(predictor, images):
    """Send one request for each image at the same time, and return the predictions or errors in order."""

    async def predict_all():
        async with asyncio.timeout(10):
            return await asyncio.gather(*map(predictor.predict_batched, images), return_exceptions=True)

    return asyncio.run(predict_all())


@pytest.fixture
def observed():
    """The predictions that the predictor passed to its observer."""
    return []


@pytest.fixture
def predictor(artefact, observed):
    return Predictor(artefact.network, observed.append)


@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_each_request_of_a_micro_batch_gets_the_prediction_for_its_own_image(artefact, count, seed):
    images = np.random.default_rng(seed).uniform(0, 16, (count, 1, 64)).astype(np.float32)
    predictor = Predictor(artefact.network)
    for image, batched in zip(images, predict_concurrently(predictor, images), strict=True):
        alone = predictor.predict(image)
        # The error of each probability is at most 1e-6 for noise, and at most 3e-7 for digits.
        np.testing.assert_allclose(batched.probabilities, alone.probabilities, rtol=0, atol=2e-6)
        assert batched.digits.shape == (1,)
        assert batched.probabilities[0, batched.digits[0]] == batched.probabilities.max()


def test_concurrent_requests_share_a_forward_pass_and_later_requests_do_not(predictor, split):
    first, second = predict_concurrently(predictor, split.held_out.pixels[:2, None])
    (later,) = predict_concurrently(predictor, split.held_out.pixels[:1, None])
    assert first.probabilities.base is second.probabilities.base is not None
    assert later.probabilities.base is not first.probabilities.base


def test_request_does_not_wait_for_requests_that_have_not_arrived(predictor, split):
    async def count_loop_iterations():
        request = asyncio.create_task(predictor.predict_batched(split.held_out.pixels[:1]))
        iterations = 0
        while not request.done():
            await asyncio.sleep(0)
            iterations += 1
        return iterations

    assert asyncio.run(count_loop_iterations()) <= 3


def test_observer_gets_the_predictions_of_each_request(predictor, observed, split):
    predict_concurrently(predictor, split.held_out.pixels[:5, None])
    assert [len(predictions.digits) for predictions in observed] == [1] * 5


def test_cancelled_request_does_not_disturb_the_others(predictor, observed, split):
    images = split.held_out.pixels[:3, None]

    async def cancel_first_request():
        requests = [asyncio.create_task(predictor.predict_batched(image)) for image in images]
        await asyncio.sleep(0)
        requests[0].cancel()
        async with asyncio.timeout(10):
            return await asyncio.gather(*requests, return_exceptions=True)

    cancelled, *others = asyncio.run(cancel_first_request())
    assert isinstance(cancelled, asyncio.CancelledError)
    for predictions, image in zip(others, images[1:], strict=True):
        assert predictions.digits == predictor.predict(image).digits
    assert len(observed) == 2 + 2


def test_request_is_answered_after_all_earlier_requests_were_cancelled(predictor, split):
    image = split.held_out.pixels[:1]

    async def cancel_and_predict():
        request = asyncio.create_task(predictor.predict_batched(image))
        await asyncio.sleep(0)
        request.cancel()
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            return await predictor.predict_batched(image)

    assert asyncio.run(cancel_and_predict()).digits == predictor.predict(image).digits


def test_failed_forward_pass_fails_all_its_requests_and_no_later_request(predictor, split):
    image = split.held_out.pixels[:1]
    for invalid_image, error_class in ((image[:, :63], ValueError), (np.full((1, 64), None), TypeError)):
        errors = predict_concurrently(predictor, [image, invalid_image, image])
        assert [type(error) for error in errors] == [error_class] * 3
    (predictions,) = predict_concurrently(predictor, [image])
    assert predictions.digits == predictor.predict(image).digits
