"""Take the screenshot of the page for the README, `docs/page.png`: `python -m tests.e2e.screenshot`."""

from playwright.sync_api import ViewportSize

from tests.conftest import ROOT
from tests.e2e.browser import DrawingPage, running_browser
from tests.e2e.server import running

VIEWPORT: ViewportSize = {"width": 1120, "height": 676}


def main():
    """Draw a 3 on the page, and save the screenshot."""
    with running_browser() as browser, running(port=8000) as server:
        drawing_page = DrawingPage(browser.new_context(viewport=VIEWPORT).new_page(), f"{server.url}/")
        drawing_page.draw(3)
        drawing_page.expect_prediction(3)
        drawing_page.page.screenshot(path=ROOT / "docs" / "page.png", animations="disabled")


if __name__ == "__main__":
    main()
