"""Pictures over a real socket: what they cost, and that nothing else waits for them."""

import io
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from PIL import Image

from tests.drawing import draw
from tests.e2e.server import peak_bytes, running

CONTAINER_BYTES = 256 * 1024 * 1024
LARGE = (4600, 3450)  # 15.9 million points, a phone's photo


def large(form, mode, size=LARGE, **options):
    drawn = Image.new("L", size, 255)
    side = min(size)
    drawn.paste(Image.fromarray(draw(7)).resize((side, side)))
    if mode == "RGBA":
        layered = Image.new("RGBA", size)
        layered.putalpha(drawn.point(lambda value: 255 - value))
        drawn = layered
    buffer = io.BytesIO()
    drawn.convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak from /proc")
def test_large_pictures_at_once_fit_the_container_and_probes_are_answered_meanwhile():
    transparent = large("PNG", "RGBA", compress_level=1)
    pictures = [
        transparent,
        transparent + bytes(7 * 1024 * 1024),  # what follows the end of a picture is sent all the same
        large("PNG", "RGBA", (16_000, 1_000), compress_level=1),
        large("JPEG", "RGB", progressive=True, subsampling=0),
    ]
    with running() as server, ThreadPoolExecutor(24) as pool, httpx.Client(timeout=60) as http:
        address = f"{server.url}/predict/picture"
        replies = [pool.submit(httpx.post, address, content=p, timeout=60) for p in pictures * 5]
        while not all(reply.done() for reply in replies):
            assert http.get(f"{server.url}/livez", timeout=5).status_code == 200
        statuses = {reply.result().status_code for reply in replies}
        assert statuses <= {200, 503}
        assert 200 in statuses
        assert {r.result().json()["digit"] for r in replies if r.result().status_code == 200} == {7}
        assert peak_bytes(server.process.pid) < CONTAINER_BYTES


def test_what_decoders_and_parsers_warn_of_is_not_logged():
    damaged = io.BytesIO()
    Image.fromarray(draw(7)).save(damaged, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    form = {"content": b"--x\r\nno header\r\n", "headers": {"content-type": "multipart/form-data; boundary=x"}}
    with running() as server:
        assert httpx.post(f"{server.url}/predict/picture", content=damaged.getvalue()).json()["digit"] == 7
        assert httpx.post(f"{server.url}/predict/picture", **form).status_code == 400
        assert server.stop() == 0
    assert [line["message"] for line in server.log] == ["stopped"]
