"""JPEG files of one drawn digit, 200×200 pixels."""

import io

from PIL import Image

from app.pictures.decode import decode as decode_file
from tests.drawing import draw
from tests.picture_requests import encode_picture

DRAWING = draw(3, side=200)


def encode_jpeg(mode, **options):
    """Encode the drawing in one of Pillow's modes, with options of Pillow's encoder."""
    return encode_picture(Image.fromarray(DRAWING).convert(mode), "JPEG", **options)


def decode(content, max_pixels=1_000_000):
    """Decode the bytes of a file."""
    return decode_file(io.BytesIO(content), max_pixels)
