"""The page asks for a key if the service needs one, and keeps it in memory."""

import json

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import BROWSER_MARKS, DESKTOP, PHONE, DrawingPage
from tests.e2e.client_tools import needs_node_packages
from tests.e2e.page.test_accessibility import assert_no_violations
from tests.e2e.server import running

pytestmark = BROWSER_MARKS

KEY = "right-key"


@pytest.fixture(scope="module")
def server():
    with running(api_keys=json.dumps([KEY]), metrics_needs_key=True) as server:
        yield server


@pytest.fixture
def drawing_page(browser, server):
    context = browser.new_context(**PHONE)
    yield DrawingPage(context.new_page(), f"{server.url}/")
    context.close()


def enter(drawing_page, key):
    drawing_page.page.fill("#key", key)
    drawing_page.page.locator("#key-form button").click()


def test_page_asks_for_a_key_after_the_first_stroke_and_repeats_all_requests_with_it(drawing_page):
    page = drawing_page.page
    form, question = page.locator("#key-form"), page.locator("#key-question")
    expect(form).to_be_hidden()
    drawing_page.draw(3)
    expect(question).to_have_text("This service needs a key:")
    drawing_page.expect_status("This service needs a key. Enter it at the top of the page.")
    enter(drawing_page, "wrong-key")
    expect(question).to_have_text("This key is not valid. Enter another key:")
    enter(drawing_page, KEY)
    drawing_page.expect_prediction(3)
    expect(form).to_be_hidden()
    expect(page.locator("#status")).to_be_empty()
    expect(page.locator("#model-card")).to_be_visible()
    drawing_page.page.locator("#clear").click()
    drawing_page.draw(7)
    drawing_page.expect_prediction(7)
    unauthorized = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"
    assert set(drawing_page.errors) == {unauthorized}  # the browser writes them


def test_key_is_in_no_address_no_storage_and_no_copied_command(drawing_page):
    page = drawing_page.page
    drawing_page.draw(3)
    enter(drawing_page, KEY)
    drawing_page.expect_prediction(3)
    stored = page.evaluate("JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}, location.href])")
    assert KEY not in stored
    assert not any(KEY in url for url in drawing_page.requests)
    assert page.locator("#key").get_attribute("type") == "password"
    assert page.locator("#curl").text_content().count('-H "X-API-Key: $KEY"') == 1
    assert KEY not in page.locator("#curl").text_content()
    page.reload()
    drawing_page.draw(3)
    expect(page.locator("#key-form")).to_be_visible()


def test_keyboard_in_the_field_does_not_change_the_drawing(drawing_page):
    page = drawing_page.page
    drawing_page.draw(3)
    expect(page.locator("#key-form")).to_be_visible()
    page.locator("#key").focus()
    for key in ("x", "Delete", "Escape", "Control+z"):
        page.keyboard.press(key)
    expect(page.locator("#clear")).to_have_attribute("aria-disabled", "false")
    page.fill("#key", KEY)
    page.keyboard.press("Enter")
    drawing_page.expect_prediction(3)


@pytest.mark.parametrize("key", ["", "two words", "ключ"])
def test_text_that_cannot_be_a_key_is_not_sent(drawing_page, key):
    drawing_page.draw(3)
    expect(drawing_page.page.locator("#key-form")).to_be_visible()
    enter(drawing_page, key)
    assert drawing_page.page.evaluate("document.getElementById('key').validity.valid") is False
    expect(drawing_page.page.locator("#key-question")).to_have_text("This service needs a key:")


def test_form_covers_the_top_and_moves_nothing(drawing_page):
    before = drawing_page.page.locator("#canvas").bounding_box()
    drawing_page.draw(3)
    expect(drawing_page.page.locator("#key-form")).to_be_visible()
    assert drawing_page.page.locator("#canvas").bounding_box() == before


@needs_node_packages
@pytest.mark.parametrize(("device", "scheme"), [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light")])
def test_axe_finds_nothing_in_the_form(browser, server, device, scheme):
    context = browser.new_context(**device, color_scheme=scheme)
    drawing_page = DrawingPage(context.new_page(), f"{server.url}/")
    drawing_page.draw(3)
    expect(drawing_page.page.locator("#key-form")).to_be_visible()
    assert_no_violations(drawing_page.page)
    context.close()
