"""Targets: functions that give one input to a parser of untrusted bytes, and check all properties of the result.

The fuzzer and pytest call the same functions. An input is a few bytes of choices and a payload (`bodies.py`).
"""

import io
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from app.pictures.decode import image_from_file
from app.pictures.errors import PictureTooLargeError, UndecodableError, UnsupportedFormatError
from app.settings import Settings
from model import (
    ArtefactError,
    BlankPictureError,
    SeveralDigitsError,
    convert_picture,
    dump_card,
    load_artefact,
    parse_artefact,
    parse_card,
)
from tests.fuzzing import answers, bodies
from tests.fuzzing.service import ARTEFACT, leaving_nothing_behind, observe, post
from tests.hostile import INFER, SENT_TEXT

JSON_TYPES = (
    *(b"application/json", b"", b"text/plain", b"application/x-www-form-urlencoded", b"application/ld+json; a=b"),
    *(b"application/xml", b"multipart/form-data; boundary=x"),
)
OIP_PATHS = (
    *(INFER, f"/v2/models/digits/versions/{ARTEFACT.card.version}/infer"),
    *("/v2/repository/index", "/v2/models/other/infer"),
)
PICTURE_TYPES = (b"image/png", b"", b"image/jpeg", b"application/octet-stream", b"image/gif", b"text/plain")
PICTURE_ERRORS = (
    *(PictureTooLargeError, UnsupportedFormatError, UndecodableError, BlankPictureError, SeveralDigitsError),
)
MAX_BODY_BYTES, MAX_PICTURE_PIXELS = Settings().max_body_bytes, Settings().max_picture_pixels
RELEASED_BYTES = ARTEFACT.data
SOURCE = "weights.npz"


def _send(path, request, *error_statuses):
    """Send a request, and check the head of its answer; a request that is cut off gets an error or no answer."""
    answer = post(path, request.headers, request.messages)
    if answer.status or not request.is_cut:
        answers.check_head(answer, *error_statuses, *([] if request.is_cut else [200]))
    return answer


def predict(data):
    """`POST /predict` and `POST /predict/batch`, with a JSON body."""
    (path, media_type, coding, delivery), payload = bodies.split_choices(data)
    content_type, payload = (
        bodies.first_line(payload) if media_type >= 128 else (JSON_TYPES[media_type % len(JSON_TYPES)], payload)
    )
    body = bodies.expand(payload, coding >> 3)
    request = bodies.deliver(body, coding, delivery, (b"content-type", content_type))
    answer = _send(("/predict", "/predict/batch")[path % 2], request, 413, 415, 422)
    sent = bodies.decoded(body, coding)
    images = answers.find_images(sent, *(("pixels", "image"), ("images",))[path % 2])
    if answer.status == 200:
        assert images is not None
        answers.check_batch(images, json.loads(answer.body))
    elif answer.status:
        answers.check_problem(answer)
    if answer.status in {200, 422} and not request.is_cut:
        assert (answer.status == 200) == (images is not None)
        assert len(sent or b"") <= MAX_BODY_BYTES


def oip(data):
    """The POST routes below `/v2`: inference requests, and the index of the repository."""
    (path, length, coding, delivery), payload = bodies.split_choices(data)
    header, payload = bodies.first_line(payload) if length % 4 == 2 else (b"0", payload)
    json_part, binary_data = bodies.find_json(bodies.expand(payload, coding >> 3))
    body = json_part + binary_data
    if length % 4 == 1:
        header = b"%d" % len(json_part)
    request = bodies.deliver(body, coding, delivery, *([(answers.JSON_LENGTH, header)] if length % 4 else []))
    answer = _send(OIP_PATHS[path % len(OIP_PATHS)], request, 400, 404, 413, 501)
    if answer.status >= 400:
        answers.check_oip_error(answer)
    if answer.status != 200:
        return
    if path % len(OIP_PATHS) == 2:
        assert [entry["name"] for entry in json.loads(answer.body)] == ["digits"]
    else:
        sent = bodies.decoded(body, coding)
        assert len(sent) <= MAX_BODY_BYTES
        size = int(header) if length % 4 else len(sent)
        assert 0 <= size <= len(sent)
        answers.check_inference(answer, answers.find_tensor(sent[:size], sent[size:]))


