"""A training depends on its recipe, its rows and its seed, and on nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from model import Network, load_artefact
from training import commands
from training.evaluate import evaluate
from training.parameters import PARAMETER_COUNT, views
from training.recipe import RELEASED_RECIPE, apply_temperature, train

SHORT_RECIPE = RELEASED_RECIPE.with_epochs(3)


def final_weights(epochs):
    *_, last = epochs
    return last.weights


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    files = [tmp_path / "first.npz", tmp_path / "second.npz"]
    for file in files:
        commands.train(file, seed=5, epochs=3)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert load_artefact(files[0]).card.seed == 5


def test_another_seed_trains_another_network(split):
    first, second = (final_weights(train(SHORT_RECIPE, split.training, seed)) for seed in (0, 1))
    assert not np.array_equal(first.W1, second.W1)


def test_a_few_epochs_are_enough_to_classify_most_training_rows(split):
    weights = final_weights(train(RELEASED_RECIPE.with_epochs(20), split.training, 0))
    assert evaluate(Network(weights), split.training).accuracy > 0.95


def test_train_yields_each_epoch_with_a_falling_learning_rate_and_loss(split):
    epochs = train(SHORT_RECIPE, split.training, 0)
    learning_rates, losses, numbers = zip(
        *((epoch.learning_rate, epoch.loss, epoch.number) for epoch in epochs), strict=True
    )
    assert numbers == (1, 2, 3)
    assert list(learning_rates) == sorted(learning_rates, reverse=True)
    assert list(losses) == sorted(losses, reverse=True)


def test_the_learning_rate_falls_along_half_a_cosine_to_its_last_value():
    schedule = replace(RELEASED_RECIPE.schedule, learning_rate=0.1, last_rate=0.2)
    learning_rates = [schedule.learning_rate_at(progress) for progress in (0, 0.5, 1)]
    np.testing.assert_allclose(learning_rates, [0.1, 0.06, 0.02])


def test_the_trained_weights_are_the_mean_over_the_averaged_epochs(split):
    recipe = RELEASED_RECIPE.with_epochs(4)
    without_averaging = replace(recipe, schedule=replace(recipe.schedule, averaged=0))
    with_averaging = replace(recipe, schedule=replace(recipe.schedule, averaged=0.5))
    last_two = [epoch.weights.W1.copy() for epoch in train(without_averaging, split.training, 0)][2:]
    averaged = final_weights(train(with_averaging, split.training, 0)).W1
    np.testing.assert_allclose(averaged, np.mean(last_two, axis=0), atol=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1, 3])
def test_apply_temperature_divides_the_logits_and_changes_only_the_last_layer(split, temperature):
    vector = np.random.default_rng(0).normal(0, 0.1, PARAMETER_COUNT).astype(np.float32)
    before, after = Network(views(vector)), Network(apply_temperature(views(vector), temperature))
    pixels = split.training.pixels[:50]
    np.testing.assert_allclose(after.logits(pixels), before.logits(pixels) / temperature, atol=1e-5)
    for name in ("W1", "b1", "W2", "b2"):
        np.testing.assert_array_equal(getattr(after.weights, name), getattr(before.weights, name))


def test_the_card_lists_every_hyperparameter_of_the_released_recipe(artefact):
    assert dict(artefact.card.hyperparameters) == RELEASED_RECIPE.hyperparameters()
    assert artefact.card.recipe == RELEASED_RECIPE.name
