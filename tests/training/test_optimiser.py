"""The optimiser makes the steps of its paper; scikit-learn's is the oracle."""

import numpy as np
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer

from training.optimiser import Adam

RATE = 0.01
gradients = np.random.default_rng(0).normal(size=(50, 7))


def test_adam_travels_as_scikit_learns():
    parameters, expected = np.ones(7), [np.ones(7)]
    adam, oracle = Adam(7), AdamOptimizer(expected, learning_rate_init=RATE)
    for gradient in gradients:
        adam.step(parameters, gradient, RATE)
        oracle.update_params(expected, [gradient])
    np.testing.assert_allclose(parameters, expected[0], rtol=1e-5)


def test_weight_decay_shrinks_what_has_no_gradient():
    parameters = np.ones(3)
    Adam(3, weight_decay=0.5).step(parameters, np.zeros(3), 0.1)
    np.testing.assert_allclose(parameters, 1 - 0.1 * 0.5)


def test_a_step_leaves_the_gradient_alone():
    gradient = gradients[0].copy()
    Adam(7, weight_decay=0.1).step(np.ones(7), gradient, RATE)
    np.testing.assert_array_equal(gradient, gradients[0])
