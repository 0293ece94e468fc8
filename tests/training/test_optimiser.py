"""Each optimiser makes the steps of its paper; scikit-learn's are the oracle."""

import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from training.optimiser import SGD, Adam

RATE = 0.01
gradients = np.random.default_rng(0).normal(size=(50, 7))


def travel(optimiser):
    parameters = np.ones(7)
    for gradient in gradients:
        optimiser.step(parameters, gradient, RATE)
    return parameters


def test_adam_travels_as_scikit_learns():
    expected = [np.ones(7)]
    oracle = AdamOptimizer(expected, learning_rate_init=RATE)
    for gradient in gradients:
        oracle.update_params(expected, [gradient])
    np.testing.assert_allclose(travel(Adam(7)), expected[0], rtol=1e-5)


def test_sgd_travels_as_scikit_learns():
    expected = [np.ones(7)]
    oracle = SGDOptimizer(expected, learning_rate_init=RATE, momentum=0.9, nesterov=False)
    for gradient in gradients:
        oracle.update_params(expected, [gradient])
    np.testing.assert_allclose(travel(SGD(7, momentum=0.9)), expected[0], rtol=1e-5)


def test_weight_decay_shrinks_what_has_no_gradient():
    parameters = np.ones(3)
    Adam(3, weight_decay=0.5).step(parameters, np.zeros(3), 0.1)
    np.testing.assert_allclose(parameters, 1 - 0.1 * 0.5)


@pytest.mark.parametrize("optimiser", [SGD(7), Adam(7, weight_decay=0.1)], ids=["sgd", "adam"])
def test_a_step_leaves_the_gradient_alone(optimiser):
    gradient = gradients[0].copy()
    optimiser.step(np.ones(7), gradient, RATE)
    np.testing.assert_array_equal(gradient, gradients[0])
