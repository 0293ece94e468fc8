"""The report describes the released artefact, and the committed report is up to date."""

import re
from xml.dom import minidom

import numpy as np
import pytest

from tests.conftest import ROOT
from training.command_line import main
from training.crossval import load
from training.handwriting.digits import draw_digit
from training.reporting import plots
from training.reporting.model_card import draw_sheet, flatten, write_report
from training.reporting.style import SCHEME_CSS, TEXT_COLOUR

COMMITTED = ROOT / "training" / "report"


pytestmark = pytest.mark.slow  # the figures take seconds


@pytest.fixture(scope="module")
def out_of_fold():
    return load(COMMITTED / "cross_validation.npz")


@pytest.fixture(scope="module")
def written(tmp_path_factory, artefact, split, out_of_fold):
    """A folder with a freshly written report."""
    folder = tmp_path_factory.mktemp("report")
    write_report(folder, artefact, split, out_of_fold)
    return folder


def test_the_committed_cross_validation_belongs_to_the_released_recipe(artefact, out_of_fold):
    assert out_of_fold.is_complete_for(artefact.card.hyperparameters)


def test_the_committed_model_card_describes_the_released_artefact(artefact):
    page, card = (COMMITTED / "model_card.md").read_text(), artefact.card
    assert artefact.sha256 in page
    assert f"# Model card: digits {card.version}" in page
    assert f"| accuracy | {card.held_out.accuracy:.2%} |" in page
    assert f"| log-loss | {card.held_out.log_loss:.4f} |" in page
    assert f"| calibration error | {card.held_out.calibration_error:.4f} |" in page


def test_write_report_writes_exactly_the_figures_that_the_model_card_shows(written):
    shown = re.findall(r"\]\((\w+\.svg)\)", (written / "model_card.md").read_text())
    assert sorted(shown) == sorted(path.name for path in written.glob("*.svg"))


def test_the_committed_report_is_what_write_report_writes(written):
    names = {path.name for path in written.iterdir()}
    assert {path.name for path in COMMITTED.iterdir()} == names | {"cross_validation.npz"}
    pages = [(folder / "model_card.md").read_text() for folder in (written, COMMITTED)]
    # Numbers are left out, because their last digits depend on the processor.
    written_text, committed_text = (re.sub(r"[\d.]+", "#", page) for page in pages)
    assert written_text == committed_text


def test_the_model_card_lists_every_hyperparameter(written, artefact):
    page = (written / "model_card.md").read_text()
    for name, value in flatten(artefact.card.hyperparameters):
        assert f"| {name} | {value} |" in page


def test_every_figure_takes_the_text_colour_of_the_page_and_has_a_transparent_background(written):
    for file in written.glob("*.svg"):
        text = file.read_text()
        minidom.parseString(text)  # noqa: S318 - a file of our own
        assert "prefers-color-scheme:dark" in text
        assert TEXT_COLOUR not in text.replace(SCHEME_CSS, "")
        assert "currentColor" in text
        assert "fill: #ffffff" not in text


def test_the_report_command_writes_the_same_bytes_into_a_new_folder(tmp_path, written):
    assert main(["report", "--out", str(tmp_path / "report")]) == 0
    for file in written.iterdir():
        assert (tmp_path / "report" / file.name).read_bytes() == file.read_bytes(), file.name


def test_the_sheet_of_synthetic_digits_has_a_line_for_each_digit():
    _, right = draw_sheet(seed=0).axes
    first_column = np.asarray(right.images[0].get_array())[:, :8]
    images = [draw_digit(digit, seed=0)[1] for digit in range(10)]
    np.testing.assert_array_equal(first_column, plots.mosaic(np.array(images), columns=1))
