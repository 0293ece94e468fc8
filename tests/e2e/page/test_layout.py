"""The drawing page in Chromium: screens of all sizes, large text, zoom, forced colours, print, and no scripts."""

import io
from functools import partial

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from app.api.page import PAGE_PATHS
from tests.e2e.browser import BROWSER_MARKS, DESKTOP, PREDICTIONS, TEXT_CONTRASTS, DrawingPage, phone

pytestmark = BROWSER_MARKS

SIZES = [(320, 568), (360, 640), (390, 664), (844, 340), (640, 400), (1280, 800)]
TOGETHER = ["#canvas", "#digit", "#confidence"]  # visible together without scrolling
MAX_FIRST_LOAD_BYTES = 40 * 1024

# Returns the text of every visible element of which a part is outside the page, or is clipped.
CUT_TEXTS = """() => [...document.querySelectorAll("body *")]
    .filter((element) => element.checkVisibility() && !element.closest(".visually-hidden, .quiet .percent, #file"))
    .filter((element) => {
        const box = element.getBoundingClientRect();
        const isText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
        const isClipped = isText && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0;
        const isScrolled = element.parentElement.closest(".scrollable") !== null;
        return isClipped || (!isScrolled && (box.left < -1 || box.right > document.documentElement.clientWidth + 1));
    })
    .map((element) => element.outerHTML.slice(0, 80))"""

# Returns pairs of visible parts of the page that overlap.
OVERLAPS = """() => {
    const elements = ["#digit", "#confidence", "#status", "#figure", "#canvas", ".controls", "#bars"]
        .map((selector) => document.querySelector(selector))
        .filter((element) => element.checkVisibility() && element.getBoundingClientRect().height > 0);
    const boxes = elements.map((element) => element.getBoundingClientRect());
    const overlap = (a, b) =>
        a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
    return elements.flatMap((first, i) => elements.slice(i + 1)
        .filter((_, k) => overlap(boxes[i], boxes[i + 1 + k]))
        .map((second) => `${first.id || first.className} ${second.id || second.className}`));
}"""


def draw_a_seven(drawing_page):
    """Draw a 7, and wait for its prediction."""
    drawing_page.draw(7)
    drawing_page.expect_prediction(7)


def boxes(drawing_page, *selectors):
    """Return the boxes of elements."""
    return [drawing_page.page.locator(selector).bounding_box() for selector in selectors]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_canvas_digit_and_certainty_are_visible_together_without_scrolling(open_page, width, height):
    drawing_page = open_page(phone(width, height) if width < 1280 else DESKTOP)
    draw_a_seven(drawing_page)
    for box in boxes(drawing_page, *TOGETHER):
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
    assert drawing_page.page.evaluate(OVERLAPS) == []
    (canvas,) = boxes(drawing_page, "#canvas")
    assert canvas["width"] >= min(width, height) / 2


def fail(status, route):
    """Answer a request with an error, or not at all."""
    if status is None:
        route.abort()
    else:
        route.fulfill(status=status)


@pytest.mark.parametrize("size", [(320, 568), (360, 640), (390, 664)])
@pytest.mark.parametrize("is_sure", [True, False], ids=["sure", "not sure"])
def test_canvas_does_not_move_when_the_answer_or_a_message_appears(browser, server, unsure_server, size, is_sure):
    context = browser.new_context(**phone(*size))
    drawing_page = DrawingPage(context.new_page(), (server if is_sure else unsure_server).url)
    (empty,) = boxes(drawing_page, "#canvas")
    drawing_page.draw(7)
    expect(drawing_page.page.locator("#digit")).to_contain_text("7")
    assert boxes(drawing_page, "#canvas") == [empty]
    drawing_page.drop(("notes.txt", "text/plain", b"milk"))
    drawing_page.expect_status("cannot open")
    assert boxes(drawing_page, "#canvas") == [empty]
    for status, text in ((None, "No connection"), (503, "busy"), (500, "went wrong")):
        drawing_page.page.route(PREDICTIONS, partial(fail, status))
        drawing_page.draw_strokes([[drawing_page.on_canvas(0.5, 0.5)]])
        drawing_page.expect_status(text)
        assert boxes(drawing_page, "#canvas") == [empty]
    context.close()


def test_tops_and_bottoms_of_the_two_columns_are_aligned(open_page):
    drawing_page = open_page()
    draw_a_seven(drawing_page)
    canvas, image, controls, bars = boxes(drawing_page, "#canvas", "#model-input", ".controls", "#bars")
    assert abs(canvas["y"] - image["y"]) <= 1
    assert abs(controls["y"] + controls["height"] - bars["y"] - bars["height"]) <= 1


