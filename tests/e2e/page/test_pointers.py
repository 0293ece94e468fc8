"""The drawing page in Chromium: which of several pointers draws, and strokes that begin or end outside the canvas."""

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import BROWSER_MARKS, PHONE, Pen, Touch

pytestmark = BROWSER_MARKS

PALM = 9  # number of the finger that stands for a resting hand
PALM_POSITION = (0.9, 0.93)


def rest_palm(drawing_page, touch):
    """Put a palm on the canvas, which moves a little, as a resting hand does."""
    x, y = drawing_page.on_canvas(*PALM_POSITION)
    touch.press(PALM, x, y)
    touch.move(PALM, x + 1, y + 1)


def draw_with_pen(drawing_page, pen, digit):
    """Draw a digit with a pen."""
    for stroke in drawing_page.strokes(digit):
        pen.press(stroke[0])
        for position in stroke[1:]:
            pen.move(position)
        pen.lift(stroke[-1])


def test_finger_draws_while_a_palm_rests_on_the_canvas_and_the_palm_leaves_nothing(open_page):
    drawing_page = open_page(PHONE)
    touch = Touch(drawing_page.page)
    rest_palm(drawing_page, touch)
    drawing_page.draw_with_finger(4, touch)
    touch.lift(PALM)
    drawing_page.expect_prediction(4)
    assert brightness(drawing_page, *PALM_POSITION) == 255


def test_palm_that_comes_to_rest_during_a_stroke_neither_stops_it_nor_leaves_a_dot(open_page):
    drawing_page = open_page(PHONE)
    touch = Touch(drawing_page.page)
    touch.press(0, *drawing_page.on_canvas(0.4, 0.1))
    touch.move(0, *drawing_page.on_canvas(0.4, 0.3))
    rest_palm(drawing_page, touch)
    touch.move(0, *drawing_page.on_canvas(0.4, 0.8))
    touch.lift(0)
    x, y = drawing_page.on_canvas(*PALM_POSITION)
    touch.move(PALM, x + 2, y)
    touch.lift(PALM)
    assert brightness(drawing_page, 0.4, 0.7) == 0
    assert brightness(drawing_page, *PALM_POSITION) == 255
    drawing_page.page.locator("#undo").click()
    expect(drawing_page.page.locator("#undo")).to_have_attribute("aria-disabled", "true")


def test_pen_draws_while_a_palm_rests_on_the_canvas_and_a_finger_does_not_disturb_it(open_page):
    drawing_page = open_page(PHONE)
    touch, pen = Touch(drawing_page.page), Pen(drawing_page.page)
    rest_palm(drawing_page, touch)
    for stroke in drawing_page.strokes(4):
        pen.press(stroke[0])
        touch.press(1, *drawing_page.on_canvas(0.1, 0.1))
        touch.move(1, *drawing_page.on_canvas(0.1, 0.9))
        for position in stroke[1:]:
            pen.move(position)
        touch.lift(1)
        pen.lift(stroke[-1])
    touch.lift(PALM)
    drawing_page.expect_prediction(4)
    assert brightness(drawing_page, *PALM_POSITION) == 255
    assert brightness(drawing_page, 0.1, 0.5) == 255


def test_pen_discards_the_stroke_of_a_palm_even_if_the_palm_has_moved(open_page):
    drawing_page = open_page(PHONE)
    touch, pen = Touch(drawing_page.page), Pen(drawing_page.page)
    touch.press(PALM, *drawing_page.on_canvas(*PALM_POSITION))
    touch.move(PALM, *drawing_page.on_canvas(0.5, 0.93))
    draw_with_pen(drawing_page, pen, 7)
    touch.lift(PALM)
    drawing_page.expect_prediction(7)
    assert brightness(drawing_page, 0.6, 0.93) == 255


