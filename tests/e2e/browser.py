"""Chromium and a driver of the drawing page, for the tests of the page and for its screenshot."""

import base64
import shutil
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.drawing import STROKES
from tests.machine import skip_unless

EXECUTABLE_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
EXECUTABLE = next(filter(None, map(shutil.which, EXECUTABLE_NAMES)), None)
BROWSER_MARKS = [pytest.mark.e2e, pytest.mark.browser, skip_unless(EXECUTABLE is not None, "Chromium")]
LAUNCH_FLAGS = [
    "--no-sandbox",  # the sandbox does not work for root in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def phone(width, height):
    """Describe a phone with a touch screen, for `new_context`."""
    return {"viewport": {"width": width, "height": height}, "has_touch": True, "is_mobile": True}


PHONE = phone(390, 664)
DESKTOP = {"viewport": {"width": 1280, "height": 800}}

PREDICTIONS = "**/predict/picture"  # pattern of the address

# Returns the contrast ratio (WCAG 2.2) of every visible element that has text of its own.
TEXT_CONTRASTS = """() => {
    const channels = (colour) => {
        const context = new OffscreenCanvas(1, 1).getContext("2d");
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        return [...context.getImageData(0, 0, 1, 1).data];
    };
    const luminance = (rgb) => rgb.slice(0, 3)
        .map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const background = (element) => {
        const colour = channels(getComputedStyle(element).backgroundColor);
        return colour[3] === 255 || !element.parentElement ? colour : background(element.parentElement);
    };
    return [...document.querySelectorAll("body *")]
        .filter((e) => e.checkVisibility())
        .filter((e) => [...e.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
        .map((e) => {
            const pair = [channels(getComputedStyle(e).color), background(e)].map(luminance);
            return [e.outerHTML.slice(0, 80), (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)];
        });
}"""


@contextmanager
def running_browser():
    """Start Chromium, and close it in the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=LAUNCH_FLAGS)
        yield browser
        browser.close()


class DrawingPage:
    """An open drawing page that records its JavaScript errors and its requests.

    Args:
        page: Playwright's page, still empty.
        url: URL of the drawing page.
    """

    def __init__(self, page, url):
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else 0)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(url)
        expect(page.locator("#bars li")).to_have_count(10)  # the scripts have run

    def on_canvas(self, x, y):
        """Return a position on the screen, given as shares of the canvas's side. It may be outside the canvas."""
        box = self.page.locator("#canvas").bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def strokes(self, digit):
        """List the strokes of a digit as lists of positions on the screen."""
        return [[self.on_canvas(0.2 + 0.6 * x, 0.2 + 0.6 * y) for x, y in stroke] for stroke in STROKES[digit]]

    def draw(self, digit):
        """Draw a digit with the mouse."""
        self.draw_strokes(self.strokes(digit))

    def draw_strokes(self, strokes):
        """Draw strokes with the mouse, given as lists of positions on the screen."""
        for stroke in strokes:
            self.draw_stroke(stroke)
            self.page.mouse.up()

    def draw_stroke(self, stroke):
        """Draw a stroke with the mouse, and keep the button pressed."""
        mouse = self.page.mouse
        mouse.move(*stroke[0])
        mouse.down()
        for position in stroke[1:]:
            mouse.move(*position, steps=4)

    def draw_with_finger(self, digit, touch):
        """Draw a digit by touch, with the finger 0."""
        for stroke in self.strokes(digit):
            touch.press(0, *stroke[0])
            for position in stroke[1:]:
                touch.move(0, *position)
            touch.lift(0)

    def drop(self, *files):
        """Drop files on the canvas, each given as name, media type and bytes."""
        transfer = self.page.evaluate_handle(
            """files => {
                const transfer = new DataTransfer();
                for (const [name, type, bytes] of files) {
                    const decoded = Uint8Array.from(atob(bytes), (character) => character.charCodeAt(0));
                    transfer.items.add(new File([decoded], name, {type}));
                }
                return transfer;
            }""",
            [[name, media_type, base64.b64encode(data).decode()] for name, media_type, data in files],
        )
        for event in ("dragenter", "dragover", "drop"):
            self.page.dispatch_event("#canvas", event, {"dataTransfer": transfer})

    def choose(self, file):
        """Choose a file with the file input, given as name, media type and bytes."""
        name, media_type, data = file
        self.page.set_input_files("#file", {"name": name, "mimeType": media_type, "buffer": data})

    def expect_prediction(self, digit):
        """Wait until the page shows a digit as its prediction, and is not waiting for another one."""
        expect(self.page.locator(".answer:not(.waiting) #digit")).to_have_text(str(digit), timeout=10_000)

    def expect_status(self, text):
        """Wait until the status line contains a text."""
        expect(self.page.locator("#status")).to_contain_text(text, timeout=10_000)


def hold_requests(page):
    """Hold the requests for predictions, as a slow link does; return the growing list of the held requests."""
    held = []

    def hold(route):
        held.append(route)

    page.route(PREDICTIONS, hold)
    return held


class Touch:
    """The fingers on the screen of a page. The events pass through the browser's input pipeline.

    Args:
        page: Playwright's page, with a touch screen.
    """

    def __init__(self, page):
        self._session = page.context.new_cdp_session(page)
        self._points = {}

    def press(self, finger, x, y):
        """Put a finger, given by its number, on the screen."""
        self._points[finger] = (x, y)
        self._dispatch("touchStart", self._points)

    def move(self, finger, x, y):
        """Move a finger on the screen."""
        self._points[finger] = (x, y)
        self._dispatch("touchMove", self._points)

    def lift(self, finger):
        """Take a finger from the screen."""
        self._dispatch("touchEnd", {finger: self._points.pop(finger)})

    def cancel(self):
        """Let the system take all fingers away, for example for a gesture."""
        self._points.clear()
        self._dispatch("touchCancel", {})

    def _dispatch(self, event_type, fingers):
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in fingers.items()]
        self._session.send("Input.dispatchTouchEvent", {"type": event_type, "touchPoints": points})


class Pen:
    """A pen on a page.

    Args:
        page: Playwright's page.
    """

    def __init__(self, page):
        self._session = page.context.new_cdp_session(page)

    def press(self, position):
        """Put the pen on the screen, at a position (x, y)."""
        self._dispatch("mousePressed", position)

    def move(self, position):
        """Move the pen on the screen."""
        self._dispatch("mouseMoved", position)

    def lift(self, position):
        """Take the pen from the screen."""
        self._dispatch("mouseReleased", position)

    def _dispatch(self, event_type, position):
        event = {"type": event_type, "x": position[0], "y": position[1], "button": "left", "buttons": 1}
        self._session.send("Input.dispatchMouseEvent", {**event, "clickCount": 1, "pointerType": "pen"})
