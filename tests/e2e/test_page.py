"""The drawing page in a real browser: input, prediction, layout, and failures of the server."""

import io
import socket
import subprocess

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.drawing import draw
from tests.e2e.browser import DESKTOP, EXECUTABLE, NARROW, PHONE, TEXT_CONTRASTS, DrawingPage
from tests.e2e.server import running
from tests.machine import skip_unless

pytestmark = [pytest.mark.e2e, pytest.mark.browser, skip_unless(EXECUTABLE is not None, "Chromium")]


@pytest.fixture(scope="module")
def server():
    with running() as server:
        yield server


@pytest.fixture
def open_page(browser, server):
    """Open drawing pages. After the test, check that they had no error and no request to another host."""
    drawing_pages = []

    def open_drawing_page(device=DESKTOP, url=server.url, **options):
        drawing_pages.append(DrawingPage(browser.new_context(**device, **options).new_page(), f"{url}/"))
        return drawing_pages[-1]

    yield open_drawing_page
    for drawing_page in drawing_pages:
        drawing_page.page.context.close()
        assert drawing_page.errors == []
        assert [url for url in drawing_page.requests if not url.startswith(server.url)] == []


def digit_png(digit):
    """Draw a digit as a PNG file, in bytes."""
    buffer = io.BytesIO()
    Image.fromarray(draw(digit)).save(buffer, "PNG")
    return buffer.getvalue()


def test_page_predicts_digits_drawn_with_mouse(open_page):
    drawing_page = open_page()
    for digit in (0, 1, 4, 7):
        drawing_page.draw(digit)
        drawing_page.expect_prediction(digit)
        drawing_page.page.keyboard.press("Escape")


def test_page_predicts_digit_drawn_with_finger_and_does_not_scroll(open_page):
    drawing_page = open_page(PHONE)
    drawing_page.draw_with_finger(3)
    drawing_page.expect_prediction(3)
    assert drawing_page.page.evaluate("window.scrollY") == 0


def test_page_predicts_digit_before_stroke_ends(open_page):
    drawing_page = open_page()
    (stroke,) = drawing_page.strokes(0)
    drawing_page.draw_stroke(stroke)
    drawing_page.expect_prediction(0)


def test_page_shows_probabilities_and_model_input_and_announces_prediction(open_page):
    drawing_page = open_page()
    drawing_page.draw(7)
    drawing_page.expect_prediction(7)
    bars = drawing_page.page.locator("#bars li")
    expect(bars).to_have_count(10)
    expect(bars.nth(7)).to_contain_text("%")
    expect(drawing_page.page.locator("[aria-live=polite]")).to_contain_text("7")
    expect(drawing_page.page.locator("#model-input")).to_be_visible()


def test_clear_button_and_escape_key_remove_prediction(open_page):
    drawing_page = open_page()
    for clear in (
        lambda: drawing_page.page.locator("#clear").click(),
        lambda: drawing_page.page.keyboard.press("Escape"),
    ):
        drawing_page.draw(4)
        drawing_page.expect_prediction(4)
        clear()
        expect(drawing_page.page.locator("#digit")).not_to_contain_text("4")


def test_page_predicts_digit_of_dropped_picture(open_page):
    drawing_page = open_page()
    transfer = drawing_page.page.evaluate_handle(
        """bytes => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], "five.png", {type: "image/png"}));
            return transfer;
        }""",
        list(digit_png(5)),
    )
    for event in ("dragenter", "dragover", "drop"):
        drawing_page.page.dispatch_event("#canvas", event, {"dataTransfer": transfer})
    drawing_page.expect_prediction(5)


def test_keyboard_reaches_file_input_and_page_predicts_digit_of_chosen_picture(open_page):
    drawing_page = open_page()
    for _ in range(10):
        drawing_page.page.keyboard.press("Tab")
        if drawing_page.page.evaluate("document.activeElement.id") == "file":
            break
    assert drawing_page.page.evaluate("document.activeElement.id") == "file"
    chosen_file = {"name": "six.png", "mimeType": "image/png", "buffer": digit_png(6)}
    drawing_page.page.set_input_files("#file", chosen_file)
    drawing_page.expect_prediction(6)


def test_page_shows_confusion_matrix_of_held_out_rows(open_page, artefact):
    drawing_page = open_page()
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


def test_page_reports_stopped_server_and_predicts_after_restart(browser):
    with socket.create_server(("127.0.0.1", 0)) as free_socket:
        port = free_socket.getsockname()[1]
    context = browser.new_context(**DESKTOP)
    with running(port=port) as server:
        drawing_page = DrawingPage(context.new_page(), f"{server.url}/")
    drawing_page.draw(0)
    expect(drawing_page.page.locator("#status")).not_to_be_empty()
    with running(port=port):
        drawing_page.expect_prediction(0)
        expect(drawing_page.page.locator("#status")).to_be_empty()
    context.close()
    assert all("ERR_CONNECTION_REFUSED" in error for error in drawing_page.errors)


def test_page_reports_busy_server_and_predicts_when_server_is_free_again(browser):
    context = browser.new_context(**DESKTOP)
    with running(max_pictures_in_flight=1) as server:
        drawing_page = DrawingPage(context.new_page(), f"{server.url}/")
        with socket.create_connection(("127.0.0.1", server.start["port"])) as slow_upload:
            slow_upload.sendall(b"POST /predict/picture HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n")
            drawing_page.draw(4)
            expect(drawing_page.page.locator("#status")).to_contain_text("busy")
        drawing_page.expect_prediction(4)
        expect(drawing_page.page.locator("#status")).to_be_empty()
    context.close()
    assert all("503" in error for error in drawing_page.errors)


@pytest.mark.parametrize(
    ("device", "scheme"),
    [(NARROW, "dark"), (PHONE, "light"), (DESKTOP, "light"), (DESKTOP, "dark")],
    ids=["narrow", "phone", "desktop", "dark desktop"],
)
def test_page_fits_the_screen_and_every_text_has_contrast_of_at_least_4_5_with_its_background(
    open_page, device, scheme
):
    drawing_page = open_page(device, color_scheme=scheme)
    drawing_page.draw(7)
    drawing_page.expect_prediction(7)
    width = device["viewport"]["width"]
    assert drawing_page.page.evaluate("document.documentElement.scrollWidth") <= width
    contrasts = drawing_page.page.evaluate(TEXT_CONTRASTS)
    assert len(contrasts) > 40
    assert [text for text, contrast in contrasts if contrast < 4.5] == []


def test_page_links_are_relative_so_that_proxy_can_add_path_prefix(open_page):
    page = open_page().page
    for element, attribute in (("script", "src"), ("link", "href"), ("a", "href")):
        get_urls = f"elements => elements.map(element => element.getAttribute('{attribute}'))"
        urls = page.locator(element).evaluate_all(get_urls)
        assert not [url for url in urls if url.startswith(("/", "http"))]
