"""The figures show the images that they should, in the right order."""

import numpy as np

from training.reporting import plots


def test_misclassified_shows_every_misclassified_image_in_descending_order_of_probability(split):
    rows = split.held_out.take(np.arange(60))
    probabilities = np.full((60, 10), 0.1, np.float32)
    probabilities[np.arange(60), rows.labels] += 0.01
    probabilities[[7, 8], (rows.labels[[7, 8]] + 1) % 10] = [0.3, 0.4]
    first, second = plots.misclassified(rows.pixels, rows.labels, probabilities).axes
    assert first.get_title() == f"predicted {(rows.labels[8] + 1) % 10}, 40.0%\ntrue {rows.labels[8]}, 11.0%"
    assert second.get_title() == f"predicted {(rows.labels[7] + 1) % 10}, 30.0%\ntrue {rows.labels[7]}, 11.0%"


def test_misclassified_says_none_if_every_image_is_classified_correctly(split):
    rows = split.held_out.take(np.arange(10))
    certain = np.eye(10, dtype=np.float32)[rows.labels]
    figure = plots.misclassified(rows.pixels, rows.labels, certain)
    assert [text.get_text() for text in figure.texts] == ["none"]


def test_mosaic_arranges_images_in_reading_order_with_gaps_of_nan():
    tiles = np.repeat(np.arange(4, dtype=np.float32), 64).reshape(4, 8, 8)
    mosaic = plots.mosaic(tiles, columns=2)
    assert mosaic.shape == (18, 18)
    assert [mosaic[0, 0], mosaic[0, -1], mosaic[-1, 0], mosaic[-1, -1]] == [0, 1, 2, 3]
    assert np.isnan(mosaic[8]).all()


def test_handwriting_shows_each_picture_in_the_middle_of_its_tile_beside_the_images():
    pictures = [np.full((2, 6), number, np.float32) for number in (0.1, 0.2, 0.3, 0.4)]
    pixels = np.repeat(np.arange(4, dtype=np.float32), 64).reshape(4, 64)
    left, right = (
        np.asarray(axes.images[0].get_array()) for axes in plots.handwriting(pictures, pixels, columns=2).axes
    )
    assert left.shape == (14, 14)  # tiles of 6×6 with gaps of 2
    assert left[2:4, :6].tolist() == pictures[0].tolist()
    assert left[10:12, 8:].tolist() == pictures[3].tolist()
    assert left[0, 0] == 0
    assert [right[0, 0], right[0, -1], right[-1, 0], right[-1, -1]] == [0, 1, 2, 3]
