"""Cross-validation reads every training row once, by a network that saw none of its form."""

from dataclasses import replace

import numpy as np
import pytest

from model import softmax
from training.crossval import FOLDS, cross_validate, fit_temperature, join, load, save
from training.data import DataError
from training.evaluate import log_loss
from training.recipe import RELEASE

SHORT = RELEASE.lasting(10)


@pytest.fixture(scope="module")
def parts(split):
    return list(cross_validate(SHORT, split.training, 2, seed=0))


def test_every_row_is_read_once(split, parts):
    validated = join(parts)
    assert np.bincount(validated.labels).tolist() == np.bincount(split.training.labels).tolist()
    assert validated.logits.shape == (1203, 10)


def test_a_few_epochs_read_most_of_what_they_never_saw(parts):
    for part in parts:
        assert (part.logits.argmax(axis=1) == part.labels).mean() > 0.85


def test_a_curve_ends_with_the_figures_of_its_network(parts):
    for part in parts:
        (curve,) = part.curves
        assert curve.epoch == list(range(1, 11))
        assert curve.accuracy[-1] == (part.logits.argmax(axis=1) == part.labels).mean()
        assert curve.log_loss[-1] == pytest.approx(log_loss(part.labels, part.probabilities(1)), abs=1e-5)


def test_what_is_saved_is_what_is_loaded(tmp_path, parts):
    validated = join(parts)
    save(validated, tmp_path / "file")
    again = load(tmp_path / "file")
    np.testing.assert_array_equal(again.logits, validated.logits)
    np.testing.assert_array_equal(again.labels, validated.labels)
    assert (again.curves, again.hyperparameters) == (validated.curves, validated.hyperparameters)


@pytest.mark.parametrize("content", [None, b"", b"x", b"PK\x03\x04"])
def test_a_file_that_is_none_is_refused_in_a_sentence(tmp_path, content):
    file = tmp_path / "file.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match=f"{file} is not what `make cross-validate` writes"):
        load(file)


def test_it_is_of_a_recipe_whatever_the_temperature_but_only_with_all_folds(parts):
    validated = join(parts)
    complete = replace(validated, curves=validated.curves[:1] * FOLDS)
    assert complete.is_of(replace(SHORT, temperature=9).hyperparameters())
    assert not complete.is_of(RELEASE.hyperparameters())
    assert not validated.is_of(SHORT.hyperparameters())


@pytest.mark.parametrize("temperature", [0.5, 1, 2])
def test_the_temperature_that_was_lost_is_found_again(temperature):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (20_000, 10))
    chances = softmax(logits)
    labels = (chances.cumsum(axis=1) > rng.random((len(chances), 1))).argmax(axis=1)
    assert fit_temperature(labels, logits * temperature) == pytest.approx(temperature, rel=0.03)


def test_no_other_temperature_has_a_smaller_loss(parts):
    validated = join(parts)
    best = fit_temperature(validated.labels, validated.logits)

    def loss(temperature):
        return log_loss(validated.labels, validated.probabilities(temperature))

    assert all(loss(best) <= loss(other) + 1e-6 for other in np.linspace(0.3, 3, 28))
