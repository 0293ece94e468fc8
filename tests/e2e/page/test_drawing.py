"""The drawing page in Chromium: strokes, the prediction, undo and redo, and the shell command."""

import re
import subprocess

from playwright.sync_api import expect

from tests.e2e.browser import BROWSER_MARKS, DESKTOP, PHONE, DrawingPage, Touch

pytestmark = BROWSER_MARKS

FONT_WEIGHT = "element => Number(getComputedStyle(element).fontWeight)"


def test_page_predicts_digits_drawn_with_mouse(open_page):
    drawing_page = open_page()
    for digit in (0, 1, 4, 7):
        drawing_page.draw(digit)
        drawing_page.expect_prediction(digit)
        drawing_page.page.keyboard.press("Escape")


def test_page_predicts_digit_drawn_with_finger_and_does_not_scroll(open_page):
    drawing_page = open_page(PHONE)
    drawing_page.draw_with_finger(3, Touch(drawing_page.page))
    drawing_page.expect_prediction(3)
    assert drawing_page.page.evaluate("window.scrollY") == 0


def test_page_predicts_digit_before_stroke_ends(open_page):
    drawing_page = open_page()
    (stroke,) = drawing_page.strokes(0)
    drawing_page.draw_stroke(stroke)
    drawing_page.expect_prediction(0)


def test_page_shows_probabilities_and_the_image_of_the_network(open_page):
    drawing_page = open_page()
    figure = drawing_page.page.locator("#figure")
    expect(figure).to_be_hidden()
    drawing_page.draw(7)
    drawing_page.expect_prediction(7)
    bars = drawing_page.page.locator("#bars li")
    expect(bars).to_have_count(10)
    expect(bars.nth(7)).to_contain_text("%")
    expect(bars.nth(7)).not_to_contain_text("below")
    expect(bars.nth(0)).to_contain_text("below 0.1 %")
    tracks = [bars.nth(digit).locator(".track").bounding_box()["height"] for digit in (0, 7)]
    assert tracks[0] < 2 < tracks[1]
    expect(drawing_page.page.locator("#confidence")).to_have_text("99.9 % sure")
    expect(figure).to_be_visible()


def test_the_two_likeliest_digits_are_shown_at_reduced_weight_if_the_network_is_not_sure(
    open_page, browser, unsure_server
):
    sure = open_page()
    sure.draw(7)
    sure.expect_prediction(7)
    page = browser.new_context(**DESKTOP).new_page()
    DrawingPage(page, unsure_server.url).draw(7)
    expect(page.locator("#digit")).to_have_text(re.compile(r"^7 or \d$"))
    expect(page.locator("#confidence")).to_have_text("not sure")
    expect(page.locator("[aria-live=polite]")).to_have_text(re.compile(r"^Not sure: 7 or \d$"))
    second = int(page.locator("#digit").inner_text()[-1])
    shares = [float(bar.split()[1]) for bar in page.locator("#bars li").all_inner_texts()]  # "7 42.0 %"
    assert sorted(shares)[-2:] == [shares[second], shares[7]]
    assert page.locator("#digit").evaluate(FONT_WEIGHT) < sure.page.locator("#digit").evaluate(FONT_WEIGHT)
    page.context.close()


def test_undo_and_redo_step_through_strokes_and_clear(open_page):
    drawing_page = open_page()
    undo, redo, clear = (drawing_page.page.locator(f"#{name}") for name in ("undo", "redo", "clear"))
    drawing_page.draw(1)
    drawing_page.expect_prediction(1)
    clear.click()
    expect(drawing_page.page.locator("#digit")).to_be_empty()
    drawing_page.draw(0)
    drawing_page.expect_prediction(0)
    undo.click()
    expect(drawing_page.page.locator("#digit")).to_be_empty()
    undo.click()
    drawing_page.expect_prediction(1)
    redo.click()
    redo.click()
    drawing_page.expect_prediction(0)
    drawing_page.page.keyboard.press("Control+z")
    drawing_page.page.keyboard.press("Control+z")
    drawing_page.expect_prediction(1)
    drawing_page.page.keyboard.press("Control+Shift+Z")
    drawing_page.page.keyboard.press("Control+Shift+Z")
    drawing_page.expect_prediction(0)
    undo.click()
    drawing_page.draw(1)
    expect(redo).to_have_attribute("aria-disabled", "true")


