"""A training is decided by its recipe, its rows and its seed, and by nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from model import Network, load_artefact
from training import commands
from training.evaluate import evaluate
from training.parameters import COUNT, views
from training.recipe import RELEASE, tempered, train

SHORT = RELEASE.lasting(3)


def weights_of(epochs):
    *_, last = epochs
    return last.weights


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    files = [tmp_path / "one.npz", tmp_path / "two.npz"]
    for file in files:
        assert commands.train(file, seed=5, epochs=3) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    assert load_artefact(files[0]).card.seed == 5


def test_another_seed_gives_another_network(split):
    one, other = (weights_of(train(SHORT, split.training, seed)) for seed in (0, 1))
    assert not np.array_equal(one.W1, other.W1)


def test_a_few_epochs_already_read_most_digits(split):
    weights = weights_of(train(RELEASE.lasting(20), split.training, 0))
    assert evaluate(Network(weights), split.training).accuracy > 0.95


def test_each_epoch_is_reported_with_a_falling_rate_and_loss(split):
    rates, losses, numbers = zip(
        *((epoch.rate, epoch.loss, epoch.number) for epoch in train(SHORT, split.training, 0)), strict=True
    )
    assert numbers == (1, 2, 3)
    assert list(rates) == sorted(rates, reverse=True)
    assert list(losses) == sorted(losses, reverse=True)


def test_the_rate_falls_along_half_a_cosine_to_its_last_share():
    schedule = replace(RELEASE.schedule, learning_rate=0.1, last_rate=0.2)
    rates = [schedule.rate(progress) for progress in (0, 0.5, 1)]
    np.testing.assert_allclose(rates, [0.1, 0.06, 0.02])


def test_the_answer_is_the_mean_of_the_last_weights(split):
    plain = RELEASE.lasting(4)
    plain = replace(plain, schedule=replace(plain.schedule, averaged=0))
    averaged = replace(plain, schedule=replace(plain.schedule, averaged=0.5))
    last_two = [epoch.weights.W1.copy() for epoch in train(plain, split.training, 0)][2:]
    np.testing.assert_allclose(
        weights_of(train(averaged, split.training, 0)).W1, np.mean(last_two, axis=0), atol=1e-6
    )


@pytest.mark.parametrize("temperature", [0.5, 1, 3])
def test_a_temperature_divides_the_logits_and_nothing_else(split, temperature):
    vector = np.random.default_rng(0).normal(0, 0.1, COUNT).astype(np.float32)
    before, after = Network(views(vector)), Network(tempered(views(vector), temperature))
    pixels = split.training.pixels[:50]
    np.testing.assert_allclose(after.logits(pixels), before.logits(pixels) / temperature, atol=1e-5)
    for name in ("W1", "b1", "W2", "b2"):
        np.testing.assert_array_equal(getattr(after.weights, name), getattr(before.weights, name))


def test_the_card_names_every_hyperparameter(artefact):
    assert dict(artefact.card.hyperparameters) == RELEASE.hyperparameters()
    assert artefact.card.recipe == RELEASE.name
