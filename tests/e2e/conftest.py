"""The browser of the tests that drive one."""

import pytest

from tests.e2e.browser import running_browser


@pytest.fixture(scope="module")
def browser():
    """Chromium, for all tests of a module."""
    with running_browser() as browser:
        yield browser
