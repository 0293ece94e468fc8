"""A service that receives large and hostile pictures fits into the memory of its container."""

import re
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import httpx
import pytest
import yaml
from PIL import Image

from app.http.admission import MAX_PICTURE_BODIES
from app.settings import Settings
from tests.conftest import ROOT
from tests.drawing import draw
from tests.e2e.server import HTTP, peak_memory_bytes, running
from tests.machine import skip_without_proc
from tests.picture_requests import PATH, encode_picture

pytestmark = [pytest.mark.e2e, pytest.mark.clients]  # takes too long for `make test`

PHOTO_SIZE = (4600, 3450)  # 15.9 million pixels, a phone's photo
FORM_BYTES = 1024  # more than the parts of a form need besides its file
LARGEST_FILE_BYTES = Settings.model_fields["max_picture_bytes"].default - FORM_BYTES


def memory_limit_bytes():
    """Read the memory limit of the service from the Compose file."""
    limit = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["digits"]["mem_limit"]
    return int(limit.removesuffix("m")) * 1024 * 1024


def draw_large(size=PHOTO_SIZE):
    """Draw a large black 7 on white, and on a transparent background."""
    drawing = Image.new("L", size, 255)
    drawing.paste(Image.fromarray(draw(7)).resize((min(size), min(size))))
    transparent = Image.new("RGBA", size)
    transparent.putalpha(drawing.point(lambda value: 255 - value))
    return drawing, transparent


def pad(data):
    """Append bytes to a file until it has the largest size; the service receives the bytes behind a picture, too."""
    return data + bytes(LARGEST_FILE_BYTES - len(data))


def large_and_hostile_requests():
    """Create picture files: each with whether it is sent in a form, and the status of its answer."""
    drawing, transparent_drawing = draw_large()
    transparent = encode_picture(transparent_drawing, compress_level=1)
    wide = encode_picture(draw_large((16_000, 1_000))[1], compress_level=1)
    progressive = encode_picture(drawing.convert("RGB"), "JPEG", progressive=True, subsampling=0)
    bomb = encode_picture(Image.new("1", (20_000, 20_000)))
    return [
        (pad(transparent), False, 200),
        (pad(transparent), True, 200),
        (pad(progressive), False, 200),
        (pad(progressive), True, 200),
        (wide, False, 200),
        (progressive[:-1000], False, 422),  # decoded with two possible ends
        (pad(transparent[: len(transparent) // 2]), True, 422),
        (pad(bomb), True, 413),
    ]


def post_file(url, file, as_form):
    """Send a picture file in a form or as a body."""
    return HTTP.post(url, **({"files": {"file": file}} if as_form else {"content": file}), timeout=60)


def resident_bytes(pid, folder):
    """Add the resident memory of a process to the size of the files in a folder that it has open.

    In the container, the folder for files of forms is in memory. The files have no names.
    """
    (kilobytes,) = re.findall(r"VmRSS:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(kilobytes) * 1024 + sum(open_file_bytes(Path(f"/proc/{pid}/fd"), folder))


def open_file_bytes(descriptors, folder):
    """Yield the size of each file in a folder that a process has open."""
    for descriptor in descriptors.iterdir():
        try:
            if descriptor.readlink().is_relative_to(folder):
                yield descriptor.stat().st_size
        except FileNotFoundError:  # closed meanwhile
            continue


def send_files(server, sent, clients, folder):
    """Send files from several connections, and probe the liveness of the service meanwhile.

    Args:
        server: A running service.
        sent: For each request, the file and whether it is sent in a form.
        clients: Largest number of simultaneous requests.
        folder: The folder for files of forms.
    Returns:
        The replies, and the largest memory that was seen, in bytes.
    """
    peak = 0
    with ThreadPoolExecutor(clients) as pool, httpx.Client(timeout=5) as http:
        futures = [pool.submit(post_file, server.url + PATH, *request) for request in sent]
        while wait(futures, timeout=0.01).not_done:
            assert http.get(f"{server.url}/livez").status_code == 200
            peak = max(peak, resident_bytes(server.process.pid, folder))
        return [future.result() for future in futures], peak


@skip_without_proc()  # reads the memory of the service
def test_large_and_hostile_pictures_fit_into_the_container_and_probes_are_answered_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    requests = large_and_hostile_requests()
    sent = [(file, as_form) for file, as_form, _ in requests]
    excessive = [request for request in sent if len(request[0]) == LARGEST_FILE_BYTES] * 3
    with running() as server:
        # The queue has room for the bodies of so many clients, so none gets a 503.
        replies, peak = send_files(server, sent, MAX_PICTURE_BODIES, tmp_path)
        rejected, rejected_peak = send_files(server, excessive, len(excessive), tmp_path)
        process_peak = peak_memory_bytes(server.process.pid)
    assert [reply.status_code for reply in replies] == [status for *_, status in requests]
    assert {reply.json()["digit"] for reply in replies if reply.status_code == 200} == {7}
    assert 503 in {reply.status_code for reply in rejected}
    assert max(peak, rejected_peak, process_peak) < memory_limit_bytes()
