"""A PNG is reduced to what decoding needs, and the chunks of PNG and WebP files are limited."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.pictures.chunks import MAX_CHUNKS, count_lossless_bytes, reduce_png
from app.pictures.decode import MAX_LOSSLESS_BYTES, MAX_LOSSLESS_PIXELS, decode
from app.pictures.errors import PictureTooLargeError, UndecodableError
from tests.drawing import draw
from tests.picture_requests import encode_picture, post_picture

DRAWING = draw(3, side=200)
PNG = encode_picture(DRAWING)
NOISE = np.random.default_rng(0)


def png_chunk(name, body=b""):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def add_chunks(data, *chunks):
    """Insert chunks before the first chunk with pixels."""
    start = data.index(b"IDAT") - 4
    return data[:start] + b"".join(chunks) + data[start:]


def split_pixels(data, size):
    """Split the pixels of a PNG into chunks of a size."""
    start, end = data.index(b"IDAT") - 4, data.rindex(b"IEND") - 4
    stream = b"".join(data[p + 8 : p + 8 + length] for p, length in idat_positions(data))
    pieces = [png_chunk(b"IDAT", stream[position : position + size]) for position in range(0, len(stream), size)]
    return data[:start] + b"".join(pieces) + data[end:]


def idat_positions(data):
    """Yield the position and the size of each chunk with pixels."""
    position = data.index(b"IDAT") - 4
    while data[position + 4 : position + 8] == b"IDAT":
        (size,) = struct.unpack_from(">I", data, position)
        yield position, size
        position += 12 + size


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content), formats=["PNG"]).convert("RGBA"))


@given(
    mode=st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]),
    text=st.dictionaries(st.text("abc", min_size=1, max_size=9), st.text(max_size=99), max_size=3),
    options=st.fixed_dictionaries(
        {},
        optional={
            "transparency": st.just(0),
            "icc_profile": st.binary(min_size=1, max_size=300),
            "dpi": st.just((72, 72)),
            "compress_level": st.integers(0, 9),
        },
    ),
)
def test_reduced_png_has_the_pixels_of_the_file_that_pillow_wrote(mode, text, options):
    if "transparency" in options:
        mode, options["transparency"] = {"RGB": ("RGB", (0, 0, 0)), "P": ("P", 0)}.get(mode, ("L", 0))
    info = PngInfo()
    for name, value in text.items():
        info.add_text(name, value)
    content = encode_picture(Image.fromarray(DRAWING).convert(mode), pnginfo=info, **options)
    reduced = reduce_png(content)
    assert len(reduced) <= len(content)
    assert np.array_equal(pixels(reduced), pixels(content))


@pytest.mark.parametrize("size", [1024, 8192])
def test_large_png_is_decoded_whatever_the_size_of_its_chunks(client, size):
    digit = np.asarray(Image.fromarray(draw(7)).resize((2800, 2800))) & 0xFE
    large = encode_picture(digit | NOISE.integers(0, 2, digit.shape, dtype=np.uint8) * 63, compress_level=0)
    large = split_pixels(large, size)
    assert 7_800_000 < len(large) < 8 * 1024 * 1024
    assert post_picture(client, large).json()["digit"] == 7


def test_comments_and_profiles_are_not_decompressed():
    bomb = zlib.compress(bytes(1_000_000), 9)
    texts = [png_chunk(name, b"a\0\0" + bomb) for name in (b"zTXt", b"iCCP")]
    others = [png_chunk(b"iTXt", b"a\0\1\0\0\0" + bomb), png_chunk(b"tEXt", b"a\0b"), png_chunk(b"prVt", b"b")]
    frames = [png_chunk(b"acTL", struct.pack(">II", 9, 0)), png_chunk(b"fcTL", bytes(26)), png_chunk(b"fdAT", bytes(9))]
    hostile = add_chunks(PNG, *texts * 20, *others, *frames)
    assert reduce_png(hostile + b"behind the end") == PNG
    assert reduce_png(PNG + png_chunk(b"IDAT", b"behind the end")) == PNG


def test_number_of_png_chunks_is_limited():
    assert (PNG.count(b"IHDR"), PNG.count(b"IDAT"), PNG.count(b"IEND")) == (1, 1, 1)
    chunks = [png_chunk(b"prVt")] * (MAX_CHUNKS - 3)
    assert reduce_png(add_chunks(PNG, *chunks)) == PNG
    with pytest.raises(UndecodableError):
        reduce_png(add_chunks(PNG, *chunks, png_chunk(b"IDAT")))


@given(st.data())
def test_damaged_or_arbitrary_png_raises_no_other_error(data):
    content = bytearray(PNG[: data.draw(st.integers(8, len(PNG)))])
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    reduced = reduce_png(bytes(content))
    assert reduce_png(reduced) == reduced


@pytest.mark.parametrize(
    "content", [b"", b"text", PNG[:7], encode_picture(DRAWING, "JPEG"), encode_picture(DRAWING, "BMP")]
)
def test_other_files_are_not_changed(content):
    assert reduce_png(content) == content


@pytest.mark.parametrize("colour_type", [0, 2, 4, 6])
@pytest.mark.parametrize("depth", [8, 16])
def test_png_with_16_bits_for_several_colours_may_have_half_of_the_pixels(depth, colour_type):
    row = bytes(1 + 100 * depth // 8 * {0: 1, 2: 3, 4: 2, 6: 4}[colour_type])
    header = struct.pack(">IIBBBBB", 100, 100, depth, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(row * 100)), (b"IEND", b"")]
    # A chunk before the header must not hide the depth.
    content = PNG[:8] + png_chunk(b"eXIf", b"II*\0") + b"".join(png_chunk(*chunk) for chunk in chunks)
    factor = 2 if depth == 16 and colour_type else 1
    decode(io.BytesIO(content), 10_000 * factor)
    with pytest.raises(PictureTooLargeError, match="at most 9999 pixels"):
        decode(io.BytesIO(content), 9_999 * factor)


def encode_noise(width, height, mode, **options):
    """Encode random pixels as WebP: 96,000 of them have more lossless bytes than a large picture may have."""
    channels = {"RGB": 3, "RGBA": 4}[mode]
    return encode_picture(NOISE.integers(0, 256, (height, width, channels), dtype=np.uint8), "WEBP", **options)


@pytest.mark.parametrize(("mode", "options"), [("RGB", {"lossless": True}), ("RGBA", {"quality": 1})], ids=str)
def test_lossless_webp_with_many_bytes_may_have_fewer_pixels(mode, options):
    at_limit = encode_noise(400, 240, mode, **options)
    assert MAX_LOSSLESS_PIXELS == 400 * 240
    assert count_lossless_bytes(at_limit) > MAX_LOSSLESS_BYTES
    decode(io.BytesIO(at_limit), 1_000_000)
    with pytest.raises(PictureTooLargeError, match="at most 96000 pixels"):
        decode(io.BytesIO(encode_noise(401, 240, mode, **options)), 1_000_000)


def test_lossless_webp_may_not_have_more_pixels_than_any_other_webp():
    with pytest.raises(PictureTooLargeError, match="at most 10000 pixels"):
        decode(io.BytesIO(encode_noise(200, 100, "RGB", lossless=True)), 30_000)


@pytest.mark.parametrize(("position", "is_rotated"), [(65_000, True), (66_000, False)])
def test_only_the_first_64_kib_of_exif_data_are_parsed(position, is_rotated):
    orientation = struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)  # of the camera: rotated to the left
    exif = (b"II*\0" + struct.pack("<I", position)).ljust(position) + orientation
    upright, rotated = (
        decode(io.BytesIO(PNG), 40_000),
        decode(io.BytesIO(add_chunks(PNG, png_chunk(b"eXIf", exif))), 40_000),
    )
    assert np.array_equal(rotated, np.rot90(upright, -1) if is_rotated else upright)


@pytest.mark.parametrize("lossless", [False, True])
def test_large_webp_is_predicted_if_it_has_few_lossless_bytes(client, lossless):
    drawing = Image.fromarray(draw(7)).resize((2000, 2000)).convert("RGBA")
    assert post_picture(client, encode_picture(drawing, "WEBP", lossless=lossless), "image/webp").json()["digit"] == 7


def webp(*chunks):
    body = b"WEBP" + b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_lossless_bytes_are_counted_in_every_frame():
    frame = bytes(16) + webp((b"ALPH", bytes(7)), (b"VP8 ", bytes(100)))[12:]
    chunks = [(b"VP8X", bytes(10)), (b"ANMF", frame), (b"VP8L", bytes(5)), (b"EXIF", bytes(9)), (b"ANMF", frame)]
    assert count_lossless_bytes(webp(*chunks)) == 7 + 5 + 7


@pytest.mark.parametrize("animated", [False, True])
def test_lossless_bytes_of_files_that_pillow_wrote(animated):
    options = (
        {"save_all": True, "append_images": [Image.fromarray(DRAWING).rotate(9).convert("RGB")]} if animated else {}
    )
    content = encode_picture(Image.fromarray(DRAWING).convert("RGB"), "WEBP", lossless=True, **options)
    assert 0 < len(content) - count_lossless_bytes(content) < (200 if animated else 50)
    assert count_lossless_bytes(encode_picture(Image.fromarray(DRAWING).convert("RGB"), "WEBP")) == 0


def test_number_of_webp_chunks_is_limited():
    chunks = [(b"abcd", b"")] * MAX_CHUNKS
    assert count_lossless_bytes(webp(*chunks)) == 0
    with pytest.raises(UndecodableError):
        count_lossless_bytes(webp(*chunks, (b"abcd", b"")))


@given(st.binary(max_size=60))
def test_arbitrary_webp_raises_no_error(data):
    assert count_lossless_bytes(b"RIFF    WEBP" + data) >= 0
