"""The drawing page in Chromium: pictures of all kinds and sizes."""

import csv

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.conftest import ROOT
from tests.drawing import draw
from tests.e2e.browser import BROWSER_MARKS, PREDICTIONS
from tests.picture_requests import digit_file, encode_picture

pytestmark = BROWSER_MARKS

CASES = ROOT / "tests" / "cases"


def large_photo(digit, width, height):
    """Draw a digit on a large picture."""
    return Image.fromarray(draw(digit, foreground=40, background=200)).resize((width, height)).convert("RGB")


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
    drawing_page.choose(digit_file(6))
    drawing_page.expect_prediction(6)


def test_page_predicts_the_digits_of_photos_and_scans(open_page):
    expected = {row["file"]: row["digit"] for row in csv.DictReader((CASES / "expected.csv").read_text().splitlines())}
    drawing_page, predicted = open_page(), {}
    digit = drawing_page.page.locator(".answer:not(.waiting) #digit")
    for name in expected:
        drawing_page.drop((name, f"image/{name[-3:].replace('jpg', 'jpeg')}", (CASES / name).read_bytes()))
        expect(digit).not_to_be_empty()
        predicted[name] = digit.inner_text()
        drawing_page.page.keyboard.press("Escape")
        expect(digit).to_be_empty()
    assert predicted == expected


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


def test_size_makes_no_photo_fail(open_page, tmp_path):
    drawing_page = open_page()
    large_photo(3, 6000, 4000).save(tmp_path / "3.jpg")  # 24 megapixels
    large_photo(9, 2400, 2400).save(tmp_path / "9.png", compress_level=0)
    assert (tmp_path / "9.png").stat().st_size > 17_000_000
    for name, digit in (("3.jpg", 3), ("9.png", 9)):
        with drawing_page.page.expect_request(PREDICTIONS) as request:
            drawing_page.page.set_input_files("#file", tmp_path / name)
        drawing_page.expect_prediction(digit)
        assert request.value.headers["content-type"] == "image/jpeg"  # a PNG of a photo is too large for some proxies
        assert request.value.sizes()["requestBodySize"] < 1_000_000


def test_same_file_can_be_chosen_twice_and_a_picture_can_be_pasted(open_page):
    drawing_page = open_page()
    for _ in range(2):
        drawing_page.choose(digit_file(6))
        drawing_page.expect_prediction(6)
        drawing_page.page.keyboard.press("Escape")
    drawing_page.page.evaluate(
        """bytes => {
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([new Uint8Array(bytes)], "2.png", {type: "image/png"}));
            document.dispatchEvent(new ClipboardEvent("paste", {clipboardData}));
        }""",
        list(digit_file(2)[2]),
    )
    drawing_page.expect_prediction(2)


def test_large_png_with_16_bits_is_copied_and_its_declared_type_does_not_matter(open_page):
    drawing_page = open_page()
    deep = encode_picture(Image.fromarray(draw(3).astype(np.uint16) * 257), "PNG")
    for data in (deep, deep + bytes(9_000_000)):
        drawing_page.drop(("3.tif", "image/tiff", data))
        drawing_page.expect_prediction(3)
        drawing_page.page.keyboard.press("Escape")


def test_white_strokes_on_a_transparent_picture_are_visible_and_predicted(open_page):
    strokes = Image.fromarray(draw(4, side=600, foreground=255, background=0))
    picture = Image.merge("LA", (Image.new("L", strokes.size, 255), strokes))
    drawing_page = open_page()
    with drawing_page.page.expect_request(PREDICTIONS) as request:
        drawing_page.drop(("4.png", "image/png", encode_picture(picture, "PNG")))
    drawing_page.expect_prediction(4)
    assert request.value.headers["content-type"] == "image/png"  # a JPEG would lose the transparency
    shown = drawing_page.page.evaluate(
        """() => {
            const canvas = document.getElementById("canvas");
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const reds = data.filter((_, index) => index % 4 === 0).sort();
            return [reds[0], reds.at(-1)];
        }"""
    )
    assert shown[1] - shown[0] > 50


def test_picture_without_a_digit_gets_advice_in_plain_words(open_page):
    drawing_page = open_page()
    drawing_page.drop(("blank.png", "image/png", encode_picture(Image.new("L", (64, 64), 255), "PNG")))
    drawing_page.expect_status("Nothing to see yet. Draw a digit, or choose a darker photo.")
    expect(drawing_page.page.locator("#digit")).to_be_empty()
    assert_only_status_errors(drawing_page, 422)


def test_several_digits_have_a_message_of_their_own_and_no_digit(open_page):
    drawing_page = open_page()
    two = np.hstack([draw(3, height=0.5), draw(4, height=0.5)])
    drawing_page.drop(("34.png", "image/png", encode_picture(Image.fromarray(two), "PNG")))
    drawing_page.expect_status("There is more than one digit. Show one at a time.")
    expect(drawing_page.page.locator("#digit")).to_be_empty()
    assert_only_status_errors(drawing_page, 422)


def assert_only_status_errors(drawing_page, status):
    """Check that the console has only the lines that Chromium writes about answers with a status, and forget them."""
    assert drawing_page.errors
    assert all(str(status) in error for error in drawing_page.errors)
    drawing_page.errors.clear()