def test_shortcuts_work_with_a_keyboard_of_another_alphabet(open_page):
    drawing_page = open_page()
    drawing_page.draw(1)
    drawing_page.expect_prediction(1)
    press = "key => document.body.dispatchEvent(new KeyboardEvent('keydown', {...key, ctrlKey: true, bubbles: true}))"
    drawing_page.page.evaluate(press, {"key": "я", "code": "KeyZ"})
    expect(drawing_page.page.locator("#digit")).to_be_empty()
    drawing_page.page.evaluate(press, {"key": "Я", "code": "KeyZ", "shiftKey": True})
    drawing_page.expect_prediction(1)


def test_undo_and_clear_during_a_stroke_lose_nothing(open_page):
    drawing_page = open_page()
    page = drawing_page.page
    drawing_page.draw(1)
    drawing_page.expect_prediction(1)
    first, second = drawing_page.strokes(4)
    for key in ("Control+z", "Escape"):
        drawing_page.draw_stroke(first)
        page.keyboard.press(key)
        page.mouse.up()
        if key == "Control+z":
            drawing_page.expect_prediction(1)  # only the stroke is undone
            page.keyboard.press("Control+Shift+Z")
        else:
            expect(page.locator("#digit")).to_be_empty()
            page.keyboard.press("Control+z")
        page.keyboard.press("Control+z")
        drawing_page.expect_prediction(1)
    page.keyboard.press("Escape")
    drawing_page.draw_stroke(first)
    page.keyboard.press("Control+z")  # the first stroke after a blank canvas
    page.mouse.up()
    expect(page.locator("#digit")).to_be_empty()
    drawing_page.draw_strokes([second, first])
    drawing_page.expect_prediction(4)


def test_every_stroke_can_be_undone(open_page):
    drawing_page = open_page()
    drawing_page.draw_strokes([[drawing_page.on_canvas(0.5, 0.2 + n / 100)] for n in range(60)])
    for _ in range(60):
        drawing_page.page.keyboard.press("Control+z")
    expect(drawing_page.page.locator("#undo")).to_have_attribute("aria-disabled", "true")
    expect(drawing_page.page.locator("#hint")).to_be_visible()
    for _ in range(60):
        drawing_page.page.keyboard.press("Control+y")
    drawing_page.expect_prediction(1)


def test_clear_button_and_keys_remove_the_prediction(open_page):
    drawing_page = open_page()
    for clear in (
        lambda: drawing_page.page.locator("#clear").click(),
        lambda: drawing_page.page.keyboard.press("Escape"),
        lambda: drawing_page.page.keyboard.press("Delete"),
    ):
        drawing_page.draw(4)
        drawing_page.expect_prediction(4)
        clear()
        expect(drawing_page.page.locator("#digit")).to_be_empty()


def test_page_shows_the_confusion_matrix_of_the_held_out_rows(open_page, artefact):
    drawing_page = open_page()
    expect(drawing_page.page.locator("#model-card")).to_be_visible()
    cells = drawing_page.page.locator("#confusion tbody td").all_inner_texts()
    counts = [int(cell) if cell.strip() else 0 for cell in cells]
    assert counts == [count for row in artefact.card.held_out.confusion for count in row]


def test_shown_curl_command_gets_same_prediction(open_page):
    drawing_page = open_page()
    drawing_page.draw(2)
    drawing_page.expect_prediction(2)
    command = drawing_page.page.locator("#curl").inner_text()
    assert command.startswith("curl ")
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=30)
    assert result.stdout.startswith('{"digit":2,')


def test_page_links_are_relative_so_that_proxy_can_add_path_prefix(open_page):
    page = open_page().page
    for element, attribute in (("script", "src"), ("link", "href"), ("a", "href")):
        get_urls = f"elements => elements.map(element => element.getAttribute('{attribute}'))"
        urls = page.locator(element).evaluate_all(get_urls)
        assert not [url for url in urls if url.startswith(("/", "http"))]
