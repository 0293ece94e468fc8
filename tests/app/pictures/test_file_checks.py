"""Files of known formats are rejected by the name of their format."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.pictures.file_checks import UNSUPPORTED_FORMATS, require_supported_format
from tests.drawing import draw
from tests.picture_requests import PATH, encode_picture, post_picture
from tests.problems import read_problem

DRAWING = draw(3, side=200)


def first_box(major_brand, *brands):
    """Build the first bytes of an AVIF, HEIC or MP4 file, whose first box lists the brands."""
    body = b"ftyp" + major_brand + bytes(4) + b"".join(brands)
    return (len(body) + 4).to_bytes(4) + body + bytes(100)


def bmp_head(compression, header_bytes=40):
    """Build the head of a BMP of 2×2 pixels with 8 bits each."""
    return b"BM" + bytes(12) + struct.pack("<IiiHHI", header_bytes, 2, 2, 1, 8, compression) + bytes(100)


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
    *(("RLE-compressed BMP", bmp_head(compression)) for compression in (1, 2)),
    ("RLE-compressed BMP", bmp_head(1, header_bytes=124)),
]


@pytest.mark.parametrize("is_form", [False, True])
@pytest.mark.parametrize(("name", "content"), UNSUPPORTED_FILES, ids=[name for name, _ in UNSUPPORTED_FILES])
def test_file_of_a_known_format_is_rejected_by_its_name(client, name, content, is_form):
    reply = client.post(PATH, files={"file": content}) if is_form else post_picture(client, content)
    detail = read_problem(reply, 415)["detail"]
    assert detail.startswith(f"{name} files are not supported. A picture must be image/png, image/jpeg")


def test_a_file_of_every_unsupported_format_is_tested():
    assert {name for name, _ in UNSUPPORTED_FILES} == set(UNSUPPORTED_FORMATS)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"GIF", b"II", first_box(b"isom", b"iso2", b"mp41"), b"\xff\xd8", b"%PD"),
        *(bmp_head(0), bmp_head(3), bmp_head(1, header_bytes=12)),
    ],
)
def test_other_bytes_have_no_unsupported_format(content):
    require_supported_format(content)


@given(st.sampled_from(["PNG", "JPEG", "WEBP", "BMP"]), st.integers(1, 300))
def test_supported_file_is_never_taken_for_an_unsupported_format(file_format, side):
    require_supported_format(encode_picture(draw(3, side=max(side, 24)), file_format))
