"""Benchmark of pictures: how many drawn digits are classified correctly, for each kind of picture file.

Run it as `python -m benchmarks.pictures STROKES.npz`. The strokes were recorded by a tablet. They are not in the
repository, and no network is trained on them. However, they helped to choose the styles of `training/handwriting/` and
the steps of `model/picture/normalise.py` and `model/picture/background.py`. So the measured accuracies are too
high for new writers.

STROKES.npz holds four arrays:
    points: All points of all strokes, shape (N, 2); y grows downwards.
    stroke_end: For each stroke, the index in `points` after its last point.
    digit_end: For each digit, the index in `stroke_end` after its last stroke.
    label: The digit that was written, 0 to 9, for each digit.

The modules: `drawing` makes the pictures, `measure` classifies them, `report` writes the tables
and sentences that `docs/pictures.md` quotes.
"""
