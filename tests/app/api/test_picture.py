"""`/predict/picture`: which files are read, how, and which are refused."""

import asyncio
import io
import struct
import zlib
from datetime import timedelta

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.api import picture
from app.main import create_app
from app.pictures import upload
from app.settings import Settings
from tests.drawing import draw

DIGITS = range(10)


def encode(image, form="PNG", **options):
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, form, **options)
    return buffer.getvalue()


def post(client, data, kind="image/png", **options):
    return client.post("/predict/picture", content=data, headers={"content-type": kind}, **options)


def is_answered(reply):
    """Whether a reply blames nobody but the caller, and came within a time that is far above any seen."""
    return 200 <= reply.status_code < 500 and reply.elapsed < timedelta(seconds=5)


def refusal(reply, status):
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    return reply.json()


def transparent(drawn, mode="RGBA"):
    """Black ink on nothing; where there is nothing, the colour is black too."""
    layered = Image.new("RGBA", drawn.shape[::-1])
    layered.putalpha(Image.fromarray(255 - drawn))
    return layered.convert(mode)


def turned(drawn, orientation, form):
    """The picture as a camera stores it that was held otherwise."""
    store = {1: 0, 3: 2, 6: 1, 8: 3}[orientation]  # quarters by which the stored picture is turned
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(np.rot90(drawn, store), form, exif=exif)


def bomb(side):
    """A PNG whose head promises side × side points, and whose body would inflate to them."""
    rows = zlib.compress(bytes(1 + side) * 64, 9)
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


@pytest.mark.parametrize("digit", DIGITS)
def test_a_drawn_digit_is_read_and_what_the_network_saw_is_shown(client, digit):
    reply = post(client, encode(draw(digit)))
    assert reply.status_code == 200
    body = reply.json()
    assert sorted(body) == ["digit", "pixels", "probabilities"]
    assert body["digit"] == digit
    assert np.shape(body["pixels"]) == (8, 8)
    again = client.post("/predict", json={"pixels": body["pixels"]}).json()
    assert again["digit"] == digit
    assert again["probabilities"] == pytest.approx(body["probabilities"], abs=1e-6)


VARIANTS = {
    "JPEG at quality 70": lambda d: (encode(d, "JPEG", quality=70), "image/jpeg"),
    "a progressive JPEG": lambda d: (encode(d, "JPEG", progressive=True), "image/jpeg"),
    "a JPEG in CMYK": lambda d: (encode(Image.fromarray(d).convert("CMYK"), "JPEG"), "image/jpeg"),
    "WebP": lambda d: (encode(d, "WEBP"), "image/webp"),
    "a transparent WebP": lambda d: (encode(transparent(d), "WEBP"), "image/webp"),
    "BMP": lambda d: (encode(d, "BMP"), "image/bmp"),
    "colours": lambda d: (encode(Image.fromarray(d).convert("RGB")), "image/png"),
    "a palette": lambda d: (encode(Image.fromarray(d).convert("P")), "image/png"),
    "a palette with a transparent colour": lambda d: (
        encode(Image.fromarray(d).convert("P"), transparency=255),
        "image/png",
    ),
    "black and white": lambda d: (encode(Image.fromarray(d).convert("1")), "image/png"),
    "16 bits": lambda d: (encode(d.astype(np.uint16) * 257), "image/png"),
    "transparency": lambda d: (encode(transparent(d)), "image/png"),
    "grey with transparency": lambda d: (encode(transparent(d, "LA")), "image/png"),
    "inverted": lambda d: (encode(255 - d), "image/png"),
    "shaded paper": lambda d: (encode((d * np.linspace(0.5, 0.85, d.shape[1])).astype(np.uint8)), "image/png"),
    "metadata that cannot be read": lambda d: (encode(d, "JPEG", exif=b"Exif\0\0garbage"), "image/jpeg"),
    "a parameter": lambda d: (encode(d, "JPEG"), "image/jpeg; charset=binary"),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_digit_is_read_from(client, variant):
    replies = [post(client, *VARIANTS[variant](draw(digit))).json() for digit in DIGITS]
    assert [reply["digit"] for reply in replies] == list(DIGITS)


@pytest.mark.parametrize("side", [24, 56, 1000, 2000, 3500])
def test_the_size_of_a_picture_does_not_matter(client, side):
    assert [post(client, encode(draw(digit, side=side))).json()["digit"] for digit in (2, 5)] == [2, 5]


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_picture_is_turned_as_its_camera_was_held(client, orientation, form):
    reply = post(client, turned(draw(7), orientation, form), f"image/{form.lower()}")
    assert reply.json()["digit"] == 7


@pytest.mark.parametrize("part", ["image/png", "application/octet-stream", None])
def test_a_form_with_the_field_file_says_the_same(client, part):
    data = encode(draw(4))
    reply = client.post("/predict/picture", files={"file": ("four", data, part)}, data={"note": "mine"})
    assert reply.json() == post(client, data).json()


@pytest.mark.parametrize("kind", ["", "application/octet-stream", "application/x-www-form-urlencoded"])
def test_a_type_that_says_nothing_leaves_it_to_the_bytes(client, kind):
    assert post(client, encode(draw(4), "WEBP"), kind).json()["digit"] == 4


def test_predictions_are_counted(make_client):
    client = make_client()
    post(client, encode(draw(6)))
    assert client.get("/metrics").json()["service"]["predictions"][6] == 1


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "image/gif", "image/svg+xml", "image/heic", "multipart/mixed"]
)
def test_another_type_is_refused_with_those_that_are_taken(client, kind):
    assert "image/png, image/jpeg" in refusal(post(client, encode(draw(4)), kind), 415)["detail"]


