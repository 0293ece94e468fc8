"""The main path of the drawing page in Firefox: draw, undo, drop a picture, lose the server and regain it."""

import base64
import json
import os
import select
import shutil
import signal
import socket
import subprocess
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import ROOT
from tests.drawing import STROKES, draw
from tests.e2e.client_tools import needs_node_packages
from tests.e2e.server import running
from tests.machine import skip_without
from tests.picture_requests import encode_picture

pytestmark = [pytest.mark.e2e, pytest.mark.clients, needs_node_packages, skip_without("firefox-esr", "node")]

PROGRAM = ROOT / "tests" / "e2e" / "clients" / "firefox_page.mjs"
# The program has shorter limits of its own for each step, and reports them as errors.
REPLY_LIMIT_SECONDS = 90


class FirefoxPage:
    """A page in Firefox.

    Args:
        process: The program `firefox_page.mjs`, with pipes for its commands and replies.
    """

    def __init__(self, process):
        self._process = process
        self._process_groups = [process.pid]

    def wait_for_start(self):
        """Wait until Firefox has started, in a process group of its own."""
        self._process_groups.append(self._receive())

    def open(self, url):
        """Open a drawing page, and wait until it is complete."""
        self._run("open", url=url)
        self.expect_text("#accuracy", "99[.]66")

    def draw(self, digit):
        """Draw a digit with the mouse, over 60 % of the height of the canvas."""
        strokes = [[(0.5 + (x - 0.5) * 0.6, 0.2 + y * 0.6) for x, y in stroke] for stroke in STROKES[digit]]
        self._run("draw", selector="#canvas", strokes=strokes)

    def click(self, selector):
        """Click an element."""
        self._run("click", selector=selector)

    def press(self, keys):
        """Press keys together, for example "Control+z"."""
        self._run("press", keys=keys)

    def drop(self, name, media_type, data):
        """Drop a file on the canvas."""
        content = base64.b64encode(data).decode()
        self._run("drop", selector="#canvas", name=name, type=media_type, base64=content)

    def expect_text(self, selector, pattern):
        """Wait until the text of an element matches a regular expression."""
        self._run("waitForText", selector=selector, pattern=pattern)

    def expect_prediction(self, digit):
        """Wait until the page shows a digit as its prediction, and is not waiting for another one."""
        self.expect_text(".answer:not(.waiting) #digit", f"^{digit}$")

    def expect_no_prediction(self):
        """Wait until the page shows no digit."""
        self.expect_text("#digit", "^$")

    def take_errors(self):
        """Return the JavaScript errors since the last call."""
        return self._run("takeErrors")

    def close(self):
        """Close Firefox and the program. Kill them if they do not end."""
        try:
            self._process.stdin.close()
            self._process.wait(timeout=REPLY_LIMIT_SECONDS)
        finally:
            self._kill()

    def _run(self, command, **options):
        self._process.stdin.write(json.dumps({"command": command, **options}) + "\n")
        self._process.stdin.flush()
        return self._receive()

    def _receive(self):
        if not any(select.select([self._process.stdout], [], [], REPLY_LIMIT_SECONDS)):
            self._kill()
            pytest.fail(f"Firefox did not answer within {REPLY_LIMIT_SECONDS} seconds")
        line = self._process.stdout.readline()
        assert line, "firefox_page.mjs has ended; its error output tells why"
        reply = json.loads(line)
        assert "error" not in reply, reply["error"]
        return reply["result"]

    def _kill(self):
        for process_group in self._process_groups:
            with suppress(ProcessLookupError):
                os.killpg(process_group, signal.SIGKILL)


@contextmanager
def running_firefox():
    """Start Firefox with a new profile and without a display, and close it in the end."""
    with (
        TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        subprocess.Popen(
            ["node", PROGRAM, str(shutil.which("firefox-esr"))],
            env={**os.environ, "HOME": folder, "TMPDIR": folder},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        page = FirefoxPage(process)
        try:
            page.wait_for_start()
            yield page
        finally:
            page.close()


@pytest.fixture(scope="module")
def firefox():
    """Firefox, for all tests of this module."""
    with running_firefox() as page:
        yield page


@pytest.fixture
def page(firefox, server):
    """The newly opened drawing page in Firefox. After the test, check that it had no error."""
    firefox.open(f"{server.url}/")
    yield firefox
    assert firefox.take_errors() == []


def test_firefox_predicts_digits_drawn_with_mouse(page):
    for digit in (0, 1, 4, 7):
        page.draw(digit)
        page.expect_prediction(digit)
        page.press("Escape")
        page.expect_no_prediction()


def test_firefox_undoes_and_redoes_with_buttons_and_keys(page):
    page.draw(4)
    page.expect_prediction(4)
    page.click("#clear")
    page.expect_no_prediction()
    page.click("#undo")
    page.expect_prediction(4)
    page.click("#redo")
    page.expect_no_prediction()
    page.press("Control+z")
    page.expect_prediction(4)
    page.press("Control+Shift+Z")
    page.expect_no_prediction()


def test_firefox_predicts_digit_of_dropped_picture(page):
    page.drop("five.png", "image/png", encode_picture(draw(5)))
    page.expect_prediction(5)
    page.expect_text("#status", "^$")


def test_firefox_keeps_drawing_when_text_file_is_dropped(page):
    page.draw(7)
    page.expect_prediction(7)
    page.drop("notes.txt", "text/plain", b"7 apples")
    page.expect_text("#status", "cannot open the file")
    page.expect_prediction(7)


def test_firefox_reports_stopped_server_and_predicts_after_restart(firefox):
    with socket.create_server(("127.0.0.1", 0)) as free_socket:
        port = free_socket.getsockname()[1]
    with running(port=port) as server:
        firefox.open(f"{server.url}/")
    firefox.draw(0)
    firefox.expect_text("#status", "No connection")
    with running(port=port):
        firefox.expect_prediction(0)
        firefox.expect_text("#status", "^$")
    assert firefox.take_errors() == []
