"""The drawing page in Chromium: pending and outdated predictions, and a service that is busy, lost or incomplete."""

import socket
import time

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import BROWSER_MARKS, DESKTOP, PREDICTIONS, DrawingPage, hold_requests
from tests.e2e.server import poll_until, running

pytestmark = BROWSER_MARKS


def release(page, held):
    """Let the held requests continue, and do not hold any further ones."""
    for route in held:
        route.continue_()
    page.unroute(PREDICTIONS)


def colour(page, selector):
    """Return the colour of a text."""
    return page.locator(selector).evaluate("element => getComputedStyle(element).color")


def test_last_answer_is_dimmed_while_a_prediction_is_pending(open_page):
    drawing_page = open_page()
    page = drawing_page.page
    drawing_page.draw(1)
    drawing_page.expect_prediction(1)
    colours = [colour(page, selector) for selector in ("#digit", "#confidence", "#bars .predicted")]
    held = hold_requests(page)
    with page.expect_request(PREDICTIONS):
        drawing_page.draw_strokes(drawing_page.strokes(4)[:1])
    expect(page.locator("#answer")).to_contain_class("waiting")
    expect(page.locator("#digit")).to_have_text("1")
    for selector, bright in zip(("#digit", "#confidence", "#bars .predicted"), colours, strict=True):
        expect(page.locator(selector)).not_to_have_css("color", bright)
    drawing_page.expect_status("Waiting for the answer")
    release(page, held)
    expect(page.locator(".answer:not(.waiting) #digit")).not_to_have_text("1")
    expect(page.locator("#digit")).to_have_css("color", colours[0])
    expect(page.locator("#status")).to_be_empty()


def test_outdated_request_is_aborted_and_its_answer_is_never_shown(open_page):
    drawing_page = open_page()
    page = drawing_page.page
    digits = page.evaluate_handle(
        """() => {
            const digits = [];
            const digit = document.getElementById("digit");
            new MutationObserver(() => digits.push(digit.textContent)).observe(digit, {childList: true});
            return digits;
        }"""
    )
    held = hold_requests(page)
    with page.expect_request(PREDICTIONS):
        drawing_page.draw_strokes([[drawing_page.on_canvas(0.58, 0.6)]])  # a dot, with a single request
    with page.expect_event("requestfailed"):
        drawing_page.draw(4)  # over the dot
    release(page, held)
    drawing_page.expect_prediction(4)
    assert digits.json_value() == ["4"]


def test_clear_aborts_the_request_in_progress(open_page):
    drawing_page = open_page()
    page = drawing_page.page
    held = hold_requests(page)
    with page.expect_request(PREDICTIONS):
        drawing_page.draw_strokes([[drawing_page.on_canvas(0.5, 0.5)]])
    with page.expect_event("requestfailed"):
        page.keyboard.press("Escape")
    release(page, held)
    expect(page.locator("#answer")).not_to_contain_class("waiting")
    expect(page.locator("#digit")).to_be_empty()


def test_slow_link_gets_requests_during_a_long_stroke_but_only_a_few(open_page):
    drawing_page = open_page()
    page = drawing_page.page
    held = hold_requests(page)
    page.mouse.move(*drawing_page.on_canvas(0.2, 0.2))
    page.mouse.down()
    end = time.monotonic() + 2  # of the stroke, in which up to 16 requests would fit
    ways = [drawing_page.on_canvas(x, 0.5) for x in (0.3, 0.7)]
    poll_until(lambda: [page.mouse.move(*position) for position in ways] and time.monotonic() > end)
    assert 0 < len(held) < 8
    page.mouse.up()


