"""A training is decided by its recipe, its rows and its seed, and by nothing else."""

from dataclasses import replace

import numpy as np

from model import Network, load_artefact
from training import commands
from training.evaluate import evaluate
from training.recipe import RELEASE, train

SHORT = replace(RELEASE, epochs=3)


def ignore(_):
    pass


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    files = [tmp_path / "one.npz", tmp_path / "two.npz"]
    for file in files:
        assert commands.train(file, seed=5, epochs=3) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    assert load_artefact(files[0]).card.seed == 5


def test_another_seed_gives_another_network(split):
    one, other = (train(SHORT, split.training, seed, ignore) for seed in (0, 1))
    assert not np.array_equal(one.W1, other.W1)


def test_a_few_epochs_already_read_most_digits(split):
    weights = train(replace(RELEASE, epochs=20), split.training, 0, ignore)
    assert evaluate(Network(weights), split.training).accuracy > 0.95


def test_each_epoch_is_reported_with_a_falling_rate_and_loss(split):
    epochs = []
    train(SHORT, split.training, 0, epochs.append)
    assert [epoch.number for epoch in epochs] == [1, 2, 3]
    rates, losses = [e.rate for e in epochs], [e.loss for e in epochs]
    assert rates == sorted(rates, reverse=True)
    assert losses == sorted(losses, reverse=True)


def test_the_card_names_every_hyperparameter(artefact):
    named = dict(artefact.card.hyperparameters)
    assert named == RELEASE.hyperparameters()
    assert artefact.card.recipe == RELEASE.name
