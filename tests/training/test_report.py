"""The report says what the artefact says, in a page and in pictures for light and dark."""

import re
from xml.dom import minidom

import numpy as np
import pytest

from tests.conftest import ROOT
from training import plots, report
from training.crossval import load

FOLDER = ROOT / "training" / "report"


@pytest.fixture(scope="module")
def validated():
    return load(FOLDER / "cross_validation.npz")


@pytest.fixture(scope="module")
def written(tmp_path_factory, artefact, split, validated):
    folder = tmp_path_factory.mktemp("report")
    report.write(folder, artefact, split, validated)
    return folder


def test_the_cross_validation_is_of_the_released_recipe(artefact, validated):
    assert validated.is_of(artefact.card.hyperparameters)


def test_the_committed_model_card_is_of_the_released_artefact(artefact):
    page, card = (FOLDER / "model_card.md").read_text(), artefact.card
    assert artefact.sha256 in page
    assert f"# Model card: digits {card.version}" in page
    assert f"| accuracy | {card.held_out.accuracy:.2%} |" in page
    assert f"| log-loss | {card.held_out.log_loss:.4f} |" in page
    assert f"| calibration error | {card.held_out.calibration_error:.4f} |" in page


def test_it_writes_the_page_and_every_picture_that_the_page_shows(written):
    shown = re.findall(r"\]\((\w+\.svg)\)", (written / "model_card.md").read_text())
    assert sorted(shown) == sorted(path.name for path in written.glob("*.svg"))


def test_what_is_committed_is_what_is_written(written):
    names = {path.name for path in written.iterdir()}
    assert {path.name for path in FOLDER.iterdir()} == names | {"cross_validation.npz"}
    pages = [(folder / "model_card.md").read_text() for folder in (written, FOLDER)]
    one, other = (re.sub(r"[\d.]+", "#", page) for page in pages)  # last digits are the processor's
    assert one == other


def test_the_page_lists_every_hyperparameter(written, artefact):
    page = (written / "model_card.md").read_text()
    for name, value in report.flat(artefact.card.hyperparameters):
        assert f"| {name} | {value} |" in page


def test_every_picture_takes_the_readers_colour_and_has_no_ground(written):
    for file in written.glob("*.svg"):
        text = file.read_text()
        minidom.parseString(text)  # noqa: S318 - ours
        assert "prefers-color-scheme:dark" in text
        assert plots.TEXT not in text.replace(plots.SCHEME, "")
        assert "currentColor" in text
        assert "fill: #ffffff" not in text


def test_the_same_artefact_gives_the_same_bytes(tmp_path, written, artefact, split, validated):
    report.write(tmp_path, artefact, split, validated)
    for file in written.iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes(), file.name


def test_every_misread_image_is_shown_the_surest_first(split):
    rows = split.held_out.take(np.arange(60))
    probabilities = np.full((60, 10), 0.1, np.float32)
    probabilities[np.arange(60), rows.labels] += 0.01
    probabilities[[7, 8], (rows.labels[[7, 8]] + 1) % 10] = [0.3, 0.4]
    first, second = plots.misread(rows.pixels, rows.labels, probabilities).axes
    assert first.get_title() == f"read {(rows.labels[8] + 1) % 10}, 40.0%\nis {rows.labels[8]}, 11.0%"
    assert second.get_title() == f"read {(rows.labels[7] + 1) % 10}, 30.0%\nis {rows.labels[7]}, 11.0%"


def test_a_network_without_mistakes_says_none(split):
    few = split.held_out.take(np.arange(10))
    sure = np.eye(10, dtype=np.float32)[few.labels]
    figure = plots.misread(few.pixels, few.labels, sure)
    assert [text.get_text() for text in figure.texts] == ["none"]


def test_a_mosaic_lays_images_in_reading_order():
    tiles = np.repeat(np.arange(4, dtype=np.float32), 64).reshape(4, 8, 8)
    mosaic = plots.mosaic(tiles, columns=2)
    assert mosaic.shape == (18, 18)
    assert [mosaic[0, 0], mosaic[0, -1], mosaic[-1, 0], mosaic[-1, -1]] == [0, 1, 2, 3]
    assert np.isnan(mosaic[8]).all()
