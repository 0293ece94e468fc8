"""Cross-validation classifies every training row once, with a network that saw no row of its form."""

from dataclasses import replace

import numpy as np
import pytest

from model import softmax
from training.crossval import FOLDS, concatenate, cross_validate, fit_temperature, load, save
from training.data import DataError
from training.evaluate import log_loss
from training.recipe import RELEASED_RECIPE

SHORT_RECIPE = RELEASED_RECIPE.with_size(epochs=10, digits=None)


@pytest.fixture(scope="module")
def by_fold(split, synthetic):
    """The predictions of each of two folds."""
    return list(cross_validate(SHORT_RECIPE, split.training, synthetic, 2, seed=0))


@pytest.fixture(scope="module")
def predictions(by_fold):
    return concatenate(by_fold)


def test_cross_validation_classifies_every_row_once(split, predictions):
    assert np.bincount(predictions.labels).tolist() == np.bincount(split.training.labels).tolist()
    assert predictions.logits.shape == (1203, 10)


def test_a_few_epochs_are_enough_to_classify_most_unseen_rows(by_fold):
    for fold in by_fold:
        assert (fold.logits.argmax(axis=1) == fold.labels).mean() > 0.85


def test_the_curve_of_a_fold_ends_with_the_metrics_of_its_predictions(by_fold):
    for fold in by_fold:
        (curve,) = fold.curves
        assert curve.epoch == list(range(1, 11))
        assert curve.accuracy[-1] == (fold.logits.argmax(axis=1) == fold.labels).mean()
        assert curve.log_loss[-1] == pytest.approx(log_loss(fold.labels, fold.probabilities(1)), abs=1e-5)


def test_load_returns_what_save_wrote(tmp_path, predictions):
    save(predictions, tmp_path / "file")
    loaded = load(tmp_path / "file")
    np.testing.assert_array_equal(loaded.logits, predictions.logits)
    np.testing.assert_array_equal(loaded.labels, predictions.labels)
    assert (loaded.curves, loaded.hyperparameters) == (predictions.curves, predictions.hyperparameters)


@pytest.mark.parametrize("content", [None, b"", b"x", b"PK\x03\x04"])
def test_load_names_a_file_that_is_missing_or_has_another_format(tmp_path, content):
    file = tmp_path / "file.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match=f"{file} is not what `make cross-validate` writes"):
        load(file)


def test_is_complete_for_requires_all_folds_and_the_same_hyperparameters_except_the_temperature(predictions):
    complete = replace(predictions, curves=predictions.curves[:1] * FOLDS)
    assert complete.is_complete_for(replace(SHORT_RECIPE, temperature=9).hyperparameters())
    assert not complete.is_complete_for(RELEASED_RECIPE.hyperparameters())
    assert not predictions.is_complete_for(SHORT_RECIPE.hyperparameters())


@pytest.mark.parametrize("temperature", [0.5, 1, 2])
def test_fit_temperature_recovers_a_known_temperature(temperature):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (20_000, 10))
    probabilities = softmax(logits)
    labels = (probabilities.cumsum(axis=1) > rng.random((len(probabilities), 1))).argmax(axis=1)
    assert fit_temperature(labels, logits * temperature) == pytest.approx(temperature, rel=0.03)


def test_fit_temperature_finds_the_smallest_log_loss(predictions):
    best = fit_temperature(predictions.labels, predictions.logits)

    def loss(temperature):
        return log_loss(predictions.labels, predictions.probabilities(temperature))

    assert all(loss(best) <= loss(other) + 1e-6 for other in np.linspace(0.3, 3, 28))
