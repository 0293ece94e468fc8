"""Tests of the network: forward pass, softmax, and checks of pixels and weights."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from model import (
    INK_MAX,
    LAYER_SIZES,
    PIXELS,
    Network,
    PixelRangeError,
    PixelShapeError,
    Weights,
    WeightsError,
    forward,
    softmax,
    validate_pixels,
)
from model.mlp import relu
from tests.reference import slow_probabilities
from training.parameters import he_initialisation, views

images = arrays(np.float32, st.tuples(st.integers(1, 5), st.just(PIXELS)), elements=st.floats(0, 16, width=32))
logits = arrays(np.float32, array_shapes(min_dims=2, max_dims=2), elements=st.floats(-(2.0**100), 2.0**100, width=32))


def test_probabilities_agree_with_a_slow_float64_reference(artefact, split):
    pixels = split.held_out.pixels[:5]
    expected = [slow_probabilities(artefact.network.weights, image) for image in pixels]
    np.testing.assert_allclose(artefact.network.probabilities(pixels), expected, atol=1e-6)


def test_probabilities_agree_with_scikit_learn_given_the_same_weights(artefact, split):
    oracle = MLPClassifier(hidden_layer_sizes=LAYER_SIZES[1:-1], activation="relu", max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        oracle.fit(split.training.pixels / INK_MAX, split.training.labels)
    oracle.coefs_ = [matrix.astype(np.float64) for matrix in artefact.network.weights[::2]]
    oracle.intercepts_ = [bias.astype(np.float64) for bias in artefact.network.weights[1::2]]
    expected = oracle.predict_proba(split.held_out.pixels.astype(np.float64) / INK_MAX)
    np.testing.assert_allclose(artefact.network.probabilities(split.held_out.pixels), expected, atol=1e-6)


@given(images)
def test_a_batch_gives_the_probabilities_of_its_images_one_by_one(artefact, pixels):
    singles = np.stack([artefact.network.probabilities(image) for image in pixels])
    # The error of each probability is at most 1e-6 for noise and 3e-7 for digits.
    np.testing.assert_allclose(artefact.network.probabilities(pixels), singles, rtol=0, atol=2e-6)


@given(images)
def test_dividing_the_first_weights_by_16_equals_dividing_the_pixels(artefact, pixels):
    divided = forward(artefact.network.weights, pixels / np.float32(INK_MAX)).logits
    assert np.array_equal(artefact.network.logits(pixels), divided)


def test_relu_replaces_negative_values_by_zero_in_place():
    z = np.array([-1.0, 0.0, 2.0])
    assert relu(z) is z
    assert z.tolist() == [0, 0, 2]


def test_validate_pixels_returns_c_order_for_an_array_in_fortran_order():
    values = np.asfortranarray(np.arange(128).reshape(2, 64) % 17)
    pixels = validate_pixels(values)
    assert pixels.flags.c_contiguous
    assert (pixels == values).all()


@given(images)
def test_probabilities_leave_their_input_unchanged(artefact, pixels):
    before = pixels.copy()
    artefact.network.probabilities(pixels)
    np.testing.assert_array_equal(pixels, before)


@given(images)
def test_probabilities_are_float32_and_sum_to_one(artefact, pixels):
    probabilities = artefact.network.probabilities(pixels)
    assert probabilities.dtype == np.float32
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1, dtype=np.float64), 1, atol=1e-6)


@given(logits)
def test_softmax_gives_finite_probabilities_for_any_finite_logits(scores):
    probabilities = softmax(scores)
    assert np.isfinite(probabilities).all()
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, atol=1e-5)


@given(logits)
def test_softmax_gives_the_largest_logit_the_largest_probability(scores):
    largest = np.take_along_axis(softmax(scores), scores.argmax(axis=-1, keepdims=True), axis=-1)
    assert (largest == softmax(scores).max(axis=-1, keepdims=True)).all()


@given(arrays(np.float64, (3, 10), elements=st.floats(-50, 50)), st.floats(-1000, 1000))
def test_softmax_is_invariant_to_a_shift_of_all_logits(scores, shift):
    np.testing.assert_allclose(softmax(scores + shift), softmax(scores), atol=1e-9)


def test_network_weights_are_read_only(artefact):
    with pytest.raises(ValueError, match="read-only"):
        artefact.network.weights.W1[0, 0] = 1


def test_network_keeps_its_own_copy_of_the_weights():
    weights = views(he_initialisation(np.random.default_rng(0)))
    network = Network(weights)
    weights.W1[:] = 7
    assert not (network.weights.W1 == 7).any()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda w: w._replace(W3=w.W3[:, :9]), r"W3 must have shape \(150, 10\), not \(150, 9\)"),
        (lambda w: w._replace(b1=w.b1.astype(np.float64)), "b1 must be float32, not float64"),
        (lambda w: w._replace(b2=np.full_like(w.b2, np.nan)), "b2 holds NaN or infinity"),
        (lambda w: w._replace(W1=np.full_like(w.W1, 1e30), W2=np.full_like(w.W2, 1e30)), "overflow"),
    ],
)
def test_network_rejects_invalid_weights_and_names_the_array(artefact, change, fault):
    with pytest.raises(WeightsError, match=fault):
        Network(change(artefact.network.weights))


@given(st.floats(2.0**-10, 2.0**40, width=32), images)
def test_no_image_gives_nan_if_the_network_accepts_its_weights(artefact, factor, pixels):
    scaled = Weights(*(array * np.float32(factor) for array in artefact.network.weights))
    try:
        network = Network(scaled)
    except WeightsError:
        return
    assert np.isfinite(network.probabilities(pixels)).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, np.float32, np.float64])
def test_validate_pixels_accepts_any_numeric_dtype(dtype):
    values = np.arange(PIXELS).reshape(1, PIXELS) % (INK_MAX + 1)
    pixels = validate_pixels(values.astype(dtype))
    assert pixels.dtype == np.float32
    np.testing.assert_array_equal(pixels, values)


@pytest.mark.parametrize("invalid", [-1e-9, 16.0000001, np.nan, np.inf, -np.inf, 1e300])
def test_validate_pixels_names_the_pixel_that_is_out_of_range(invalid):
    values = np.zeros((3, PIXELS))
    values[1, 7] = invalid
    with pytest.raises(PixelRangeError) as caught:
        validate_pixels(values)
    assert (caught.value.image, caught.value.pixel) == (1, 7)
    assert str(caught.value) == "pixel 7 of image 1 must be between 0 and 16"


@pytest.mark.parametrize("shape", [(64,), (1, 63), (1, 8, 8), (0,)])
def test_validate_pixels_rejects_any_shape_but_batches_of_64(shape):
    with pytest.raises(PixelShapeError):
        validate_pixels(np.zeros(shape))
