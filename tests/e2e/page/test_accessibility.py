"""The drawing page in Chromium: axe-core in all states, contrast, the focus of the keyboard, and announcements."""

import socket

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import BROWSER_MARKS, DESKTOP, PHONE, TEXT_CONTRASTS, DrawingPage, hold_requests
from tests.e2e.client_tools import NODE_MODULES, needs_node_packages
from tests.e2e.server import running

pytestmark = BROWSER_MARKS

BLANK_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
AXE = NODE_MODULES / "axe-core" / "axe.min.js"


def assert_no_violations(page):
    """Check the page with all rules of axe-core."""
    page.wait_for_function("() => document.getAnimations().length === 0")  # axe measures the colours
    page.evaluate(AXE.read_text())
    violations = page.evaluate("axe.run({resultTypes: ['violations']}).then(({violations}) => violations)")
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in violations] == []


@needs_node_packages
@pytest.mark.parametrize(("device", "scheme"), [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light")])
def test_axe_finds_nothing_while_the_page_is_empty_answered_pending_rejected_or_lost(browser, device, scheme):
    context = browser.new_context(**device, color_scheme=scheme)
    with socket.create_server(("127.0.0.1", 0)) as free_socket:
        port = free_socket.getsockname()[1]
    with running(port=port) as server:
        drawing_page = DrawingPage(context.new_page(), f"{server.url}/")
        page = drawing_page.page
        expect(page.locator("#model-card")).to_be_visible()
        assert_no_violations(page)
        drawing_page.draw(7)
        drawing_page.expect_prediction(7)
        assert_no_violations(page)
        hold_requests(page)
        drawing_page.draw_strokes([[drawing_page.on_canvas(0.9, 0.9)]])
        drawing_page.expect_status("Waiting")
        assert_no_violations(page)
        page.unroute_all()
        page.keyboard.press("Escape")
        drawing_page.drop(("blank.svg", "image/svg+xml", BLANK_SVG))
        drawing_page.expect_status("Nothing to see yet")
        assert_no_violations(page)
    page.keyboard.press("Escape")
    drawing_page.draw(1)
    drawing_page.expect_status("No connection")
    assert_no_violations(page)
    context.close()


@pytest.mark.parametrize(
    ("device", "scheme"), [(PHONE, "light"), (PHONE, "dark"), (DESKTOP, "light"), (DESKTOP, "dark")]
)
def test_every_text_has_a_contrast_of_at_least_4_5_with_its_background(open_page, device, scheme):
    drawing_page = open_page(device, color_scheme=scheme)
    drawing_page.draw(7)
    drawing_page.expect_prediction(7)
    expect(drawing_page.page.locator("#model-card")).to_be_visible()
    contrasts = drawing_page.page.evaluate(TEXT_CONTRASTS)
    assert len(contrasts) > 40
    assert [text for text, contrast in contrasts if contrast < 4.5] == []


def test_focus_stays_on_a_button_that_has_nothing_left_to_do(open_page):
    drawing_page = open_page()
    page = drawing_page.page
    drawing_page.draw(1)
    drawing_page.expect_prediction(1)
    for name, key in (("clear", "Enter"), ("undo", "Space"), ("undo", "Enter"), ("redo", "Space"), ("redo", "Enter")):
        page.locator(f"#{name}").focus()
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.id") == name
    drawing_page.draw(1)
    assert page.evaluate("document.activeElement.id") == "redo"
    drawing_page.expect_prediction(1)
    page.locator("#copy").focus()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "copy"
    expect(page.locator("#copy")).to_have_attribute("aria-disabled", "true")


def test_predictions_and_actions_are_announced(browser, server):
    context = browser.new_context(**DESKTOP, permissions=["clipboard-write", "clipboard-read"])
    drawing_page = DrawingPage(context.new_page(), f"{server.url}/")
    live_region = drawing_page.page.locator("[aria-live=polite]")
    drawing_page.draw(7)
    expect(live_region).to_have_text("Recognised as 7, 99 percent sure")
    drawing_page.page.locator("#copy").click()
    expect(live_region).to_have_text("Copied")
    expect(drawing_page.page.locator("#copy")).to_have_text("Copied")
    assert drawing_page.page.evaluate("navigator.clipboard.readText()").startswith("curl ")
    drawing_page.page.locator("#clear").click()
    expect(live_region).to_have_text("Cleared")
    drawing_page.page.locator("#undo").click()
    expect(live_region).to_have_text("Undone")
    expect(live_region).to_have_text("Recognised as 7, 99 percent sure")
    drawing_page.page.locator("#redo").click()
    expect(live_region).to_have_text("Redone")
    assert drawing_page.errors == []
    context.close()


def test_unavailable_buttons_do_nothing(open_page):
    drawing_page = open_page()
    for name in ("undo", "redo", "clear", "copy"):
        button = drawing_page.page.locator(f"#{name}")
        expect(button).to_have_attribute("aria-disabled", "true")
        button.click(force=True)
    expect(drawing_page.page.locator("[aria-live=polite]")).to_be_empty()
