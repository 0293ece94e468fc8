"""Private behaviour of Python and of other libraries, which docs/dependencies.md lists.

A test fails if a new version of the dependency behaves differently. It uses the dependency alone, so that the failure
names the assumption and not a symptom in the service.
"""

import multiprocessing
import os
import signal
import struct
import zlib
from io import BytesIO
from multiprocessing import resource_tracker
from multiprocessing.context import assert_spawning
from multiprocessing.reduction import DupFd
from operator import methodcaller
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import fastapi_offline
import httptools
import pytest
from opentelemetry import trace
from PIL import Image, ImageFile
from prometheus_client import exposition
from prometheus_client.metrics_core import GaugeMetricFamily


def test_multiprocessing_sends_a_descriptor_to_a_process_that_is_being_started():
    class Descriptor:
        def __init__(self, file):
            self.file = file

        def __reduce__(self):
            assert_spawning(self)
            return methodcaller("detach"), (DupFd(self.file),)  # in the new process: the number of the descriptor

    receiver, sender = os.pipe()
    with os.fdopen(receiver, "rb") as pipe:
        process = multiprocessing.get_context("spawn").Process(target=os.write, args=(Descriptor(sender), b"sent"))
        process.start()
        os.close(sender)
        assert pipe.read() == b"sent"
        process.join()


def test_multiprocessing_raises_if_an_object_is_pickled_while_no_process_is_being_started():
    with pytest.raises(RuntimeError, match="SimpleNamespace"):
        assert_spawning(SimpleNamespace())


@pytest.mark.parametrize(("colour_type", "raw_mode"), [(2, "RGB;16B"), (4, "LA;16B"), (6, "RGBA;16B")])
def test_pillow_names_the_raw_mode_of_a_png_with_16_bits_for_each_colour(colour_type, raw_mode):
    head = struct.pack(">IIBBBBB", 1, 1, 16, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(9))), (b"IEND", b"")]
    file = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    with Image.open(BytesIO(file), formats=["PNG"]) as picture:
        assert isinstance(picture, ImageFile.ImageFile)
        assert picture.tile[0].args == raw_mode


def test_pillow_copies_the_information_of_a_picture_into_each_crop():
    picture = Image.new("L", (2, 2))
    picture.info = {"transparency": 0}
    crop = picture.crop((0, 0, 1, 1))
    assert crop.info == {"transparency": 0}
    assert crop.info is not picture.info


def test_prometheus_client_writes_the_metrics_of_any_collector():
    collector = SimpleNamespace(collect=lambda: [GaugeMetricFamily("a", "B.", 1)])
    assert exposition.generate_latest(collector) == b"# HELP a B.\n# TYPE a gauge\na 1.0\n"


def test_opentelemetry_has_a_proxy_provider_if_no_library_has_set_one_up():
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


@pytest.mark.parametrize("body", [b"", b"content-length: 2\r\n", b"transfer-encoding: chunked\r\n"])
def test_httptools_stops_behind_a_head_with_an_offer_to_upgrade(body):
    class Protocol:
        calls: ClassVar[list[str]] = []

        def on_headers_complete(self):
            self.calls.append("headers")
            assert parser.should_upgrade()

        def on_body(self, _):
            self.calls.append("body")

        def on_message_complete(self):
            self.calls.append("complete")

    parser = httptools.HttpRequestParser(Protocol())
    head = b"POST / HTTP/1.1\r\nhost: digits\r\nconnection: upgrade\r\nupgrade: h2c\r\n" + body + b"\r\n"
    with pytest.raises(httptools.HttpParserUpgrade) as caught:
        parser.feed_data(memoryview(head + b"ab"))
    assert caught.value.args == (len(head),)
    assert (parser.get_method(), parser.get_http_version()) == (b"POST", "1.1")
    assert Protocol.calls == ["headers", "complete"]


def send_blocked_signals(pipe):
    """Send the signals that this process blocks."""
    pipe.send(signal.pthread_sigmask(signal.SIG_BLOCK, []))


def test_multiprocessing_starts_a_process_with_the_signal_mask_of_its_parent_if_the_resource_tracker_runs():
    signals = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(target=send_blocked_signals, args=(sender,))
    resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    assert receiver.poll(30)
    assert receiver.recv() >= signals
    process.join(30)


def test_fastapi_offline_has_the_files_of_swagger_ui():
    folder = Path(fastapi_offline.__file__).parent / "static"
    assert b"SwaggerUIBundle" in (folder / "swagger-ui-bundle.js").read_bytes()
    assert b".swagger-ui" in (folder / "swagger-ui.css").read_bytes()
    assert (folder / "favicon.png").read_bytes().startswith(b"\x89PNG")
