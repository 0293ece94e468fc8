"""Inputs with which the fuzzer begins; all are made from the project's own files."""

import io
import json

import numpy as np

from app.api.schemas import EXAMPLE_IMAGE, EXAMPLE_ROWS
from app.oip.codec.tensors import DTYPES
from model import dump_card
from tests import hostile
from tests.fuzzing.bodies import BINARY, REPEAT
from tests.fuzzing.picture_seeds import picture_seeds
from tests.fuzzing.service import ARTEFACT

MAX_SEED_BYTES = 8192


def _compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


FLAT, ROWS, SENT = _compact(EXAMPLE_IMAGE), _compact(EXAMPLE_ROWS), _compact(hostile.SENT_TEXT)


def _single_bodies():
    """Yield bodies with one image."""
    for body in (b'{"pixels":%b}', b'{"image": %b}', b'\xef\xbb\xbf {"pixels" : %b } ', b'{"pixels":%b,"image":[]}'):
        yield from (body % image for image in (FLAT, ROWS))
    for value in (b"1.5e1", b"1e400", b"NaN", b"-1", b"true"):
        yield b'{"pixels":%b}' % FLAT.replace(b"15", value)
    yield b'{"pixels":[%b]}' % SENT
    yield b'{"%b":%b,"a":1}' % (b"long" * 20, FLAT)
    yield b"{%b:1,%b}" % (SENT, REPEAT + b'"a":1,' + REPEAT)
    for count in (20, 21, 30):
        yield b"{%b}" % b",".join(b'"%d":1' % field for field in range(count))
    yield from (b"[]", b"", b'{"pixels":null}')


def _batch_bodies():
    """Yield bodies with several images; some have something else than a comma between two rows."""
    for images in (FLAT, ROWS, FLAT + b"," + ROWS, ROWS + b", " + ROWS, FLAT + b"," + SENT, b""):
        yield b'{"images":[%b]}' % images
    for image in (FLAT, ROWS):
        yield b'{"images":[' + REPEAT + image + b"," + REPEAT + image + b"]}"
    yield b'{"images":' + REPEAT + b"[" + REPEAT + b"]}"
    for between in (b"]1,[", b"],1,[", b"],\n[", b"][", b"],0[,"):
        yield b'{"images":[%b]}' % ROWS.replace(b"],[0," if between[-1:] == b"," else b"],[", between)


def _predict_seeds():
    large = b'{"images":[' + REPEAT + b" " + REPEAT + FLAT + b"]}"  # with 3 MiB of blanks
    yield from (bytes((1, 0, 31 << 3 | coding, delivery)) + large for coding, delivery in ((0, 0), (0, 5), (1, 1)))
    for path, payloads in enumerate((_single_bodies(), _batch_bodies())):
        for index, payload in enumerate(payloads):
            yield bytes((path, index % 7 if index % 3 == 0 else 0, index % 8 | 72, index)) + payload
            # The largest batch, a larger one, and a body with too many values.
            exponents = (0,) if REPEAT not in payload else (10, 11) if FLAT in payload or ROWS in payload else (18,)
            yield from (bytes((path, 0, exponent << 3, 0)) + payload for exponent in exponents)


def _messages():
    """Yield inference requests with all data in the JSON."""
    for body, _ in hostile.MESSAGES.values():
        yield body if isinstance(body, bytes) else _compact(body)
    outputs = [{"name": "probabilities", "parameters": {"classification": 3, "binary_data": True}}, {"name": "digit"}]
    for datatype in DTYPES:
        yield _compact(hostile.message(hostile.tensor(datatype=datatype), id="7", outputs=outputs))
    yield from (_compact(hostile.message(hostile.tensor(shape=shape))) for shape in ([1, 32], [2, 32], [64, 1]))
    shared = {"parameters": {"shared_memory_region": "a"}}
    yield _compact(hostile.message(hostile.tensor(**shared)))
    yield _compact(hostile.message_with_outputs({"name": "digit", **shared}))
    images = hostile.tensor(shape=[2, 64], data=[EXAMPLE_IMAGE] * 2)
    yield _compact(hostile.message(images, parameters={"binary_data_output": True}))


