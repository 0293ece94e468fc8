"""Take the README's picture of the page, `docs/page.png`: `python -m tests.e2e.screenshot`."""

from playwright.sync_api import sync_playwright

from tests.conftest import ROOT
from tests.e2e.server import running
from tests.e2e.test_page import BROWSER, FLAGS, Visit

SCREEN = {"viewport": {"width": 1120, "height": 740}}


def main():
    with sync_playwright() as playwright, running(port=8000) as server:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        visit = Visit(browser.new_context(**SCREEN).new_page(), f"{server.url}/")
        visit.draw(3)
        visit.expect_digit(3)
        visit.page.screenshot(path=ROOT / "docs" / "page.png", animations="disabled")
        browser.close()


if __name__ == "__main__":
    main()