@pytest.mark.parametrize("font_size", [24, 32])
def test_large_browser_fonts_on_a_narrow_phone_cut_nothing(open_page, font_size):
    drawing_page = open_page(phone(320, 568))
    session = drawing_page.page.context.new_cdp_session(drawing_page.page)
    session.send("Page.setFontSizes", {"fontSizes": {"standard": font_size, "fixed": font_size}})
    drawing_page.page.reload()
    assert drawing_page.page.locator("body").evaluate("body => getComputedStyle(body).fontSize") == f"{font_size}px"
    draw_a_seven(drawing_page)
    assert_nothing_is_cut(drawing_page)


def test_zoom_of_400_percent_cuts_nothing(open_page):
    drawing_page = open_page({"viewport": {"width": 320, "height": 200}, "device_scale_factor": 4})
    drawing_page.draw_strokes(drawing_page.strokes(7))
    drawing_page.expect_prediction(7)
    assert_nothing_is_cut(drawing_page)


def assert_nothing_is_cut(drawing_page):
    """Check that the page does not scroll to the side, and that no text is clipped or covered."""
    drawing_page.page.locator("#shell").evaluate("shell => { shell.open = true; }")
    width = drawing_page.page.viewport_size["width"]
    assert drawing_page.page.evaluate("document.documentElement.scrollWidth") <= width
    assert drawing_page.page.evaluate(CUT_TEXTS) == []
    assert drawing_page.page.evaluate(OVERLAPS) == []


def screenshot(drawing_page):
    """Return the brightness of each pixel of the screen, shape (height, width)."""
    return np.asarray(Image.open(io.BytesIO(drawing_page.page.screenshot())).convert("L"))


def edge_contrast(drawing_page):
    """Return the difference in brightness between the canvas and the pixels around it, on a screenshot."""
    (canvas,) = boxes(drawing_page, "#canvas")
    picture = screenshot(drawing_page)
    row = int(canvas["y"] + canvas["height"] / 2)
    pixels = picture[row, int(canvas["x"]) - 3 : int(canvas["x"]) + 3]
    return int(pixels.max()) - int(pixels.min())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_canvas_has_an_edge_and_bars_are_visible_in_forced_colours(open_page, scheme):
    drawing_page = open_page(forced_colors="active", color_scheme=scheme)
    draw_a_seven(drawing_page)
    assert edge_contrast(drawing_page) > 100
    (track,) = boxes(drawing_page, "#bars li:nth-child(8) .track")
    x, y = int(track["x"] + track["width"] / 3), int(track["y"])
    above, inside = (int(screenshot(drawing_page)[y + offset, x]) for offset in (-4, int(track["height"] / 2)))
    assert abs(above - inside) > 50


def test_print_has_light_colours_and_keeps_bars_matrix_and_image(open_page):
    drawing_page = open_page(color_scheme="dark")
    draw_a_seven(drawing_page)
    page = drawing_page.page
    page.emulate_media(media="print", color_scheme="dark")
    background, text = page.locator("body").evaluate(
        "body => [getComputedStyle(body).backgroundColor, getComputedStyle(body).color]"
    )
    assert (background, text) == ("rgb(246, 245, 241)", "rgb(29, 28, 26)")
    assert [text for text, contrast in page.evaluate(TEXT_CONTRASTS) if contrast < 4.5] == []
    for selector in ("#bars .predicted .track", "#confusion td[data-heat]", "#model-input", "#canvas"):
        assert page.locator(selector).first.evaluate("element => getComputedStyle(element).printColorAdjust") == "exact"


def test_page_says_that_it_needs_scripts(browser, server):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.url)
    expect(page.locator(".no-script")).to_be_in_viewport()
    for selector in ("#canvas", "#undo", "#bars"):
        expect(page.locator(selector)).to_be_hidden()
    context.close()


def test_shell_section_is_folded_on_a_phone_and_open_on_a_desktop(open_page):
    for device, is_open in ((phone(390, 664), False), (DESKTOP, True)):
        command = open_page(device).page.locator("#curl")
        expect(command).to_be_visible(visible=is_open)


def test_line_at_the_top_links_to_the_api_and_the_model_card(open_page):
    page = open_page().page
    expect(page.get_by_role("banner").get_by_role("link", name="API")).to_have_attribute("href", "docs")
    page.get_by_role("banner").get_by_role("link", name="Model card").click()
    expect(page.get_by_role("heading", name="Model card")).to_be_in_viewport()
    assert page.evaluate("document.activeElement.id") == "model-card"


def test_first_load_is_small_as_it_is_sent(browser, server):
    context = browser.new_context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    sizes = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    drawing_page = DrawingPage(page, f"{server.url}/")
    expect(drawing_page.page.locator("#model-card")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert len(sizes) > len(PAGE_PATHS - {"/", "/index.html"})
    assert sum(sizes) <= MAX_FIRST_LOAD_BYTES  # headers included
    context.close()
