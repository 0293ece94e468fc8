"""Chromium and a driver of the drawing page, for the tests of the page and for its screenshot."""

import shutil
from contextlib import contextmanager

from playwright.sync_api import expect, sync_playwright

from tests.drawing import STROKES

EXECUTABLE_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
EXECUTABLE = next(filter(None, map(shutil.which, EXECUTABLE_NAMES)), None)
LAUNCH_FLAGS = [
    "--no-sandbox",  # the sandbox does not work for root in a container
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
        expect(page.locator("#accuracy")).to_contain_text("99.66")

    def strokes(self, digit):
        """Yield the strokes of a digit as lists of positions (x, y) on the screen."""
        box = self.page.locator("#canvas").bounding_box()
        side = box["width"] * 0.6
        for stroke in STROKES[digit]:
            yield [
                (box["x"] + box["width"] / 2 + (x - 0.5) * side, box["y"] + box["height"] * 0.2 + y * side)
                for x, y in stroke
            ]

    def draw(self, digit):
        """Draw a digit with the mouse."""
        for stroke in self.strokes(digit):
            self.draw_stroke(stroke)
            self.page.mouse.up()

    def draw_stroke(self, stroke):
        """Draw a stroke with the mouse, and keep the button pressed."""
        mouse = self.page.mouse
        mouse.move(*stroke[0])
        mouse.down()
        for position in stroke[1:]:
            mouse.move(*position, steps=4)

    def draw_with_finger(self, digit):
        """Draw a digit by touch. The events pass through the browser's input pipeline."""
        session = self.page.context.new_cdp_session(self.page)

        def dispatch_touch(event_type, *positions):
            touch_points = [{"x": x, "y": y} for x, y in positions]
            session.send("Input.dispatchTouchEvent", {"type": event_type, "touchPoints": touch_points})

        for stroke in self.strokes(digit):
            dispatch_touch("touchStart", stroke[0])
            for position in stroke[1:]:
                dispatch_touch("touchMove", position)
            dispatch_touch("touchEnd")

    def expect_prediction(self, digit):
        """Wait until the page shows a digit as its prediction."""
        expect(self.page.locator("#digit")).to_have_text(str(digit), timeout=10_000)