def _binary_seeds():
    """Yield inputs whose data follow the JSON."""
    for datatype, dtype in DTYPES.items():
        content = np.array(EXAMPLE_IMAGE, dtype).tobytes()
        message = hostile.message(hostile.binary_tensor(len(content), datatype=datatype))
        yield bytes((0, 1, 0, 0)) + _compact(message) + BINARY + content
    yield bytes((0, 1, 0, 0)) + _compact(hostile.message(hostile.tensor())) + BINARY + b"x"
    for body, length, _ in hostile.BINARY.values():
        yield bytes((0, 0, 0, 0)) + body if length is None else bytes((0, 2, 0, 0)) + f"{length}\n".encode() + body
    yield bytes((0, 2, 0, 0)) + b"-%d\n" % len(hostile.IMAGE_BYTES) + hostile.BINARY_BODY
    yield bytes((0, 3, 0, 0x10)) + hostile.IMAGE_BYTES * 3


def _oip_seeds():
    yield from _binary_seeds()
    for index, payload in enumerate(_messages()):
        yield bytes((0, 0, 0, 0)) + payload
        yield bytes((index % 4, index % 2, index % 8, index)) + payload
    nested = b'{"x":' + b"[" * 300
    for index, payload in enumerate((b"", b"{}", b"null", b'{"ready":true}', b'{"ready":1}', b"[]", nested)):
        yield bytes((2, 0, 0, 0)) + payload
        yield bytes((2, 0, index % 8, index)) + payload


def _cards():
    """Yield texts in place of the card."""
    card = dump_card(ARTEFACT.card)
    yield from (card, card[:-1], card.replace('"rows"', '"row"'), card.replace("3", "4", 1))
    yield card.replace('"digits"', '"\\ud800"')
    for confusion in (
        [[1]],
        [[0] * 9 + [ARTEFACT.card.held_out.rows]] * 10,
        [[-1] * 10] * 10,
        [[0.5] * 10] * 10,
        [0] * 10,
    ):
        held_out = {**json.loads(card)["held_out"], "confusion": confusion}
        yield json.dumps({**json.loads(card), "held_out": held_out})
    yield json.dumps({**json.loads(card), "hyperparameters": {"a": float("nan")}})
    yield from ("", "{}", "null", "[" * 2000, "1" * 5000, hostile.SENT_TEXT)


def _artefact_seeds():
    for text in _cards():
        yield from (bytes((kind, 0, 0, 0)) + text.encode() for kind in (1, 129))
    zeros = np.zeros(10, np.float32)
    for array in (zeros, zeros * np.nan, zeros.astype(np.float64), zeros.reshape(2, 5), np.array("a")):
        file, archive = io.BytesIO(), io.BytesIO()
        np.save(file, array)
        np.savez(archive, b3=array, card=array)
        yield bytes((2, 5, 0, 0)) + file.getvalue()
        yield bytes((2, 6, 0, 0)) + file.getvalue()
        yield bytes((4, 0, 0, 0)) + b"b3.npy\0" + file.getvalue() + BINARY + b"card.npy\0" + file.getvalue()
        yield bytes((0, 0, 0, 0)) + archive.getvalue()
        yield bytes((128, 1, 0, 0)) + archive.getvalue()
    yield bytes((4, 17, 0, 0)) + b"b3.npy\0" + REPEAT + bytes(64) + REPEAT
    for choice in (0, 1, 210):
        yield from (bytes((kind, choice, 0, 0)) + b"\0\0\x03\0" * (choice == 0) for kind in (3, 131))
    yield bytes(4) + ARTEFACT.data[:300]
    yield bytes(4) + ARTEFACT.data[-600:]


SEEDS = {"predict": _predict_seeds, "oip": _oip_seeds, "picture": picture_seeds, "artefact": _artefact_seeds}


def make_seeds(target):
    """Return the first inputs of a target, each at most `MAX_SEED_BYTES`."""
    return [seed for seed in SEEDS[target]() if len(seed) <= MAX_SEED_BYTES]
