"""Pictures over a real socket write no log lines of decoders and parsers."""

import io

import pytest
from PIL import Image

from tests.drawing import draw
from tests.e2e.server import HTTP, running

pytestmark = pytest.mark.e2e


def test_warnings_of_decoders_and_parsers_are_not_logged():
    damaged = io.BytesIO()
    Image.fromarray(draw(7)).save(damaged, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    form, headers = b"--x\r\nno header\r\n", {"content-type": "multipart/form-data; boundary=x"}
    with running() as server:
        assert HTTP.post(f"{server.url}/predict/picture", content=damaged.getvalue()).json()["digit"] == 7
        assert HTTP.post(f"{server.url}/predict/picture", content=form, headers=headers).status_code == 400
        assert server.stop() == 0
    assert [line["message"] for line in server.log] == ["stopped"]
