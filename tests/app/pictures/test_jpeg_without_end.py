"""A JPEG may lack its end marker if its last scan is complete."""

import re

import numpy as np
import pytest

from app.pictures.errors import UndecodableError
from app.pictures.jpeg import (
    JPEG_SCAN,
    MAX_BYTES_WITHOUT_END,
    MAX_SCANS_WITHOUT_END,
    complete_variants,
    count_scans,
    reduce_jpeg,
)
from tests.drawing import draw
from tests.jpegs import DRAWING, decode, encode_jpeg
from tests.picture_requests import encode_picture, post_picture
from tests.problems import read_problem


@pytest.mark.parametrize("missing_bytes", [1, 2])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_without_its_end_marker_gets_the_answer_of_the_complete_file(client, mode, progressive, missing_bytes):
    complete = encode_jpeg(mode, progressive=progressive)
    reply = post_picture(client, complete[:-missing_bytes], "image/jpeg")
    assert reply.json() == post_picture(client, complete, "image/jpeg").json()
    assert reply.json()["digit"] == 3


@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 4}, {"subsampling": 0}], ids=str)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_that_lacks_a_visible_part_of_its_scan_is_rejected(mode, options):
    complete = encode_jpeg(mode, **options)
    picture, start = decode(complete).astype(int), complete.index(JPEG_SCAN) + 14
    rejected = 0
    for end in range(start, len(complete) - 2, 13):
        try:
            difference = np.abs(decode(complete[:end]) - picture)
        except UndecodableError:
            rejected += 1
        else:
            assert (difference > 8).mean() < 0.01
    assert rejected > (len(complete) - start) / 13 * 0.95


def test_jpeg_with_a_thumbnail_may_lack_its_own_end_marker(client):
    thumbnail = encode_picture(draw(3, side=30), "JPEG")
    complete = encode_jpeg("L", exif=b"Exif\0\0" + thumbnail)
    assert complete.count(JPEG_SCAN) == 2
    assert post_picture(client, complete[:-2], "image/jpeg").json()["digit"] == 3


def test_jpeg_that_lacks_half_of_its_scan_is_rejected_as_damaged(client):
    complete = encode_jpeg("L")
    truncated = complete[: (complete.index(JPEG_SCAN) + len(complete)) // 2]
    assert "undamaged" in read_problem(post_picture(client, truncated, "image/jpeg"))["detail"]


def test_progressive_jpeg_that_ends_between_two_scans_is_predicted_with_less_detail(client):
    complete = encode_jpeg("L", progressive=True)
    assert complete.count(JPEG_SCAN) == 6
    for number in range(2, 6):
        end = [match.start() for match in re.finditer(JPEG_SCAN, complete)][number]
        truncated = complete[: complete.rindex(b"\xff\xc4", 0, end)]  # without the table of the scan
        assert post_picture(client, truncated, "image/jpeg").json()["digit"] == 3


def test_jpeg_without_its_end_marker_may_have_fewer_scans():
    complete = encode_jpeg("L", progressive=True)
    last_scan = complete[complete.rindex(JPEG_SCAN) : -2]
    for scans, variants in ((MAX_SCANS_WITHOUT_END, 2), (MAX_SCANS_WITHOUT_END + 1, 1)):
        assert len(complete_variants(complete[:-2] + last_scan * (scans - 6), scans)) == variants


def test_only_a_jpeg_without_an_end_marker_has_variants():
    complete = encode_jpeg("L")
    for content in (complete, complete + b"film", encode_picture(DRAWING), b"", b"\xff\xd8", b"text"):
        reduced = reduce_jpeg(content)
        assert complete_variants(reduced, count_scans(reduced)) == [reduced]
    for variant in complete_variants(complete[:-2], 1):
        assert np.array_equal(decode(variant), decode(complete))


def comment(size):
    """Build a comment segment of a number of bytes."""
    return b"\xff\xfe" + (size - 2).to_bytes(2) + bytes(size - 4)


def test_jpeg_without_its_end_marker_and_with_several_scans_may_have_fewer_bytes():
    progressive, sequential = encode_jpeg("L", progressive=True)[:-2], encode_jpeg("L")[:-2]
    comments = comment(60_000) * 34
    rest = MAX_BYTES_WITHOUT_END - len(comments + progressive)
    for size, variants in ((rest, 2), (rest + 1, 1)):
        content = progressive[:2] + comments + comment(size) + progressive[2:]
        assert len(content) - MAX_BYTES_WITHOUT_END == size - rest
        assert len(complete_variants(content, 6)) == variants
    assert len(complete_variants(sequential[:2] + comments * 3 + sequential[2:], 1)) == 2
