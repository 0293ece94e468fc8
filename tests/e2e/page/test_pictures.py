"""The drawing page in Chromium: pictures of all kinds and sizes, and files that are no pictures."""

import csv
import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.conftest import ROOT
from tests.drawing import draw
from tests.e2e.browser import BROWSER_MARKS

pytestmark = BROWSER_MARKS

CASES = ROOT / "tests" / "cases"
WITHOUT_PICTURE = ("notes.txt", "text/plain", b"milk, bread")


def encoded(picture, file_format, **options):
    """Write a picture as a file, in bytes."""
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def digit_file(digit, file_format="PNG", **options):
    """Draw a digit as a file: name, media type and bytes."""
    data = encoded(Image.fromarray(draw(digit)), file_format, **options)
    return f"{digit}.{file_format.lower()}", f"image/{file_format.lower()}", data


def large_photo(digit, width, height, noise):
    """Draw a digit on a large picture with noise, whose level decides the size of the file."""
    small = Image.fromarray(draw(digit, foreground=40, background=200)).resize((width, height))
    rng = np.random.default_rng(0)
    noisy = np.asarray(small, np.int16)[..., None] + rng.integers(-noise, noise + 1, (height, width, 3), np.int16)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def test_page_predicts_the_digit_of_a_dropped_picture(open_page):
    drawing_page = open_page()
    drawing_page.drop(digit_file(5))
    drawing_page.expect_prediction(5)
    expect(drawing_page.page.locator("#status")).to_be_empty()


def test_keyboard_reaches_the_file_input_and_page_predicts_the_digit_of_the_chosen_picture(open_page):
    drawing_page = open_page()
    for _ in range(10):
        drawing_page.page.keyboard.press("Tab")
        if drawing_page.page.evaluate("document.activeElement.id") == "file":
            break
    assert drawing_page.page.evaluate("document.activeElement.id") == "file"
    name, media_type, data = digit_file(6)
    drawing_page.page.set_input_files("#file", {"name": name, "mimeType": media_type, "buffer": data})
    drawing_page.expect_prediction(6)


@pytest.mark.parametrize(
    ("name", "digit"),
    [(row["file"], int(row["digit"])) for row in csv.DictReader((CASES / "expected.csv").read_text().splitlines())],
)
def test_page_predicts_the_digit_of(open_page, name, digit):
    drawing_page = open_page()
    drawing_page.drop((name, f"image/{name[-3:].replace('jpg', 'jpeg')}", (CASES / name).read_bytes()))
    drawing_page.expect_prediction(digit)


@pytest.mark.parametrize("file_format", ["GIF", "AVIF", "ICO"])
def test_page_takes_formats_that_the_service_does_not_know(open_page, file_format):
    drawing_page = open_page()
    drawing_page.drop(digit_file(2, file_format))
    drawing_page.expect_prediction(2)


def test_page_takes_a_vector_graphic(open_page):
    drawing_page = open_page()
    seven = b'<path d="M2 2H7L4 8" fill="none" stroke="red"/>'
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">%s</svg>' % seven
    drawing_page.drop(("7.svg", "image/svg+xml", svg))
    drawing_page.expect_prediction(7)


def test_size_makes_no_photo_fail(open_page):
    drawing_page = open_page()
    photo = encoded(large_photo(3, 6000, 4000, noise=8), "JPEG", quality=85)  # 24 megapixels
    large_file = encoded(large_photo(9, 3000, 2400, noise=90), "PNG")
    assert len(large_file) > 17_000_000
    drawing_page.drop(("photo.jpg", "image/jpeg", photo))
    drawing_page.expect_prediction(3)
    drawing_page.drop(("photo.png", "image/png", large_file))
    drawing_page.expect_prediction(9)


def test_white_strokes_on_a_transparent_picture_are_visible_and_predicted(open_page):
    strokes = Image.fromarray(draw(4, foreground=255, background=0))
    picture = Image.merge("LA", (Image.new("L", strokes.size, 255), strokes))
    drawing_page = open_page()
    drawing_page.drop(("4.png", "image/png", encoded(picture, "PNG")))
    drawing_page.expect_prediction(4)
    shown = drawing_page.page.evaluate(
        """() => {
            const canvas = document.getElementById("canvas");
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const reds = data.filter((_, index) => index % 4 === 0).sort();
            return [reds[0], reds.at(-1)];
        }"""
    )
    assert shown[1] - shown[0] > 50


def test_file_that_is_no_picture_leaves_the_drawing_alone(open_page):
    drawing_page = open_page()
    drawing_page.draw(7)
    drawing_page.expect_prediction(7)
    drawing_page.drop(WITHOUT_PICTURE)
    drawing_page.expect_status("cannot open the file as a picture")
    drawing_page.expect_prediction(7)
    drawing_page.page.locator("#undo").click()  # the bar of the 7
    drawing_page.page.locator("#undo").click()  # and the rest of it: nothing else is in the history
    expect(drawing_page.page.locator("#digit")).to_be_empty()
    expect(drawing_page.page.locator("#status")).to_be_empty()


def test_first_of_two_dropped_files_is_used_and_the_page_says_so(open_page):
    drawing_page = open_page()
    drawing_page.drop(digit_file(2), digit_file(5))
    drawing_page.expect_prediction(2)
    drawing_page.expect_status("Of 2 files, only the first one is used.")


def test_stroke_on_a_picture_starts_a_drawing_and_undo_brings_the_picture_back(open_page):
    drawing_page = open_page()
    drawing_page.drop(digit_file(5))
    drawing_page.expect_prediction(5)
    drawing_page.draw(1)
    drawing_page.expect_prediction(1)
    drawing_page.page.locator("#undo").click()
    drawing_page.expect_prediction(5)


def test_picture_without_a_digit_gets_advice_in_plain_words(open_page):
    drawing_page = open_page()
    drawing_page.drop(("blank.png", "image/png", encoded(Image.new("L", (64, 64), 255), "PNG")))
    drawing_page.expect_status("Nothing to see yet. Draw a digit, or choose a darker photo.")
    expect(drawing_page.page.locator("#digit")).to_be_empty()
    assert_only_status_errors(drawing_page, 422)


def test_several_digits_have_a_message_of_their_own_and_no_digit(open_page):
    drawing_page = open_page()
    two = np.hstack([draw(3, height=0.5), draw(4, height=0.5)])
    drawing_page.drop(("34.png", "image/png", encoded(Image.fromarray(two), "PNG")))
    drawing_page.expect_status("There is more than one digit. Show one at a time.")
    expect(drawing_page.page.locator("#digit")).to_be_empty()
    assert_only_status_errors(drawing_page, 422)


def assert_only_status_errors(drawing_page, status):
    """Check that the console has only the lines that Chromium writes about answers with a status, and forget them."""
    assert drawing_page.errors
    assert all(str(status) in error for error in drawing_page.errors)
    drawing_page.errors.clear()