def test_a_form_with_a_file_of_another_type_is_refused(client):
    reply = client.post("/predict/picture", files={"file": ("a.gif", b"GIF89a", "image/gif")})
    refusal(reply, 415)


@pytest.mark.parametrize("form", [{"files": {"picture": b"x"}}, {"files": {"other": b"x"}, "data": {"file": "text"}}])
def test_a_form_without_the_file_is_told_which_field_is_meant(client, form):
    problem = refusal(client.post("/predict/picture", **form), 422)
    assert problem["errors"] == [{"loc": ["body", "file"], "msg": "is required, as a file"}]


@pytest.mark.parametrize("brightness", [0, 128, 255])
def test_a_blank_picture_is_refused(client, brightness):
    problem = refusal(post(client, encode(np.full((50, 40), brightness, np.uint8))), 422)
    assert problem["detail"] == "the body shows nothing that stands out from its paper"
    in_form = client.post("/predict/picture", files={"file": encode(np.full((50, 40), brightness, np.uint8))})
    assert refusal(in_form, 422)["detail"] == "file shows nothing that stands out from its paper"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        encode(draw(3), "GIF"),
        encode(draw(3), "TIFF"),
        encode(draw(3), "PPM"),
        encode(draw(3))[:300],
        encode(draw(3), "JPEG")[:600],
        encode(draw(3), "WEBP")[:300],
        encode(draw(3), "BMP")[:3000],
    ],
)
def test_what_is_no_picture_or_a_damaged_one_is_refused(client, data):
    problem = refusal(post(client, data), 422)
    assert problem["detail"].startswith("the body is not a picture that can be decoded: PNG, JPEG, WebP or BMP")


@pytest.mark.parametrize("side", [4001, 20_000, 2_000_000])
def test_a_bomb_is_refused_by_its_head(client, side):
    reply = post(client, bomb(side))
    assert is_answered(reply)
    assert refusal(reply, 413)["detail"] == ("The picture must have at most 16000000 pixels, and 65535 along a side.")


def test_comments_that_inflate_to_a_bomb_are_refused(client):
    comments = PngInfo()
    for number in range(12):
        comments.add_text(f"comment {number}", "a" * 1_000_000, zip=True)
    data = encode(draw(3, side=60), pnginfo=comments)
    assert len(data) < 20_000
    refusal(post(client, data), 422)


def test_a_jpeg_of_endless_scans_or_segments_is_refused(client):
    data = encode(draw(3, side=60), "JPEG", progressive=True)
    last = data.rfind(b"\xff\xda")
    refusal(post(client, data[:-2] + data[last:-2] * 300 + data[-2:], "image/jpeg"), 422)
    refusal(post(client, data[:2] + b"\xff\xe3\x00\x02" * 9000 + data[2:], "image/jpeg"), 422)


