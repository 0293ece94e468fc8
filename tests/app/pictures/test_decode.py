"""Decoding of picture files: every supported kind of file, and files that are damaged or too large.

The files are sent to the service, so the tests also check the status that a client gets.
"""

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.pictures.decode import rotate_upright
from tests.conftest import ROOT
from tests.drawing import draw
from tests.picture_requests import encode_picture, is_answered, post_picture
from tests.problems import read_problem

DIGITS = range(10)
EXIF_ORIENTATION = 0x0112  # tag of the orientation
QUARTER_TURNS = {1: 0, 3: 2, 6: 1, 8: 3}  # EXIF orientation → quarter turns of the stored picture, anticlockwise


def make_transparent(drawing, mode="RGBA"):
    """Convert a drawing to black strokes on a transparent background, whose hidden colour is black too."""
    picture = Image.new("RGBA", drawing.shape[::-1])
    picture.putalpha(Image.fromarray(255 - drawing))
    return picture.convert(mode)


def encode_rotated(drawing, orientation, file_format):
    """Encode a drawing as a camera in the given EXIF orientation stores it."""
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    return encode_picture(np.rot90(drawing, QUARTER_TURNS[orientation]), file_format, exif=exif)


def decompression_bomb(side):
    """Build a PNG whose head announces side × side pixels, and whose compressed data is far smaller."""
    data = zlib.compress(bytes(1 + side) * 64, 9)
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