def test_newest_finger_draws_and_the_stroke_of_the_older_one_stays(open_page):
    drawing_page = open_page(PHONE)
    touch = Touch(drawing_page.page)
    first, second = drawing_page.strokes(4)
    touch.press(0, *first[0])
    for position in first[1:]:
        touch.move(0, *position)
    touch.press(1, *second[0])
    for position in second[1:]:
        touch.move(1, *position)
        touch.move(0, *drawing_page.on_canvas(0.1, 0.95))  # the older finger does not draw any more
    touch.lift(1)
    touch.lift(0)
    drawing_page.expect_prediction(4)
    assert brightness(drawing_page, 0.1, 0.95) == 255


def test_tap_leaves_a_dot(open_page):
    drawing_page = open_page(PHONE)
    touch = Touch(drawing_page.page)
    touch.press(0, *drawing_page.on_canvas(0.5, 0.5))
    touch.lift(0)
    assert brightness(drawing_page, 0.5, 0.5) == 0
    expect(drawing_page.page.locator("#undo")).to_have_attribute("aria-disabled", "false")


def test_touch_that_the_system_takes_away_leaves_nothing_if_it_rested_and_else_its_stroke(open_page):
    drawing_page = open_page(PHONE)
    touch = Touch(drawing_page.page)
    touch.press(0, *drawing_page.on_canvas(0.5, 0.5))
    touch.cancel()
    assert brightness(drawing_page, 0.5, 0.5) == 255
    expect(drawing_page.page.locator("#undo")).to_have_attribute("aria-disabled", "true")
    touch.press(0, *drawing_page.on_canvas(0.5, 0.5))
    touch.move(0, *drawing_page.on_canvas(0.5, 0.8))
    touch.cancel()
    assert brightness(drawing_page, 0.5, 0.7) == 0
    expect(drawing_page.page.locator("#undo")).to_have_attribute("aria-disabled", "false")


def test_stroke_of_the_mouse_may_begin_and_end_outside_the_canvas(open_page):
    drawing_page = open_page()
    mouse = drawing_page.page.mouse
    mouse.move(*drawing_page.on_canvas(0.3, -0.1))
    mouse.down()
    mouse.move(*drawing_page.on_canvas(0.3, 0.5), steps=5)
    mouse.move(*drawing_page.on_canvas(1.05, 0.5), steps=5)
    mouse.move(*drawing_page.on_canvas(1.05, 0.8))
    mouse.move(*drawing_page.on_canvas(0.5, 0.8), steps=5)
    mouse.up()
    for x, y in ((0.3, 0.02), (0.3, 0.4), (0.7, 0.5), (0.98, 0.5), (0.98, 0.8), (0.5, 0.8)):
        assert brightness(drawing_page, x, y) == 0
    assert drawing_page.page.evaluate("getSelection().toString()") == ""
    mouse.move(*drawing_page.on_canvas(0.1, 0.1))  # without a button
    assert brightness(drawing_page, 0.1, 0.1) == 255
    drawing_page.page.locator("#undo").click()  # it was one stroke
    assert brightness(drawing_page, 0.3, 0.4) == 255


def test_stroke_that_begins_on_a_text_selects_nothing(open_page):
    drawing_page = open_page()
    box = drawing_page.page.locator(".tagline").bounding_box()
    mouse = drawing_page.page.mouse
    mouse.move(box["x"] + 5, box["y"] + box["height"] / 2)
    mouse.down()
    mouse.move(*drawing_page.on_canvas(0.5, 0.3), steps=8)
    mouse.move(*drawing_page.on_canvas(0.5, 0.8), steps=8)
    mouse.up()
    assert brightness(drawing_page, 0.5, 0.6) == 0
    assert drawing_page.page.evaluate("getSelection().toString()") == ""