def test_a_photo_with_a_film_behind_it_is_read(client):
    film = np.random.default_rng(0).bytes(8_000_000)
    assert post(client, encode(draw(3), "JPEG") + film, "image/jpeg").json()["digit"] == 3


@pytest.mark.parametrize("charset", ["punycode", '"punycode"', "undefined", "utf-8; charset=punycode", ""])
def test_a_form_that_names_a_charset_is_refused(client, charset):
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\na-b\r\n--x--\r\n'
    refusal(post(client, body, kind), 415)


def test_a_webp_may_have_a_third_of_the_points(make_client):
    client = make_client(max_picture_pixels=3 * 100 * 100)
    assert post(client, encode(draw(3, side=100), "WEBP"), "image/webp").json()["digit"] == 3
    assert "10000 pixels" in refusal(post(client, encode(draw(3, side=101), "WEBP")), 413)["detail"]
    assert post(client, encode(draw(3, side=101))).json()["digit"] == 3


def test_a_body_over_the_limit_is_refused(make_client):
    client = make_client(max_picture_bytes=2000)
    assert "at most 2000 bytes" in refusal(post(client, bytes(2001)), 413)["detail"]
    assert "at most 2000 bytes" in refusal(client.post("/predict/picture", files={"file": bytes(2000)}), 413)["detail"]


@given(st.binary(max_size=300), st.sampled_from(["image/png", "image/bmp", "", "multipart/form-data; boundary=x"]))
def test_any_bytes_are_answered(client, data, kind):
    assert is_answered(post(client, data, kind))


@given(data=st.data())
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP"])
def test_any_damage_is_answered(client, form, data):
    original = bytearray(encode(draw(5, side=40), form))
    for _ in range(data.draw(st.integers(1, 4))):
        original[data.draw(st.integers(0, len(original) - 1))] = data.draw(st.integers(0, 255))
    assert is_answered(post(client, bytes(original)))


class Held:
    """A body that does not end before it is told to."""

    def __init__(self, data):
        self.data = data
        self.begun = asyncio.Event()
        self.released = asyncio.Event()

    async def __aiter__(self):
        yield self.data[:10]
        self.begun.set()
        await self.released.wait()
        yield self.data[10:]


def talk(artefact, conversation, **settings):
    """Run a conversation with a service in one event loop."""

    async def run():
        transport = httpx.ASGITransport(create_app(artefact, Settings(**settings)))
        async with httpx.AsyncClient(transport=transport, base_url="http://digits") as client:
            await conversation(client)

    asyncio.run(run())


def test_beyond_the_bound_a_picture_is_told_to_come_back_and_all_else_is_answered(artefact):
    async def conversation(client):
        data = encode(draw(8))
        held = Held(data)
        first = asyncio.create_task(client.post("/predict/picture", content=held))
        await held.begun.wait()
        second = await client.post("/predict/picture", content=data)
        assert refusal(second, 503)["detail"] == "Too many pictures are being read."
        assert second.headers["retry-after"] == "1"
        assert (await client.get("/readyz")).status_code == 200
        held.released.set()
        assert (await first).json()["digit"] == 8
        assert (await client.post("/predict/picture", content=data)).json()["digit"] == 8

    talk(artefact, conversation, max_pictures_in_flight=1)


def test_bodies_of_unknown_length_count_as_the_largest(artefact):
    async def conversation(client):
        data = encode(draw(8))
        held = [Held(data) for _ in range(picture.MAX_LARGE_BODIES)]
        tasks = [asyncio.create_task(client.post("/predict/picture", content=body)) for body in held]
        for body in held:
            await body.begun.wait()
        assert (await client.post("/predict/picture", content=data)).status_code == 503
        for body in held:
            body.released.set()
        assert [(await task).status_code for task in tasks] == [200] * picture.MAX_LARGE_BODIES

    talk(artefact, conversation)


def test_a_body_that_does_not_come_is_given_up(artefact, monkeypatch):
    monkeypatch.setattr(upload, "BODY_TIMEOUT_SECONDS", 0.05)

    async def conversation(client):
        reply = await client.post("/predict/picture", content=Held(encode(draw(8))))
        assert "within 0.05 s" in refusal(reply, 408)["detail"]
        assert reply.headers["connection"] == "close"
        assert (await client.post("/predict/picture", content=encode(draw(8)))).status_code == 200

    talk(artefact, conversation, max_pictures_in_flight=1)
