"""The page in a real browser: drawn on with mouse and finger, and left without a server."""

import io
import os
import shutil
import socket
import subprocess

import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.drawing import STROKES, draw
from tests.e2e.server import running

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = [
    "--no-sandbox",  # a container's root cannot have one
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
NARROW = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}
DESKTOP = {"viewport": {"width": 1280, "height": 900}}

pytestmark = pytest.mark.skipif(
    BROWSER is None and "CI" not in os.environ, reason="needs Chromium, which is not on this machine"
)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server():
    with running() as server:
        yield server


class Visit:
    """A page that is open, and everything about it that ought not to happen."""

    def __init__(self, page, url):
        self.page = page
        self.errors = []
        self.requests = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else 0)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(url)
        expect(page.locator("#accuracy")).to_contain_text("99.83")

    def points(self, digit):
        """Where the strokes of a digit are on the screen."""
        box = self.page.locator("#paper").bounding_box()
        side = box["width"] * 0.6
        for stroke in STROKES[digit]:
            yield [
                (box["x"] + box["width"] / 2 + (x - 0.5) * side, box["y"] + box["height"] * 0.2 + y * side)
                for x, y in stroke
            ]

    def draw(self, digit):
        """Draw with the mouse."""
        mouse = self.page.mouse
        for stroke in self.points(digit):
            mouse.move(*stroke[0])
            mouse.down()
            for point in stroke[1:]:
                mouse.move(*point, steps=4)
            mouse.up()

    def draw_with_finger(self, digit):
        """Draw by touch, as the browser's own input pipeline delivers it."""
        session = self.page.context.new_cdp_session(self.page)

        def touch(kind, *points):
            places = [{"x": x, "y": y} for x, y in points]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

        for stroke in self.points(digit):
            touch("touchStart", stroke[0])
            for point in stroke[1:]:
                touch("touchMove", point)
            touch("touchEnd")

    def expect_digit(self, digit):
        expect(self.page.locator("#digit")).to_have_text(str(digit), timeout=10_000)


@pytest.fixture
def visit(browser, server):
    """Opens the page as a device would, and sees at the end that it behaved."""
    visits = []

    def open_page(device=DESKTOP, url=server.url, **options):
        visits.append(Visit(browser.new_context(**device, **options).new_page(), f"{url}/"))
        return visits[-1]

    yield open_page
    for visit in visits:
        visit.page.context.close()
        assert visit.errors == []
        assert [url for url in visit.requests if not url.startswith(server.url)] == []


@pytest.mark.parametrize("digit", [0, 1, 4, 7])
def test_a_digit_drawn_with_the_mouse_is_read(visit, digit):
    visit = visit()
    visit.draw(digit)
    visit.expect_digit(digit)


def test_a_digit_drawn_with_a_finger_is_read_and_the_page_stays_where_it_is(visit):
    visit = visit(PHONE)
    visit.draw_with_finger(3)
    visit.expect_digit(3)
    assert visit.page.evaluate("window.scrollY") == 0


def test_it_is_read_before_the_pen_is_lifted(visit):
    visit = visit()
    (stroke,) = visit.points(0)
    visit.page.mouse.move(*stroke[0])
    visit.page.mouse.down()
    for point in stroke[1:]:
        visit.page.mouse.move(*point, steps=4)
    visit.expect_digit(0)


def test_probabilities_the_image_and_the_announcement_follow(visit):
    visit = visit()
    visit.draw(7)
    visit.expect_digit(7)
    bars = visit.page.locator("#bars li")
    expect(bars).to_have_count(10)
    expect(bars.nth(7)).to_contain_text("%")
    expect(visit.page.locator("[aria-live=polite]")).to_contain_text("7")
    expect(visit.page.locator("#seen")).to_be_visible()


def test_clear_and_escape_leave_blank_paper(visit):
    visit = visit()
    for clear in (lambda: visit.page.locator("#clear").click(), lambda: visit.page.keyboard.press("Escape")):
        visit.draw(4)
        visit.expect_digit(4)
        clear()
        expect(visit.page.locator("#digit")).not_to_contain_text("4")


