"""A JPEG is reduced to what decoding needs, and hostile structures are rejected."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.pictures.errors import PictureTooLargeError, UndecodableError
from app.pictures.jpeg import (
    JPEG_END,
    JPEG_SCAN,
    MAX_JPEG_HEAD_BYTES,
    MAX_SCANS,
    MAX_SEGMENTS,
    TOO_MANY_FILL_BYTES,
    complete_variants,
    count_scans,
    find_segments,
    reduce_jpeg,
    require_few_scans,
)
from tests.drawing import draw
from tests.jpegs import DRAWING, decode, encode_jpeg
from tests.picture_requests import encode_picture, post_picture


def segment(marker, body=b""):
    """Build a segment from its marker and its content."""
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body


def add_to_head(data, *segments):
    """Insert segments behind the start marker."""
    return data[:2] + b"".join(segments) + data[2:]


def with_scans(progressive, number):
    """Repeat the last scan of a progressive JPEG until the file has the number of scans."""
    start = progressive.rindex(JPEG_SCAN)
    return progressive[:-2] + progressive[start:-2] * (number - progressive.count(JPEG_SCAN)) + JPEG_END


def encode_orientation(number):
    """Build EXIF data with an orientation."""
    exif = Image.Exif()
    exif[0x0112] = number
    return exif.tobytes()


def film(size=4_000_000):
    return np.random.default_rng(0).bytes(size)


@pytest.mark.parametrize(("max_pixels", "limit"), [(40_000, 20), (80_000, 40), (1_000_000, MAX_SCANS)])
def test_number_of_scans_is_limited_by_the_pixels(max_pixels, limit):
    progressive = encode_jpeg("L", progressive=True)
    decode(with_scans(progressive, limit), max_pixels)
    with pytest.raises(UndecodableError):
        decode(with_scans(progressive, limit + 1), max_pixels)


@pytest.mark.parametrize("scans", [10, 14, 18])
def test_largest_picture_may_have_the_scans_that_encoders_write(scans):
    require_few_scans(scans, 16_000_000, 16_000_000)


@pytest.mark.slow
def test_progressive_photo_of_16_megapixels_is_predicted(client):
    photo = encode_picture(Image.fromarray(draw(7)).resize((4000, 4000)).convert("RGB"), "JPEG", progressive=True)
    assert post_picture(client, photo, "image/jpeg").json()["digit"] == 7


@pytest.mark.parametrize("progressive", [False, True])
def test_scans_in_a_thumbnail_or_behind_the_end_marker_are_not_counted(progressive):
    complete = encode_jpeg("L", progressive=progressive)
    thumbnail = segment(0xE1, b"Exif\0\0" + complete)
    photo = add_to_head(complete, thumbnail) + film() + with_scans(encode_jpeg("L", progressive=True), MAX_SCANS + 1)
    assert count_scans(photo) == complete.count(JPEG_SCAN)
    assert np.array_equal(decode(photo), decode(complete))


@pytest.mark.parametrize("marker", [0xFE, 0xE3, 0xC4, 0xDB])
@pytest.mark.parametrize("body", [JPEG_END, JPEG_SCAN, b"\xff"])
def test_markers_in_a_segment_between_two_scans_are_not_counted(marker, body):
    progressive = encode_jpeg("L", progressive=True)
    last_scan = progressive.rindex(JPEG_SCAN)
    hidden = progressive[:last_scan] + segment(marker, body) + progressive[last_scan:]
    assert count_scans(hidden) == progressive.count(JPEG_SCAN)
    assert [s.marker for s in find_segments(hidden)][-1] == JPEG_END


@pytest.mark.parametrize("marker", [b"\xff\x01", b"\xff\xbf", b"\xff\xd8"])
def test_marker_without_a_length_hides_nothing(marker):
    progressive = encode_jpeg("L", progressive=True)
    last_scan = progressive.rindex(JPEG_SCAN)
    content = progressive[:last_scan] + marker + progressive[last_scan:]
    assert count_scans(content) == progressive.count(JPEG_SCAN)


@pytest.mark.parametrize("length", [0, 1, 2])
def test_length_counts_its_own_two_bytes(length):
    empty_table = b"\xff\xc4" + length.to_bytes(2)
    content = add_to_head(encode_jpeg("L"), empty_table)
    assert reduce_jpeg(content) == content


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just(0xDA), st.binary(max_size=20)),
            st.tuples(st.sampled_from([0xC0, 0xC4, 0xDB, 0xDD, 0xE0, 0xE1, 0xFE]), st.binary(max_size=40)),
        )
    ),
    st.lists(st.sampled_from([b"\xff\x00", b"\xff\xd3", b"a", b"\0", b"\xff\xff\x00"])).map(b"".join),
)
def test_segments_are_found_as_they_were_written(parts, data):
    content = b"\xff\xd8" + b"".join(segment(marker, body) + data for marker, body in parts) + JPEG_END
    found = list(find_segments(content + JPEG_SCAN))
    assert [s.marker[1] for s in found] == [*(marker for marker, _ in parts), 0xD9]
    assert [content[s.start + 4 : s.end] for s in found[:-1]] == [body for _, body in parts]


def test_number_of_segments_is_limited():
    complete = encode_jpeg("L")
    assert len(list(find_segments(complete))) == 7  # JFIF, quantisation, frame, two Huffman tables, scan, end
    comments = [segment(0xFE)] * (MAX_SEGMENTS - 7)
    assert np.array_equal(decode(add_to_head(complete, *comments)), decode(complete))
    with pytest.raises(UndecodableError):
        decode(add_to_head(complete, *comments, segment(0xFE)))


def test_size_of_the_reduced_head_is_limited():
    complete = encode_jpeg("L")
    free = MAX_JPEG_HEAD_BYTES - (complete.index(JPEG_SCAN) - 2)
    tables = [segment(0xEE, b"Adobe".ljust(size - 4, b"\0")) for size in (50_000, 50_000, free - 100_000)]
    assert np.array_equal(decode(add_to_head(complete, *tables)), decode(complete))
    with pytest.raises(UndecodableError):
        decode(add_to_head(complete, *tables, segment(0xEE, b"Adobe")))


def test_fill_bytes_are_removed_from_the_head_and_limited_in_scans():
    complete, fill = encode_jpeg("L"), TOO_MANY_FILL_BYTES
    assert reduce_jpeg(add_to_head(complete, b"\xff" * 1_000_000)) == complete
    assert reduce_jpeg(add_to_head(complete, b"\xff\x00\0\xff\xd0" * 1_000_000)) == complete
    # The end marker begins with one of the bytes.
    assert np.array_equal(decode(complete[:-2] + fill[:-2] + JPEG_END), decode(complete))
    assert np.array_equal(decode(complete + fill), decode(complete))
    with pytest.raises(UndecodableError):
        decode(complete[:-2] + fill[:-1] + JPEG_END)


def test_reduced_jpeg_lacks_what_decoding_does_not_need():
    complete = encode_jpeg("L")
    profile, photoshop, preview = (0xE2, b"ICC_PROFILE\0\1\1"), (0xED, b"Photoshop 3.0\0"), (0xE2, b"MPF\0II*\0")
    dropped = [
        segment(0xFE, b"comment"),
        *(segment(marker, body * 100) for marker, body in (profile, photoshop, preview)),
    ]
    assert reduce_jpeg(add_to_head(complete, *dropped) + film(1000)) == complete


def test_only_the_first_exif_data_are_kept():
    exif = [b"Exif\0\0first", b"Exif\0\0second"]
    reduced = reduce_jpeg(add_to_head(encode_jpeg("L"), *(segment(0xE1, body) for body in exif)))
    assert exif[0] in reduced
    assert exif[1] not in reduced


@pytest.mark.parametrize("kind", [*(0xC3, 0xC5, 0xC6, 0xC7), *(0xC9, 0xCA, 0xCB), *(0xCD, 0xCE, 0xCF)])
def test_frame_of_an_unsupported_kind_is_rejected(kind):
    complete = encode_jpeg("L")
    with pytest.raises(UndecodableError):
        reduce_jpeg(complete.replace(b"\xff\xc0", bytes((0xFF, kind))))


@given(
    mode=st.sampled_from(["L", "RGB", "CMYK"]),
    options=st.fixed_dictionaries(
        {},
        optional={
            "progressive": st.booleans(),
            "optimize": st.booleans(),
            "quality": st.integers(1, 100),
            "subsampling": st.integers(0, 2),
            "restart_marker_blocks": st.integers(1, 50),
            "dpi": st.just((300, 300)),
            "comment": st.binary(max_size=300),
            "icc_profile": st.binary(min_size=1, max_size=70_000),
            "exif": st.integers(1, 8).map(encode_orientation),
            "xmp": st.binary(max_size=300),
        },
    ),
)
def test_reduced_jpeg_has_the_pixels_of_the_file_that_pillow_wrote(mode, options):
    if "subsampling" not in options:
        options["keep_rgb"] = True
    content = encode_jpeg(mode, **options)
    reduced = reduce_jpeg(content)
    assert len(reduced) <= len(content)
    assert complete_variants(reduced, count_scans(reduced)) == [reduced]
    before, after = (np.asarray(Image.open(io.BytesIO(file), formats=["JPEG"])) for file in (content, reduced))
    assert np.array_equal(before, after)


def test_segment_that_ends_before_its_name_is_not_needed():
    for name in (b"\xe0\0\0JFIF\0", b"\xe1\0\2Exif\0\0", b"\xee\0\2Adobe"):
        assert reduce_jpeg(b"\xff\xd8\xff" + name) == b"\xff\xd8"


@given(st.data())
def test_damaged_or_arbitrary_jpeg_raises_no_other_error(data):
    content = bytearray(encode_jpeg("L", progressive=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(0, 8))):
        content[data.draw(st.integers(2, len(content) - 1))] = data.draw(st.integers(0, 255))
    tail = data.draw(st.lists(st.sampled_from([b"\xff", b"\xda", b"\xd9", b"\0"])).map(b"".join))
    cut = bytes(content[: data.draw(st.integers(2, len(content)))]) + tail
    try:
        reduced = reduce_jpeg(cut)
    except UndecodableError:
        return
    assert reduce_jpeg(reduced) == reduced
    assert count_scans(reduced) == count_scans(cut)
    assert len(complete_variants(reduced, count_scans(reduced))) in (1, 2)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"text", encode_picture(DRAWING), b"BM" + film(100_000)])
def test_other_files_are_not_changed(content):
    assert reduce_jpeg(content) == content
    assert count_scans(content) == 0
    assert complete_variants(content, 0) == [content]


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_progressive_jpeg_of_four_colours_may_have_half_of_the_pixels(mode, progressive):
    content = encode_jpeg(mode, progressive=progressive)  # 40,000 pixels
    is_limited = progressive and mode == "CMYK"
    least = 80_000 if is_limited else 40_000
    decode(content, least)
    limit = 39_999
    with pytest.raises(PictureTooLargeError, match=f"at most {limit} pixels"):
        decode(content, 2 * limit if is_limited else limit)
