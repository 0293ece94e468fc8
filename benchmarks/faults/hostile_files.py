"""Picture files of at most 8 MiB that cost as much CPU time or memory as possible."""

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image

MAX_BYTES = 8 * 1024 * 1024 - 4096  # of the repeated parts; the rest of the file also counts
LARGE_SIDE = 4000
EXIF = b"Exif\0\0"
START_OF_SCAN = b"\xff\xda"


def hostile_files():
    """Build the files.

    Returns:
        The content of each file, by what it repeats.
    """
    png, jpeg = encode("PNG"), encode("JPEG")
    components = struct.pack(">BHHB", 8, 280, 280, 3) + b"\x01\x11\0" * 21_800
    return {
        "PNG chunks": insert(png, 8 + 25, filled(chunk(b"prVt"))),
        "PNG empty blocks": png_of_empty_blocks(),
        "PNG colour profiles": insert(png, 8 + 25, filled(chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2**20), 9)))),
        "JPEG fill bytes": insert(jpeg, 2, filled(b"\xff")),
        "JPEG restart markers": insert(jpeg, jpeg.index(START_OF_SCAN), filled(b"\xff\xd0")),
        "JPEG EXIF parts": insert(jpeg, 2, segment(0xE1, EXIF + bytes(1038)) * 8000),
        "JPEG EXIF warnings": insert(jpeg, 2, exif_warnings()),
        "JPEG components": insert(jpeg, 2, segment(0xC0, components) * 127),
        "JPEG scans of 16 megapixels": many_scans(240),
        "BMP runs of 4 megapixels": bmp_of_runs((b"\x01\x05" * 2000 + b"\0\0") * 2000, 2000),
        "BMP runs without pixels": bmp_of_runs(filled(b"\0\0") + (b"\xfa\x05" * 2 + b"\0\0") * 500, 500),
        "WebP prefix codes": webp_of_prefix_codes(),
    }


def png_of_empty_blocks():
    """Build a PNG whose compressed data begin with blocks that contain no data but a table of codes."""
    # The numbers of such a block and their widths in bits. Source: RFC 1951, section 3.2.7. The lengths of the code
    # lengths come first, in the order of that section; only the code lengths 1 and 18 occur.
    lengths = [(int(index in {2, 17}), 3) for index in range(18)]
    code_lengths = [(1, 1), (127, 7), (1, 1), (107, 7), (0, 1), (0, 1)]  # 138 + 118 zeros, and 1 for the end mark
    numbers = [(0, 1), (2, 2), (0, 5), (0, 5), (14, 4), *lengths, *code_lengths, (0, 1)]
    block = np.array([number >> bit & 1 for number, width in numbers for bit in range(width)], np.uint8)
    blocks = np.packbits(np.tile(block, MAX_BYTES // block.size * 8), bitorder="little").tobytes()
    pixels, compressor = bytes(281 * 280), zlib.compressobj(wbits=-15)
    end = compressor.compress(pixels) + compressor.flush() + struct.pack(">I", zlib.adler32(pixels))
    head = struct.pack(">IIBBBBB", 280, 280, 8, 0, 0, 0, 0)
    chunks = [chunk(b"IHDR", head), chunk(b"IDAT", b"\x78\x9c" + blocks + end), chunk(b"IEND")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def encode(file_format, side=280, **options):
    """Encode a picture of a vertical stroke."""
    pixels = np.full((side, side), 255, np.uint8)
    pixels[side // 5 : -side // 5, side * 9 // 20 : side * 11 // 20] = 0
    file = BytesIO()
    Image.fromarray(pixels).convert("RGB").save(file, file_format, **options)
    return file.getvalue()


def insert(content, index, part):
    """Insert a part into a file."""
    return content[:index] + part + content[index:]


def filled(part):
    """Repeat a part as often as a file may contain it."""
    return part * (MAX_BYTES // len(part))


def chunk(name, body=b""):
    """Build a chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def segment(marker, body):
    """Build a segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def exif_warnings():
    """Build EXIF data in which each entry lies outside of the data, so that Pillow warns with a text of its own."""
    entries = b"".join(struct.pack("<HHII", tag, 1, 2**31 + tag, 0) for tag in range(65_535))
    tiff = b"II*\0" + struct.pack("<IH", 8, 65_535) + entries + bytes(4)
    return b"".join(segment(0xE1, EXIF + tiff[start : start + 65_000]) for start in range(0, len(tiff), 65_000))


def many_scans(count):
    """Build a large progressive JPEG that repeats its last scan, each time over all pixels."""
    content = encode("JPEG", LARGE_SIDE, progressive=True, subsampling=0)
    last_scan = content[content.rindex(START_OF_SCAN) : -2]
    return insert(content, -2, last_scan * count)


def bmp_of_runs(runs, side):
    """Build a run-length encoded BMP, which Pillow decodes in Python."""
    palette = bytes(range(256)) * 4
    offset = 14 + 40 + len(palette)
    head = struct.pack("<2sIII", b"BM", offset + len(runs), 0, offset)
    return head + struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(runs), 0, 0, 256, 0) + palette + runs


def webp_of_prefix_codes():
    """Build a lossless WebP of 1024×1024 pixels, in which each block of 4×4 pixels has its own prefix codes.

    Source: RFC 9649, sections 3.4 to 3.7.
    """
    side = f"{1023:014b}"[::-1]
    head = f"{0x2F:08b}"[::-1] + side * 2 + "0" * 4 + "001" + "000"  # no alpha, no transform, no cache; 4×4 blocks
    code_lengths = "00001" + "000" * 2 + "100" + "000" * 8 + "100"  # symbols have the length 0 or 8
    all_bytes, one_symbol = code_lengths + "0" + "1" * 256, "1000"
    numbers = "".join(f"{block % 256:08b}{block // 256:08b}" for block in range(2**16))
    block_numbers = "0" + all_bytes + "0" * 24 + all_bytes + one_symbol * 3 + numbers
    bits = head + block_numbers + one_symbol * 5 * 2**16
    data = np.packbits(np.frombuffer(bits.encode(), np.uint8) - ord("0"), bitorder="little").tobytes() + bytes(64)
    riff = b"WEBPVP8L" + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(riff)) + riff
