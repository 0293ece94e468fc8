"""A batch of images in rows is parsed as a flat batch, and gets the same answer as before."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.images import join_rows
from app.api.schemas import EXAMPLE_IMAGE, EXAMPLE_ROWS
from tests.problems import read_problem

MAX_IMAGES = 3
ROWS_OF_NUMBERS = [[column + 0.5 * row for column in range(8)] for row in range(8)]

images_in_rows = st.lists(st.sampled_from([EXAMPLE_ROWS, ROWS_OF_NUMBERS]), min_size=1, max_size=MAX_IMAGES)
layouts = st.sampled_from([{}, {"separators": (",", ":")}, {"indent": 1}, {"indent": "\t"}])


def flatten(images):
    return [[pixel for row in image for pixel in row] for image in images]


@given(images_in_rows, layouts)
def test_images_in_rows_become_flat_images_with_the_same_numbers_in_a_body_of_the_same_length(images, layout):
    body = json.dumps({"images": images}, **layout).encode()
    joined = join_rows(body, MAX_IMAGES)
    assert json.loads(joined) == {"images": flatten(images)}
    assert len(joined) == len(body)


@pytest.mark.parametrize(
    "images",
    [
        [EXAMPLE_IMAGE],
        [EXAMPLE_ROWS, EXAMPLE_IMAGE],
        [EXAMPLE_ROWS] * (MAX_IMAGES + 1),
        [EXAMPLE_ROWS[:7]],
        [[*EXAMPLE_ROWS[:6], EXAMPLE_ROWS[6][:7], [*EXAMPLE_ROWS[7], 0]]],  # 64 numbers, in rows of 7 and 9
        [[*EXAMPLE_ROWS[:7], *EXAMPLE_ROWS[7]]],
        [[EXAMPLE_ROWS]],
        [[[]]],
        [],
    ],
)
def test_any_other_batch_stays_unchanged(images):
    body = json.dumps({"images": images}).encode()
    assert join_rows(body, MAX_IMAGES) is body


COMPACT = json.dumps({"images": [EXAMPLE_ROWS, EXAMPLE_ROWS]}, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("boundary", "invalid"),
    [
        (b"0],[0", b"0],0[,0"),
        (b"0],[0", b"0,]0,[0"),
        (b"0],[0", b"0],5[0"),
        (b"0],[0", b"0]5,[0"),
        (b"0]],[[0", b"0]],[0[,0"),
        (b"0]],[[0", b"0]5],[[0"),
        (b"0]]]", b"0]5]]"),
        (b"0]]]", b"0]]5]"),
    ],
)
def test_batch_with_a_number_between_two_rows_stays_unchanged_and_is_rejected(client, boundary, invalid):
    body = COMPACT.replace(boundary, invalid, 1)
    assert body != COMPACT
    assert join_rows(body, MAX_IMAGES) is body
    assert client.post("/predict/batch", content=body).status_code == 422


def assert_is_valid_only_with_the_same_numbers(joined, body):
    """Check that a joined body is no valid batch, or that the body was a batch in rows with the same numbers."""
    try:
        batch = json.loads(joined)
    except ValueError:
        return
    if set(batch) == {"images"} and all(len(image) == 64 for image in batch["images"]):
        assert flatten(json.loads(body)["images"]) == batch["images"]


@given(st.integers(0, len(COMPACT) - 1), st.integers(0, len(COMPACT) - 1))
def test_one_moved_character_makes_no_invalid_batch_valid(source, target):
    characters = bytearray(COMPACT)
    characters.insert(target, characters.pop(source))
    body = bytes(characters)
    joined = join_rows(body, MAX_IMAGES)
    if joined is not body:
        assert_is_valid_only_with_the_same_numbers(joined, body)


edits = st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 2), st.sampled_from(list(b'[],0 "{}:.e-\\x')))


@given(images_in_rows, layouts, st.lists(edits, max_size=4))
def test_joined_body_is_a_valid_batch_only_if_the_body_was_a_batch_in_rows_with_the_same_numbers(images, layout, edits):
    characters = bytearray(json.dumps({"images": images}, **layout).encode())
    for place, deleted, character in edits:
        start = int(place * len(characters))
        characters[start : start + deleted] = bytes([character])
    body = bytes(characters)
    joined = join_rows(body, MAX_IMAGES)
    if joined is not body:
        assert_is_valid_only_with_the_same_numbers(joined, body)


@pytest.mark.parametrize(("pixel", "message"), [(None, "must be a number"), (17, "must be between 0 and 16")])
def test_error_in_a_batch_in_rows_is_located_by_image_row_and_column(client, pixel, message):
    wrong = [list(row) for row in EXAMPLE_ROWS]
    wrong[3][5] = pixel
    problem = read_problem(client.post("/predict/batch", json={"images": [EXAMPLE_ROWS, wrong]}))
    assert problem["errors"] == [{"loc": ["body", "images", 1, 3, 5], "msg": message}]


def test_batches_in_rows_flat_and_mixed_get_the_same_predictions(client):
    replies = [
        client.post("/predict/batch", json={"images": images}).json()
        for images in ([EXAMPLE_ROWS] * 2, [EXAMPLE_IMAGE] * 2, [EXAMPLE_ROWS, EXAMPLE_IMAGE])
    ]
    assert [prediction["digit"] for prediction in replies[0]["predictions"]] == [3, 3]
    assert replies[0] == replies[1] == replies[2]
