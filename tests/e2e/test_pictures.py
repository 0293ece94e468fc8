"""Pictures over a real socket: memory for large ones, probes meanwhile, and no log lines of decoders."""

import io
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from PIL import Image

from tests.drawing import draw
from tests.e2e.server import HTTP, peak_memory_bytes, running
from tests.machine import skip_without_proc

pytestmark = pytest.mark.e2e

CONTAINER_BYTES = 256 * 1024 * 1024
PHOTO_SIZE = (4600, 3450)  # 15.9 million pixels, a phone's photo


def large_picture(file_format, mode, size=PHOTO_SIZE, **options):
    """Draw a large 7 as a file, in bytes.

    Args:
        file_format: Pillow's name of the file format.
        mode: Pillow's mode; with RGBA, the background is transparent.
        size: Width and height in pixels.
        options: Options of Pillow's encoder.
    """
    picture = Image.new("L", size, 255)
    side = min(size)
    picture.paste(Image.fromarray(draw(7)).resize((side, side)))
    if mode == "RGBA":
        transparent = Image.new("RGBA", size)
        transparent.putalpha(picture.point(lambda value: 255 - value))
        picture = transparent
    buffer = io.BytesIO()
    picture.convert(mode).save(buffer, file_format, **options)
    return buffer.getvalue()


@skip_without_proc()  # reads the peak of memory
def test_concurrent_large_pictures_fit_into_the_container_and_probes_are_answered_meanwhile():
    transparent = large_picture("PNG", "RGBA", compress_level=1)
    pictures = [
        transparent,
        transparent + bytes(7 * 1024 * 1024),  # bytes behind the end of a picture are received, too
        large_picture("PNG", "RGBA", (16_000, 1_000), compress_level=1),
        large_picture("JPEG", "RGB", progressive=True, subsampling=0),
    ]
    with running() as server, ThreadPoolExecutor(24) as pool, httpx.Client(timeout=60) as http:
        url = f"{server.url}/predict/picture"
        futures = [pool.submit(HTTP.post, url, content=picture, timeout=60) for picture in pictures * 2]
        while not all(future.done() for future in futures):
            assert http.get(f"{server.url}/livez", timeout=5).status_code == 200
        replies = [future.result() for future in futures]
        statuses = {reply.status_code for reply in replies}
        assert statuses <= {200, 503}
        assert 200 in statuses
        assert {reply.json()["digit"] for reply in replies if reply.status_code == 200} == {7}
        assert peak_memory_bytes(server.process.pid) < CONTAINER_BYTES


def test_warnings_of_decoders_and_parsers_are_not_logged():
    damaged = io.BytesIO()
    Image.fromarray(draw(7)).save(damaged, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    form, headers = b"--x\r\nno header\r\n", {"content-type": "multipart/form-data; boundary=x"}
    with running() as server:
        assert HTTP.post(f"{server.url}/predict/picture", content=damaged.getvalue()).json()["digit"] == 7
        assert HTTP.post(f"{server.url}/predict/picture", content=form, headers=headers).status_code == 400
        assert server.stop() == 0
    assert [line["message"] for line in server.log] == ["stopped"]
