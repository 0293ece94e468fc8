"""`/docs` works in Chromium without a public server, also with a key."""

import json

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import BROWSER_MARKS
from tests.e2e.server import running

pytestmark = BROWSER_MARKS

KEY = "right-key"


@pytest.fixture(scope="module")
def server():
    with running(api_keys=json.dumps([KEY])) as server:
        yield server


@pytest.fixture
def page(browser, server):
    """The open documentation. After the test, check that nothing was blocked and no other host was called."""
    context, messages, urls = browser.new_context(), [], []
    page = context.new_page()
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: urls.append(request.url))
    page.goto(f"{server.url}/docs")
    yield page
    context.close()
    assert [url for url in urls if not url.startswith((server.url, "data:"))] == []
    assert [text for text in messages if "401" not in text] == []


def test_every_operation_is_listed(page, server):
    expect(page.locator(".opblock").first).to_be_visible()
    document = page.request.get(f"{server.url}/openapi.json").json()
    expect(page.locator(".opblock")).to_have_count(sum(len(operations) for operations in document["paths"].values()))


def test_operation_is_tried_without_a_key_and_with_it(page):
    page.locator("#operations-predict-predict .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    status = page.locator(".live-responses-table tbody .response-col_status")
    expect(status).to_contain_text("401")
    page.locator("button.btn.authorize").click()
    page.locator(".modal-ux input").last.fill(KEY)
    page.locator(".modal-ux button.authorize").last.click()
    page.locator(".modal-ux button.btn-done").first.click()
    page.get_by_role("button", name="Execute").click()
    expect(status).to_contain_text("200")
