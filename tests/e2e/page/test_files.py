"""The drawing page in Chromium: no file and no picture loses the drawing, and undo restores both."""

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import BROWSER_MARKS
from tests.picture_requests import digit_file

pytestmark = BROWSER_MARKS

WITHOUT_PICTURE = ("notes.txt", "text/plain", b"milk, bread")

# Lets the decoding of a picture wait for a call of `finishDecoding`, as on a slow phone.
SLOW_DECODING = """
    const decode = HTMLImageElement.prototype.decode;
    HTMLImageElement.prototype.decode = function () {
        return new Promise((resolve) => { window.finishDecoding = resolve; }).then(() => decode.call(this));
    };
"""


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


def test_undo_keeps_the_last_twenty_pictures(open_page):
    drawing_page = open_page()
    undo = drawing_page.page.locator("#undo")
    for name in ("1.png", "2.png"):
        drawing_page.drop((name, *digit_file(int(name[0]))[1:]))
        drawing_page.expect_prediction(int(name[0]))
    for _ in range(20):
        drawing_page.drop(digit_file(3))
        drawing_page.expect_prediction(3)
        drawing_page.draw_strokes([[drawing_page.on_canvas(0.5, 0.5)]])
    steps = 0
    while undo.get_attribute("aria-disabled") == "false":
        undo.click()
        steps += 1
    assert steps == 39  # all but the first two pictures
    expect(drawing_page.page.locator("#hint")).to_be_hidden()


def test_picture_dropped_during_a_stroke_keeps_the_stroke_for_undo(open_page):
    drawing_page = open_page()
    (stroke,) = drawing_page.strokes(0)
    drawing_page.draw_stroke(stroke)
    drawing_page.drop(digit_file(5))
    drawing_page.expect_prediction(5)
    drawing_page.page.mouse.up()
    drawing_page.page.locator("#undo").click()
    drawing_page.expect_prediction(0)


def test_page_says_that_it_opens_a_picture_and_a_stroke_meanwhile_loses_neither(open_page):
    drawing_page = open_page(init_script=SLOW_DECODING)
    drawing_page.drop(digit_file(5))
    drawing_page.expect_status("Opening the picture")
    drawing_page.draw(1)
    drawing_page.expect_prediction(1)
    drawing_page.page.evaluate("finishDecoding()")
    drawing_page.expect_prediction(5)
    expect(drawing_page.page.locator("#status")).to_be_empty()
    drawing_page.page.keyboard.press("Control+z")
    drawing_page.expect_prediction(1)


@pytest.mark.parametrize("key", ["Control+z", "Escape"])
def test_undo_and_clear_give_up_a_picture_that_is_being_opened(open_page, key):
    drawing_page = open_page(init_script=SLOW_DECODING)
    drawing_page.draw(7)
    drawing_page.expect_prediction(7)
    drawing_page.drop(digit_file(5))
    drawing_page.expect_status("Opening the picture")
    drawing_page.page.keyboard.press(key)
    expect(drawing_page.page.locator("#status")).to_be_empty()
    drawing_page.page.evaluate("finishDecoding()")
    if key == "Escape":
        drawing_page.page.keyboard.press("Control+z")
    drawing_page.expect_prediction(7)  # undo has only given up the picture
