"""The first inputs of the target `picture`: small files of all supported formats, in many modes."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from tests.drawing import draw
from tests.fuzzing import bodies
from tests.hostile import SENT_TEXT

CASES = Path(__file__).parents[1] / "cases"
DECODE, ARRAY, RAW, FORM, WHOLE_FORM, OTHER_TYPE, COMPRESSED = 0, 3, 4, 5, 6, 7, 128  # first choice of an input
MAX_SMALL_BYTES = 2500
# Empty parts that decoders skip.
PNG_COMMENT, JPEG_COMMENT, WEBP_CHUNK = b"\0\0\0\0tEXt\0\0\0\0", b"\xff\xfe\0\2", b"ABCD\0\0\0\0"


def picture_files():
    """Yield the files of `tests/cases`, small files of all supported formats, and of some others."""
    for pattern in ("*.png", "*.jpg"):
        yield from (path.read_bytes() for path in sorted(CASES.glob(pattern)))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation
    grey = Image.fromarray(draw(3, side=40))
    colour = Image.merge("RGB", (grey, grey.point(lambda value: 255 - value // 2), grey))
    clear = Image.merge("RGBA", (*colour.split(), grey.point(lambda value: 255 - value)))
    for picture in (grey.convert("1"), grey, colour.convert("P"), colour, clear):
        yield _encode(picture, "PNG", exif=exif)
        yield _encode(picture, "BMP")
    yield _encode(clear.convert("LA"), "PNG")
    yield _encode(Image.fromarray(np.asarray(grey, np.uint16) * 257), "PNG")
    yield _encode(colour.convert("P"), "PNG", transparency=0)
    jpeg_options: list[dict[str, object]] = [{}, {"progressive": True}, {"exif": exif}, {"restart_marker_rows": 1}]
    for options in jpeg_options:
        yield _encode(colour, "JPEG", quality=5, **options)
        yield _encode(grey, "JPEG", **options)
    yield _encode(colour.convert("CMYK"), "JPEG", progressive=True)
    yield _encode(grey, "JPEG", progressive=True)[:-2]
    yield _encode(grey, "JPEG")[:-40]
    webp_options: list[dict[str, object]] = [{}, {"lossless": True}, {"exif": exif}, {"append_images": [clear]}]
    for options in webp_options:
        yield _encode(clear, "WEBP", save_all="append_images" in options, **options)
        yield _encode(colour, "WEBP", save_all="append_images" in options, **options)
    yield from (_encode(grey, file_format) for file_format in ("GIF", "TIFF", "PPM", "ICO"))
    yield from (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1", b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", b"%PDF-1.4", b"")


def _encode(picture, file_format, **options):
    file = io.BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()


def picture_seeds():
    """Yield the inputs: files for the decoder, requests with files, forms, and pictures without a file."""
    small = []
    for index, file in enumerate(picture_files()):
        yield bytes((DECODE, 0, 0, 0)) + file
        if len(file) > MAX_SMALL_BYTES:
            continue
        small.append(file)
        kind, coding = (RAW, FORM, WHOLE_FORM)[index % 3], index % 8 if index % 2 else 0
        yield bytes((kind, 0, coding, index)) + (bodies.form(file) if kind == WHOLE_FORM else file)
        if file.startswith(bodies.PNG_START):
            yield bytes((COMPRESSED | DECODE, 0, 0, 0)) + bodies.decompress_png(file)
    two, blank = np.hstack([draw(1, side=40), draw(7, side=40)]), np.full((40, 40), 200, np.uint8)
    yield from (bytes((RAW, 0, 0, 0)) + _encode(Image.fromarray(array), "PNG") for array in (two, blank))
    yield from _limit_seeds()
    yield from _form_seeds(min(small[:10], key=len))
    for digit in range(10):
        side = 12 + digit
        head, grey = bytes((side - 1, side - 1)), draw(digit, side=side)
        yield bytes((ARRAY, 0, 0, 0)) + head + grey.tobytes()
        yield bytes((ARRAY, 1, 0, 0)) + head + np.stack([grey, 255 - grey, grey], axis=2).tobytes()


def _limit_seeds():
    """Yield pictures with too many pixels, and files with too many chunks or segments."""
    digit = Image.fromarray(draw(3, side=20))
    png, jpeg, webp = (_encode(digit, file_format) for file_format in ("PNG", "JPEG", "WEBP"))
    (_, head), *chunks = bodies.read_chunks(png)
    large = bodies.write_png([(b"IHDR", b"\0\0\xff\xff" * 2 + head[8:]), *chunks])
    yield from (bytes((kind, 0, 0, 0)) + large for kind in (DECODE, RAW))
    comment, segment, chunk = (bodies.REPEAT + part + bodies.REPEAT for part in (PNG_COMMENT, JPEG_COMMENT, WEBP_CHUNK))
    for file in (png[:33] + comment + png[33:], jpeg[:2] + segment + jpeg[2:], webp + chunk):
        yield bytes((DECODE, 0, 15 << 3, 0)) + file


def _form_seeds(file):
    """Yield requests with forms that have other fields, other names, or another head."""
    sent = SENT_TEXT.encode()
    fields = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 3
    for form in (fields + bodies.form(file, b"file", sent), bodies.form(file, sent, sent)):
        yield bytes((WHOLE_FORM, 0, 0, 2)) + form
    yield bytes((WHOLE_FORM, 0, 0, 2)) + b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n1\r\n--x--\r\n'
    # Names that are not valid in these codecs of Python.
    for charset, name in ((b"utf-8", b"\xff"), (b"idna", b"xn--a"), (b"punycode", b"a-99999999"), (b"undefined", b"a")):
        line = b'multipart/form-data; boundary="x"; charset=%b\n' % charset
        yield bytes((OTHER_TYPE, 0, 0, 3)) + line + bodies.form(file, name, name)
    for parameters in (b"", b"; boundary=y"):
        yield bytes((OTHER_TYPE, 0, 0, 3)) + b"multipart/form-data" + parameters + b"\n" + bodies.form(file)