@pytest.mark.parametrize("is_changed", [False, True], ids=["same drawing", "changed drawing"])
def test_busy_service_is_asked_again_when_it_allows(browser, is_changed):
    context = browser.new_context(**DESKTOP)
    with running(max_pictures_in_flight=1) as server:
        drawing_page = DrawingPage(context.new_page(), f"{server.url}/")
        requests, pauses = [], []
        drawing_page.page.on("request", lambda _: requests.append(time.monotonic()))
        drawing_page.page.on("response", lambda answer: pauses.append(pause_after(answer)))
        with socket.create_connection(("127.0.0.1", server.start["port"])) as slow_upload:
            slow_upload.sendall(b"POST /predict/picture HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n")
            drawing_page.draw(4)
            drawing_page.expect_status("The service is busy. Your drawing is kept, and the answer follows.")
            if is_changed:
                drawing_page.page.keyboard.press("Control+z")
                drawing_page.page.keyboard.press("Control+Shift+Z")
        drawing_page.expect_prediction(4)
        expect(drawing_page.page.locator("#status")).to_be_empty()
    context.close()
    assert all("503" in error for error in drawing_page.errors)
    assert any(end > start for start, end in pauses)
    assert not [time for time in requests for start, end in pauses if start < time < end - 0.1]


def pause_after(answer):
    """Return the start and the end of the time in which an answer allows no other request."""
    start = time.monotonic()
    return start, start + int(answer.headers.get("retry-after", 0))


def test_lost_service_is_reported_calmly_and_the_page_connects_again(browser):
    with socket.create_server(("127.0.0.1", 0)) as free_socket:
        port = free_socket.getsockname()[1]
    context = browser.new_context(**DESKTOP)
    with running(port=port) as server:
        drawing_page = DrawingPage(context.new_page(), f"{server.url}/")
        drawing_page.draw(1)
        drawing_page.expect_prediction(1)
    drawing_page.page.keyboard.press("Escape")
    drawing_page.draw(0)
    drawing_page.expect_status("No connection. Your drawing is kept, and the page connects again.")
    with running(port=port):
        drawing_page.expect_prediction(0)
        expect(drawing_page.page.locator("#status")).to_be_empty()
    context.close()
    assert all("ERR_CONNECTION_REFUSED" in error for error in drawing_page.errors)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 403, "body": "forbidden"},
        {"status": 404, "content_type": "application/problem+json", "body": '{"type": "about:blank", "status": 404}'},
        {"status": 200, "content_type": "text/html", "body": "<form>Log in</form>"},
        {"status": 502, "body": "bad gateway"},
        {"status": 200, "content_type": "application/json", "body": "{}"},
    ],
    ids=["forbidden", "not found", "log-in page", "bad gateway", "other JSON"],
)
def test_model_card_is_hidden_if_a_proxy_withholds_the_metrics(browser, server, answer):
    context = browser.new_context(**DESKTOP)
    context.route("**/metrics", lambda route: route.fulfill(**answer))
    drawing_page = DrawingPage(context.new_page(), f"{server.url}/")
    drawing_page.draw(3)
    drawing_page.expect_prediction(3)
    for name in ("#model-card", "#model-card-link"):
        expect(drawing_page.page.locator(name)).to_be_hidden()
    context.close()
    assert all(str(answer["status"]) in error for error in drawing_page.errors)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 413, "body": "<h1>413 Request Entity Too Large</h1>"},
        {"status": 422, "content_type": "application/json", "body": '{"detail": "an answer of a proxy"}'},
        {"status": 200, "content_type": "text/html", "body": "<form>Log in</form>"},
        {"status": 200, "content_type": "application/json", "body": "{}"},
        {"status": 200, "content_type": "application/json", "body": "null"},
    ],
    ids=["too large", "other problem", "log-in page", "other JSON", "null"],
)
def test_answer_of_a_proxy_gets_a_message_without_terms_of_the_api(browser, server, answer):
    context = browser.new_context(**DESKTOP)
    context.route(PREDICTIONS, lambda route: route.fulfill(**answer))
    drawing_page = DrawingPage(context.new_page(), f"{server.url}/")
    drawing_page.draw(3)
    drawing_page.expect_status("This page cannot get an answer here. Reload it, or try again later.")
    expect(drawing_page.page.locator("#digit")).to_be_empty()
    context.close()
    assert all(str(answer["status"]) in error for error in drawing_page.errors)


def test_page_works_in_a_browser_without_abort_signal_any(open_page):
    drawing_page = open_page(init_script="delete AbortSignal.any; delete AbortSignal.timeout;")
    drawing_page.draw(7)
    drawing_page.expect_prediction(7)
    assert drawing_page.page.evaluate("AbortSignal.any") is None
