"""Take the screenshot of the page for the README, `docs/page.png`: `python -m tests.e2e.screenshot`."""

from playwright.sync_api import ViewportSize, sync_playwright

from tests.conftest import ROOT
from tests.e2e.browser import EXECUTABLE, LAUNCH_FLAGS, DrawingPage
from tests.e2e.server import running

VIEWPORT: ViewportSize = {"width": 1120, "height": 740}


def main():
    """Draw a 3 on the page, and save the screenshot."""
    with sync_playwright() as playwright, running(port=8000) as server:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=LAUNCH_FLAGS)
        drawing_page = DrawingPage(browser.new_context(viewport=VIEWPORT).new_page(), f"{server.url}/")
        drawing_page.draw(3)
        drawing_page.expect_prediction(3)
        drawing_page.page.screenshot(path=ROOT / "docs" / "page.png", animations="disabled")
        browser.close()


if __name__ == "__main__":
    main()
