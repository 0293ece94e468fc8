"""The service and the pages of the tests that drive a browser."""

import pytest

from tests.artefacts import unsure_artefact
from tests.e2e.browser import DESKTOP, DrawingPage
from tests.e2e.server import running


@pytest.fixture(scope="module")
def server():
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def unsure_server(tmp_path_factory, artefact):
    """A service whose network predicts the same digits as the released one, each with less than 60 %."""
    path = tmp_path_factory.mktemp("weights") / "weights.npz"
    unsure_artefact(path, artefact)
    with running(weights=path) as server:
        yield server


@pytest.fixture
def open_page(browser, server):
    """Open drawing pages. After the test, check that they had no error and no request to another host."""
    drawing_pages = []

    def open_drawing_page(device=DESKTOP, init_script="", **options):
        context = browser.new_context(**device, **options)
        context.add_init_script(init_script)
        drawing_pages.append(DrawingPage(context.new_page(), f"{server.url}/"))
        return drawing_pages[-1]

    yield open_drawing_page
    for drawing_page in drawing_pages:
        drawing_page.page.context.close()
        assert drawing_page.errors == []
        own = (server.url, f"blob:{server.url}")
        assert [url for url in drawing_page.requests if not url.startswith(own)] == []