def png(digit):
    buffer = io.BytesIO()
    Image.fromarray(draw(digit)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_dropped_picture_is_read(visit):
    visit = visit()
    transfer = visit.page.evaluate_handle(
        """bytes => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], "five.png", {type: "image/png"}));
            return transfer;
        }""",
        list(png(5)),
    )
    for event in ("dragenter", "dragover", "drop"):
        visit.page.dispatch_event("#paper", event, {"dataTransfer": transfer})
    visit.expect_digit(5)


def test_a_chosen_picture_is_read_and_the_keyboard_reaches_the_button(visit):
    visit = visit()
    for _ in range(10):
        visit.page.keyboard.press("Tab")
        if visit.page.evaluate("document.activeElement.id") == "file":
            break
    assert visit.page.evaluate("document.activeElement.id") == "file"
    visit.page.set_input_files("#file", {"name": "six.png", "mimeType": "image/png", "buffer": png(6)})
    visit.expect_digit(6)


def test_the_confusion_matrix_is_a_table_of_the_held_out_rows(visit, artefact):
    visit = visit()
    cells = visit.page.locator("#confusion tbody td").all_inner_texts()
    counts = [int(cell) if cell.strip() else 0 for cell in cells]
    assert counts == [count for row in artefact.card.held_out.confusion for count in row]


def test_the_shown_curl_says_the_same(visit):
    visit = visit()
    visit.draw(2)
    visit.expect_digit(2)
    command = visit.page.locator("#curl").inner_text()
    assert command.startswith("curl ")
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=30)
    assert result.stdout.startswith('{"digit":2,')


def test_a_page_that_loses_its_server_says_so_and_recovers(browser):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    context = browser.new_context(**DESKTOP)
    with running(port=port) as server:
        visit = Visit(context.new_page(), f"{server.url}/")
    visit.draw(0)
    expect(visit.page.locator("#status")).not_to_be_empty()
    with running(port=port):
        visit.expect_digit(0)
        expect(visit.page.locator("#status")).to_be_empty()
    context.close()
    assert all("ERR_CONNECTION_REFUSED" in error for error in visit.errors)


def test_a_page_whose_server_is_busy_says_so_and_recovers(browser):
    context = browser.new_context(**DESKTOP)
    with running(max_pictures_in_flight=1) as server:
        visit = Visit(context.new_page(), f"{server.url}/")
        with socket.create_connection(("127.0.0.1", server.start["port"])) as slow:
            slow.sendall(b"POST /predict/picture HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n")
            visit.draw(4)
            expect(visit.page.locator("#status")).to_contain_text("busy")
        visit.expect_digit(4)
        expect(visit.page.locator("#status")).to_be_empty()
    context.close()
    assert all("503" in error for error in visit.errors)


@pytest.mark.parametrize("device", [NARROW, PHONE, DESKTOP], ids=["narrow", "phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(visit, device, scheme):
    visit = visit(device, color_scheme=scheme)
    visit.draw(7)
    visit.expect_digit(7)
    width = device["viewport"]["width"]
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


# For every element with text of its own: the contrast with the ground behind it, by WCAG 2.2.
CONTRASTS = """() => {
    const channels = (colour) => {
        const context = new OffscreenCanvas(1, 1).getContext("2d");
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        return [...context.getImageData(0, 0, 1, 1).data];
    };
    const luminance = (rgb) => rgb.slice(0, 3)
        .map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (element) => {
        const colour = channels(getComputedStyle(element).backgroundColor);
        return colour[3] === 255 || !element.parentElement ? colour : ground(element.parentElement);
    };
    return [...document.querySelectorAll("body *")]
        .filter((e) => e.checkVisibility())
        .filter((e) => [...e.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
        .map((e) => {
            const pair = [channels(getComputedStyle(e).color), ground(e)].map(luminance);
            return [e.outerHTML.slice(0, 80), (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)];
        });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(visit, scheme):
    visit = visit(color_scheme=scheme)
    visit.draw(7)
    visit.expect_digit(7)
    contrasts = visit.page.evaluate(CONTRASTS)
    assert len(contrasts) > 40
    assert [text for text, contrast in contrasts if contrast < 4.5] == []


def test_its_addresses_are_relative_so_that_a_proxy_may_put_a_path_before_them(visit):
    page = visit().page
    for element, attribute in (("script", "src"), ("link", "href"), ("a", "href")):
        read = f"all => all.map(element => element.getAttribute('{attribute}'))"
        assert not [a for a in page.locator(element).evaluate_all(read) if a.startswith(("/", "http"))]
