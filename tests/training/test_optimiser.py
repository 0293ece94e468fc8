"""The optimiser makes the steps of its paper; scikit-learn's optimiser is the reference."""

import numpy as np
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer

from training.optimiser import Adam

LEARNING_RATE = 0.01
gradients = np.random.default_rng(0).normal(size=(50, 7))


def test_adam_makes_the_same_steps_as_scikit_learn():
    parameters, expected = np.ones(7), [np.ones(7)]
    adam, reference = Adam(7), AdamOptimizer(expected, learning_rate_init=LEARNING_RATE)
    for gradient in gradients:
        adam.step(parameters, gradient, LEARNING_RATE)
        reference.update_params(expected, [gradient])
    np.testing.assert_allclose(parameters, expected[0], rtol=1e-5)


def test_weight_decay_shrinks_parameters_whose_gradient_is_zero():
    parameters = np.ones(3)
    Adam(3, weight_decay=0.5).step(parameters, np.zeros(3), 0.1)
    np.testing.assert_allclose(parameters, 1 - 0.1 * 0.5)


def test_step_does_not_change_the_gradient():
    gradient = gradients[0].copy()
    Adam(7, weight_decay=0.1).step(np.ones(7), gradient, LEARNING_RATE)
    np.testing.assert_array_equal(gradient, gradients[0])