def picture(data):
    """`POST /predict/picture`, the decoder of picture files, and the normalisation of a picture."""
    (kind, media_type, coding, delivery), payload = bodies.split_choices(data)
    file = bodies.expand(payload, coding >> 3)
    if kind & 128:
        file = bodies.compress_png(file)
    kind %= 8
    if kind < 3:
        _decode(lambda: image_from_file(io.BytesIO(file), MAX_PICTURE_PIXELS))
        return
    if kind == 3:
        _decode(lambda: convert_picture(_to_array(payload, media_type)))
        return
    content_type, body = PICTURE_TYPES[media_type % len(PICTURE_TYPES)], file
    if kind == 5:
        content_type, body = b"multipart/form-data; boundary=x", bodies.form(file)
    elif kind == 6:
        content_type = b"multipart/form-data; boundary=x"
    elif kind == 7:
        content_type, body = bodies.first_line(file)
    request = bodies.deliver(body, coding, delivery, (b"content-type", content_type))
    answer = _send("/predict/picture", request, 400, 413, 415, 422)
    if answer.status == 200:
        reply = json.loads(answer.body)
        answers.check_prediction(reply)
        _check_image(np.array(reply["pixels"]))
    elif answer.status:
        answers.check_problem(answer)


def _to_array(payload, choice):
    """Build a picture of at most 64×64 pixels; the first two bytes of the payload are its height and its width."""
    height, width = (value % 64 + 1 for value in payload[:2].ljust(2, b"\0"))
    shape = (height, width, 3) if choice % 2 else (height, width)
    return np.resize(np.frombuffer(payload[2:] or b"\0", np.uint8), shape)


def _decode(convert):
    """Convert a picture to an image, and check the image; documented errors are allowed."""
    try:
        with leaving_nothing_behind():
            image = convert()
    except PICTURE_ERRORS as error:
        observe(repr(error)[:60].encode(errors="replace"))  # behind that are values from the file
        return
    assert image.dtype == np.float32
    _check_image(image)


def _check_image(image):
    assert image.shape == (8, 8)
    assert ((image >= 0) & (image <= 16)).all()
    assert image.any()


def artefact(data):
    """The parser of files of weights."""
    (kind, choice, *_), payload = bodies.split_choices(data)
    build = ARTEFACT_FILES[kind % len(ARTEFACT_FILES)]
    file = build(payload, choice)
    try:
        with leaving_nothing_behind():
            parsed = parse_artefact(file, SOURCE) if kind < 128 else _load(file, choice)
    except ArtefactError as error:
        _check_artefact_error(error)
        return
    assert parsed.data == file
    assert parse_card(dump_card(parsed.card)) == parsed.card
    assert np.shape(parsed.card.held_out.confusion) == (10, 10)
    assert (parsed.card.name + parsed.card.version).encode().decode()  # no surrogates, which no answer could have
    pixels = np.linspace(0, 16, 2 * 64, dtype=np.float32).reshape(2, 64)
    probabilities = parsed.network.probabilities(pixels)
    answers.check_probabilities(probabilities, probabilities.argmax(axis=1))


def _check_artefact_error(error):
    """Check the message of an artefact error: it names the file, and does not repeat its content."""
    message = str(error)
    assert message.startswith((SOURCE, tempfile.gettempdir()))
    assert SENT_TEXT not in message
    # Behind the 30 characters are values from the file.
    observe(f"{message[message.index(SOURCE) :]} {repr(error.__cause__)[:30]}".encode(errors="replace"))


def _load(file, choice):
    """Load an artefact from the disk; a choice demands the hash of the released file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / SOURCE
        path.write_bytes(file)
        return load_artefact(path, ARTEFACT.sha256 if choice % 2 else None)


def replace_member(name, content):
    """Replace one member of the released file, with a valid checksum."""
    with zipfile.ZipFile(io.BytesIO(RELEASED_BYTES)) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    return write_zip({**members, name: content})


def write_zip(members):
    """Write an archive; the result is the same on each call."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def _with_card(payload, _):
    """Replace the card by a text."""
    file = io.BytesIO()
    np.save(file, np.array(payload.decode(errors="replace").rstrip("\0")))
    return replace_member("card.npy", file.getvalue())


def _with_member(payload, choice):
    """Replace the bytes of one member."""
    return replace_member(f"{[*ARTEFACT.network.weights._fields, 'card'][choice % 7]}.npy", payload)


def _with_patches(payload, choice):
    """Replace bytes of the released file; four bytes of the payload are an offset from the end, and the new byte."""
    file = bytearray(RELEASED_BYTES)
    for position in range(0, len(payload) - 3, 4):
        offset = int.from_bytes(payload[position : position + 3]) % len(file)
        file[-1 - offset] = payload[position + 3]
    return bytes(file[choice:] if choice > 200 else file)


def _with_members(payload, choice):
    """Write an archive of members; each has a name, a zero and its content, and a mark precedes the next one."""
    parts = [member.partition(b"\0") for member in bodies.expand(payload, choice % 18).split(bodies.BINARY)]
    return write_zip({name.decode("latin-1") or "W1.npy": content for name, _, content in parts})


def _as_it_is(payload, _):
    """Take the payload as the file."""
    return payload


ARTEFACT_FILES = (_as_it_is, _with_card, _with_member, _with_patches, _with_members)
TARGETS = {target.__name__: target for target in (predict, oip, picture, artefact)}