# Name → function from a drawing to a file and its media type.
VARIANTS = {
    "JPEG at quality 70": lambda d: (encode_picture(d, "JPEG", quality=70), "image/jpeg"),
    "progressive JPEG": lambda d: (encode_picture(d, "JPEG", progressive=True), "image/jpeg"),
    "JPEG in CMYK": lambda d: (encode_picture(Image.fromarray(d).convert("CMYK"), "JPEG"), "image/jpeg"),
    "WebP": lambda d: (encode_picture(d, "WEBP"), "image/webp"),
    "transparent WebP": lambda d: (encode_picture(make_transparent(d), "WEBP"), "image/webp"),
    "BMP": lambda d: (encode_picture(d, "BMP"), "image/bmp"),
    "colours": lambda d: (encode_picture(Image.fromarray(d).convert("RGB")), "image/png"),
    "palette": lambda d: (encode_picture(Image.fromarray(d).convert("P")), "image/png"),
    "palette with a transparent colour": lambda d: (
        encode_picture(Image.fromarray(d).convert("P"), transparency=255),
        "image/png",
    ),
    "black and white": lambda d: (encode_picture(Image.fromarray(d).convert("1")), "image/png"),
    "16 bits": lambda d: (encode_picture(d.astype(np.uint16) * 257), "image/png"),
    "transparent PNG": lambda d: (encode_picture(make_transparent(d)), "image/png"),
    "transparent PNG in grey": lambda d: (encode_picture(make_transparent(d, "LA")), "image/png"),
    "inverted": lambda d: (encode_picture(255 - d), "image/png"),
    "shaded background": lambda d: (
        encode_picture((d * np.linspace(0.5, 0.85, d.shape[1])).astype(np.uint8)),
        "image/png",
    ),
    "unreadable EXIF data": lambda d: (encode_picture(d, "JPEG", exif=b"Exif\0\0garbage"), "image/jpeg"),
    "media type with a parameter": lambda d: (encode_picture(d, "JPEG"), "image/jpeg; charset=binary"),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_all_digits_are_predicted_from_every_kind_of_file(client, variant):
    replies = [post_picture(client, *VARIANTS[variant](draw(digit))).json() for digit in DIGITS]
    assert [reply["digit"] for reply in replies] == list(DIGITS)


@pytest.mark.parametrize("side", [24, 56, 1000, 2000, 3500])
def test_digits_are_predicted_from_small_and_large_pictures(client, side):
    replies = [post_picture(client, encode_picture(draw(digit, side=side))).json() for digit in (2, 5)]
    assert [reply["digit"] for reply in replies] == [2, 5]


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_picture_is_rotated_by_its_exif_orientation(client, orientation, file_format):
    data = encode_rotated(draw(7), orientation, file_format)
    assert post_picture(client, data, f"image/{file_format.lower()}").json()["digit"] == 7


class PictureWithoutMemory(Image.Image):
    """A picture whose EXIF data does not fit into memory."""

    def getexif(self):
        raise MemoryError


def test_picture_that_cannot_be_rotated_for_lack_of_memory_is_not_predicted_unrotated():
    with pytest.raises(MemoryError):
        rotate_upright(PictureWithoutMemory(), Image.new("L", (1, 1)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        encode_picture(draw(3), "PPM"),
        encode_picture(draw(3))[:300],
        encode_picture(draw(3), "JPEG")[:600],
        encode_picture(draw(3), "WEBP")[:300],
        encode_picture(draw(3), "BMP")[:3000],
    ],
)
def test_unknown_or_damaged_file_is_rejected(client, data):
    problem = read_problem(post_picture(client, data))
    assert problem["detail"].startswith("the body is not a picture that can be decoded: PNG, JPEG, WebP or BMP")


@pytest.mark.parametrize("side", [4001, 20_000, 2_000_000])
def test_decompression_bomb_is_rejected_by_its_announced_size(client, side):
    reply = post_picture(client, decompression_bomb(side))
    assert is_answered(reply)
    detail = "The picture must have at most 16000000 pixels, and 65535 along a side."
    assert read_problem(reply, 413)["detail"] == detail


def test_jpeg_with_too_many_scans_or_segments_is_rejected(client):
    data = encode_picture(draw(3, side=60), "JPEG", progressive=True)
    last_scan = data.rfind(b"\xff\xda")
    many_scans = data[:-2] + data[last_scan:-2] * 300 + data[-2:]
    read_problem(post_picture(client, many_scans, "image/jpeg"))
    many_segments = data[:2] + b"\xff\xe3\x00\x02" * 9000 + data[2:]
    read_problem(post_picture(client, many_segments, "image/jpeg"))


def test_photo_with_an_appended_film_is_decoded(client):
    film = np.random.default_rng(0).bytes(8_000_000)
    assert post_picture(client, encode_picture(draw(3), "JPEG") + film, "image/jpeg").json()["digit"] == 3


def test_webp_may_have_a_third_of_the_pixels(make_client):
    client = make_client(max_picture_pixels=3 * 100 * 100)
    largest_webp = encode_picture(draw(3, side=100), "WEBP")
    assert post_picture(client, largest_webp, "image/webp").json()["digit"] == 3
    reply = post_picture(client, encode_picture(draw(3, side=101), "WEBP"))
    assert "10000 pixels" in read_problem(reply, 413)["detail"]
    assert post_picture(client, encode_picture(draw(3, side=101))).json()["digit"] == 3


def exif_with_orientation_behind(size):
    """Build EXIF data with the orientation 6 in a directory at the given position."""
    directory = struct.pack("<HHHII", 1, EXIF_ORIENTATION, 3, 1, 6)
    return b"Exif\0\0II*\0" + struct.pack("<I", 8 + size) + bytes(size) + directory + bytes(4)


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_only_the_first_64_kib_of_exif_data_are_parsed(client, file_format):
    lying = np.rot90(draw(7))
    for size, is_parsed in ((1000, True), (70_000, False)):
        data = encode_picture(lying, file_format, exif=exif_with_orientation_behind(size))
        reply = post_picture(client, data, f"image/{file_format.lower()}").json()
        assert (reply["pixels"] == post_picture(client, encode_picture(draw(7))).json()["pixels"]) == is_parsed


def test_no_text_of_a_warning_is_kept():
    entries = b"".join(struct.pack("<HHII", tag, 1, 2**31 + tag, 0) for tag in range(100))
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 100) + entries + bytes(4)
    script = """
import io, sys
from PIL import TiffImagePlugin
from app.pictures.decode import decode
decode(io.BytesIO(sys.stdin.buffer.read()), 1_000_000)
print(sum(isinstance(key, tuple) for key in getattr(TiffImagePlugin, "__warningregistry__", ())))
"""
    data = encode_picture(draw(7), "JPEG", exif=exif)
    command = [sys.executable, "-c", script]
    assert subprocess.run(command, input=data, capture_output=True, check=True, cwd=ROOT).stdout == b"0\n"


@given(data=st.data())
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "BMP"])
def test_file_with_any_damage_is_answered_without_a_server_error(client, file_format, data):
    damaged = bytearray(encode_picture(draw(5, side=40), file_format))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    assert is_answered(post_picture(client, bytes(damaged)))


@pytest.mark.parametrize("shape", [(20, 30_000), (30_000, 20), (1, 2048), (1025, 1)])
def test_a_long_narrow_jpeg_is_decoded(client, shape):
    stripes = np.full(shape, 255, np.uint8)
    stripes[shape[0] // 3 : shape[0] // 2 + 1, shape[1] // 3 : shape[1] // 2 + 1] = 0
    reply = post_picture(client, encode_picture(stripes, "JPEG"), "image/jpeg")
    assert reply.status_code == 200 or read_problem(reply)["detail"].startswith("the body shows")
