"""Files of known formats are rejected by the name of their format, and a JPEG may lack its end marker."""

import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.pictures.decode import decode as decode_file
from app.pictures.errors import UndecodableError
from app.pictures.file_checks import (
    JPEG_SCAN,
    MAX_SCANS_WITHOUT_END,
    UNSUPPORTED_FORMATS,
    complete_variants,
    require_supported_format,
)
from tests.drawing import draw
from tests.picture_requests import PATH, encode_picture, post_picture
from tests.problems import read_problem

DRAWING = draw(3, side=200)


def first_box(major_brand, *brands):
    """Build the first bytes of an AVIF, HEIC or MP4 file, whose first box lists the brands."""
    body = b"ftyp" + major_brand + bytes(4) + b"".join(brands)
    return (len(body) + 4).to_bytes(4) + body + bytes(100)


# (name of the format, content of a file)
UNSUPPORTED_FILES = [
    ("GIF", encode_picture(DRAWING, "GIF")),
    ("GIF", b"GIF87a" + bytes(20)),
    ("TIFF", encode_picture(DRAWING, "TIFF")),
    ("TIFF", encode_picture(DRAWING, "TIFF", big_tiff=True)),
    ("TIFF", b"MM\0*" + bytes(20)),
    ("PDF", encode_picture(Image.fromarray(DRAWING), "PDF")),
    ("AVIF", encode_picture(Image.fromarray(DRAWING).convert("RGB"), "AVIF")),
    ("AVIF", first_box(b"mif1", b"mif1", b"miaf", b"avif")),
    ("AVIF", first_box(b"avis", b"msf1")),
    ("HEIC", first_box(b"heic", b"mif1", b"heic")),
    *(("HEIC", first_box(brand)) for brand in (b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")),
    ("HEIC", first_box(b"abcd", *[b"abcd"] * 10, b"heic")),
    ("HEIC", first_box(b"mif1", b"mif1", b"heic", b"hevc")),
    ("HEIC", first_box(b"heix", b"mif1", b"MiHB", b"MiHE", b"MiPr", b"miaf", b"tmap", b"heix")),
    ("HEIC", first_box(b"msf1", b"hevc")),
]


@pytest.mark.parametrize("is_form", [False, True])
@pytest.mark.parametrize(("name", "content"), UNSUPPORTED_FILES, ids=[name for name, _ in UNSUPPORTED_FILES])
def test_file_of_a_known_format_is_rejected_by_its_name(client, name, content, is_form):
    reply = client.post(PATH, files={"file": content}) if is_form else post_picture(client, content)
    detail = read_problem(reply, 415)["detail"]
    assert detail.startswith(f"{name} files are not supported. A picture must be image/png, image/jpeg")


def test_a_file_of_every_unsupported_format_is_tested():
    assert {name for name, _ in UNSUPPORTED_FILES} == set(UNSUPPORTED_FORMATS)


@pytest.mark.parametrize("content", [b"", b"GIF", b"II", first_box(b"isom", b"iso2", b"mp41"), b"\xff\xd8", b"%PD"])
def test_other_bytes_have_no_unsupported_format(content):
    require_supported_format(content)


@given(st.sampled_from(["PNG", "JPEG", "WEBP", "BMP"]), st.integers(1, 300))
def test_supported_file_is_never_taken_for_an_unsupported_format(file_format, side):
    require_supported_format(encode_picture(draw(3, side=max(side, 24)), file_format))


def encode_jpeg(mode, **options):
    return encode_picture(Image.fromarray(DRAWING).convert(mode), "JPEG", **options)


def decode(content):
    return decode_file(io.BytesIO(content), 1_000_000)


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
        assert len(complete_variants(complete[:-2] + last_scan * (scans - 6))) == variants


def test_only_a_jpeg_without_an_end_marker_has_variants():
    complete = encode_jpeg("L")
    for content in (complete, complete + b"film", encode_picture(DRAWING), b"", b"\xff\xd8", b"text"):
        assert complete_variants(content) == [content]
    for variant in complete_variants(complete[:-2]):
        assert np.array_equal(decode(variant), decode(complete))