def test_other_buttons_of_the_mouse_and_drags_from_a_button_draw_nothing(open_page):
    drawing_page = open_page()
    mouse = drawing_page.page.mouse
    box = drawing_page.page.locator("#clear").bounding_box()
    for start, button in (
        (drawing_page.on_canvas(0.5, 0.5), "right"),
        (drawing_page.on_canvas(0.5, 0.5), "middle"),
        ((box["x"] + 5, box["y"] + 5), "left"),
    ):
        mouse.move(*start)
        mouse.down(button=button)
        mouse.move(*drawing_page.on_canvas(0.5, 0.8), steps=4)
        mouse.up(button=button)
    assert brightness(drawing_page, 0.5, 0.8) == 255
    expect(drawing_page.page.locator("#undo")).to_have_attribute("aria-disabled", "true")


def test_older_finger_that_waits_beside_the_canvas_does_not_interrupt_a_newer_one(open_page):
    drawing_page = open_page(PHONE)
    touch = Touch(drawing_page.page)
    touch.press(1, *drawing_page.on_canvas(-0.02, 0.9))
    touch.press(0, *drawing_page.on_canvas(0.3, 0.2))
    touch.move(0, *drawing_page.on_canvas(0.5, 0.2))
    touch.move(1, *drawing_page.on_canvas(0.3, 0.9))
    touch.move(0, *drawing_page.on_canvas(0.8, 0.2))
    touch.lift(0)
    touch.lift(1)
    assert brightness(drawing_page, 0.7, 0.2) == 0
    assert brightness(drawing_page, 0.2, 0.9) == 255


def test_fast_stroke_across_the_canvas_without_a_point_on_it_draws(open_page):
    drawing_page = open_page()
    mouse = drawing_page.page.mouse
    mouse.move(*drawing_page.on_canvas(0.4, -0.05))
    mouse.down()
    mouse.move(*drawing_page.on_canvas(0.4, 1.2))
    mouse.up()
    assert brightness(drawing_page, 0.4, 0.5) == 0


@pytest.mark.parametrize("start", [(-0.02, 0.5), (1.02, 0.5), (0.5, -0.02)])
def test_stroke_of_a_finger_may_begin_beside_the_canvas(open_page, start):
    drawing_page = open_page(PHONE)
    touch = Touch(drawing_page.page)
    touch.press(0, *drawing_page.on_canvas(*start))
    for share in (0.1, 0.5, 0.9):
        touch.move(0, *drawing_page.on_canvas(*((1 - share) * first + share * 0.5 for first in start)))
    touch.lift(0)
    edge, middle = ([(1 - share) * first + share * 0.5 for first in start] for share in (0.06, 0.8))
    assert brightness(drawing_page, *edge) == 0
    assert brightness(drawing_page, *middle) == 0


def test_finger_scrolls_outside_the_canvas(open_page):
    drawing_page = open_page(PHONE)
    touch = Touch(drawing_page.page)
    touch.press(0, 30, 630)
    for y in (600, 500, 400, 300):
        touch.move(0, 100, y)
    touch.lift(0)
    drawing_page.page.wait_for_function("() => window.scrollY > 100")
    expect(drawing_page.page.locator("#undo")).to_have_attribute("aria-disabled", "true")


def test_drag_from_the_shell_command_selects_its_text(open_page):
    drawing_page = open_page()
    drawing_page.draw(2)
    drawing_page.expect_prediction(2)
    box = drawing_page.page.locator("#curl").bounding_box()
    mouse = drawing_page.page.mouse
    mouse.move(box["x"] + 20, box["y"] + 20)
    mouse.down()
    mouse.move(box["x"] + 200, box["y"] + 60, steps=4)
    mouse.up()
    assert len(drawing_page.page.evaluate("getSelection().toString()")) > 10


def brightness(drawing_page, x, y):
    """Return the red value of a pixel of the canvas, given as shares of its side."""
    return drawing_page.page.evaluate(
        """([x, y]) => {
            const canvas = document.getElementById("canvas");
            return canvas.getContext("2d").getImageData(x * canvas.width, y * canvas.height, 1, 1).data[0];
        }""",
        [x, y],
    )
