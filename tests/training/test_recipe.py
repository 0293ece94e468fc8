"""A training depends on its recipe, its rows and its seed, and on nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from model import Network, load_artefact
from training import commands
from training.evaluate import evaluate
from training.parameters import PARAMETER_COUNT, views
from training.recipe import RELEASED_RECIPE, apply_temperature, examples, train_network

SHORT_RECIPE = RELEASED_RECIPE.with_size(epochs=3, digits=None)


def final_weights(epochs):
    *_, last = epochs
    return last.weights


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    files = [tmp_path / "first.npz", tmp_path / "second.npz"]
    for file in files:
        commands.train(file, seed=5, epochs=3, digits=30)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert load_artefact(files[0]).card.seed == 5


def test_another_seed_trains_another_network(split, synthetic):
    first, second = (final_weights(train_network(SHORT_RECIPE, split.training, synthetic, seed)) for seed in (0, 1))
    assert not np.array_equal(first.W1, second.W1)


def test_a_few_epochs_are_enough_to_classify_most_training_rows(split, synthetic):
    recipe = RELEASED_RECIPE.with_size(epochs=20, digits=None)
    weights = final_weights(train_network(recipe, split.training, synthetic, 0))
    assert evaluate(Network(weights), split.training).accuracy > 0.95


def test_train_yields_each_epoch_with_a_falling_learning_rate_and_loss(split, synthetic):
    epochs = train_network(SHORT_RECIPE, split.training, synthetic, 0)
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


def test_the_trained_weights_are_the_mean_over_the_averaged_epochs(split, synthetic):
    recipe = RELEASED_RECIPE.with_size(epochs=4, digits=None)
    without_averaging = replace(recipe, schedule=replace(recipe.schedule, averaged=0))
    with_averaging = replace(recipe, schedule=replace(recipe.schedule, averaged=0.5))
    training = split.training, synthetic, 0
    last_two = [epoch.weights.W1.copy() for epoch in train_network(without_averaging, *training)][2:]
    averaged = final_weights(train_network(with_averaging, *training)).W1
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


def test_an_epoch_trains_on_synthetic_digits_in_the_share_of_the_recipe(split, synthetic):
    few_rows = split.training.take(np.arange(300))

    def accuracy_on_synthetic_digits(share):
        recipe = RELEASED_RECIPE.with_size(epochs=60, digits=None)
        recipe = replace(recipe, synthetic=replace(recipe.synthetic, share=share))
        weights = final_weights(train_network(recipe, few_rows, synthetic, 0))
        return evaluate(Network(weights), synthetic).accuracy

    without, half = accuracy_on_synthetic_digits(0), accuracy_on_synthetic_digits(0.5)
    assert without < 0.8
    assert half > 0.97


@pytest.mark.parametrize(("share", "synthetic_digits"), [(0, 0), (0.5, 1203), (0.75, 3609)])
def test_the_share_counts_all_images_of_an_epoch(split, synthetic, share, synthetic_digits):
    recipe = replace(RELEASED_RECIPE, synthetic=replace(RELEASED_RECIPE.synthetic, share=share))
    draw, rng = examples(recipe, split.training, synthetic), np.random.default_rng(0)
    pixels, targets = draw(rng)
    assert pixels.shape == (1203 + synthetic_digits, 64)
    np.testing.assert_array_equal(targets[:1203].argmax(axis=1), split.training.labels)
    known = {(image.tobytes(), label) for image, label in zip(synthetic.pixels, synthetic.labels.tolist(), strict=True)}
    chosen = zip(pixels[1203:], targets[1203:].argmax(axis=1).tolist(), strict=True)
    assert {(image.tobytes(), label) for image, label in chosen} <= known
    assert not synthetic_digits or (draw(rng)[0][1203:] != pixels[1203:]).any()


def test_with_size_changes_the_epochs_and_the_synthetic_digits_alone():
    assert RELEASED_RECIPE.with_size(epochs=None, digits=None) == RELEASED_RECIPE
    changed = RELEASED_RECIPE.with_size(epochs=7, digits=8)
    assert (changed.schedule.epochs, changed.synthetic.digits) == (7, 8)
    schedule = replace(changed.schedule, epochs=RELEASED_RECIPE.schedule.epochs)
    assert replace(changed, schedule=schedule, synthetic=RELEASED_RECIPE.synthetic) == RELEASED_RECIPE
