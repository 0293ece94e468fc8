"""Triton's and KServe's own clients, against the real service with one worker and with two."""

import asyncio
import gzip
import json
import os
import subprocess
from contextlib import asynccontextmanager
from itertools import product

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

from app.main import VERSION
from tests.conftest import ROOT
from tests.e2e.server import running, wait_for_both_workers
from tests.hostile import INFER

KSERVE = ROOT / ".venv" / "kserve" / "bin" / "python"
CODINGS_OF_TRITON = (None, "gzip", "deflate")
DATATYPES = ("UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64")


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def server(request):
    with running("--workers", str(request.param)) as server:
        if request.param > 1:
            wait_for_both_workers(server.url)
        yield server


@pytest.fixture(scope="module")
def client(server):
    with triton.InferenceServerClient(server.url.removeprefix("http://")) as client:
        yield client


@asynccontextmanager
async def asynchronous(server):
    async with triton_aio.InferenceServerClient(server.url.removeprefix("http://")) as client:
        yield client


@pytest.fixture(scope="module")
def images(split):
    return split.training.pixels[:7]


@pytest.fixture(scope="module")
def expected(artefact, images):
    return artefact.network.probabilities(images.astype(np.float32))


def tensor(images, datatype="FP32", *, binary=True):
    tensor = triton.InferInput("pixels", list(images.shape), datatype)
    return tensor.set_data_from_numpy(images.astype(triton_to_np_dtype(datatype)), binary_data=binary)


def agrees(result, expected):
    assert result.as_numpy("digit").dtype == np.int64
    assert result.as_numpy("digit").tolist() == expected.argmax(axis=1).tolist()
    assert result.as_numpy("probabilities").dtype == np.float32
    assert result.as_numpy("probabilities") == pytest.approx(expected, abs=1e-6)
    return True


def outputs(binary):
    """The probabilities one way, the digit the other."""
    return [
        triton.InferRequestedOutput("probabilities", binary_data=binary),
        triton.InferRequestedOutput("digit", binary_data=not binary),
    ]


def test_tritons_client_finds_its_way_around(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("digits")
    assert client.is_model_ready("digits", "2")
    assert not client.is_model_ready("digits", "1")
    assert not client.is_model_ready("other")
    assert client.get_server_metadata()["version"] == VERSION
    assert client.get_model_metadata("digits") == client.get_model_metadata("digits", "2")
    assert client.get_model_config("digits", "2")["max_batch_size"] == 1024
    assert [entry["name"] for entry in client.get_model_repository_index()] == ["digits"]


@pytest.mark.parametrize("datatype", DATATYPES)
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "JSON"])
def test_tritons_client_infers_in_every_datatype(client, images, expected, datatype, binary):
    assert agrees(client.infer("digits", [tensor(images, datatype, binary=binary)]), expected)


@pytest.mark.parametrize(
    ("binary", "there", "back"), list(product([True, False], CODINGS_OF_TRITON, CODINGS_OF_TRITON))
)
def test_tritons_client_infers_compressed(client, images, expected, binary, there, back):
    result = client.infer(
        "digits",
        [tensor(images, binary=binary)],
        model_version="2",
        outputs=outputs(binary),
        request_id="seven",
        request_compression_algorithm=there,
        response_compression_algorithm=back,
    )
    assert agrees(result, expected)
    assert result.get_response()["id"] == "seven"
    assert ("data" in result.get_output("digit")) == binary


def test_tritons_client_sends_requests_side_by_side(server, images, expected):
    with triton.InferenceServerClient(server.url.removeprefix("http://"), concurrency=4) as client:
        sent = [client.async_infer("digits", [tensor(images)]) for _ in range(20)]
        assert all(agrees(request.get_result(), expected) for request in sent)


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "JSON"])
def test_tritons_client_classifies(client, images, expected, binary):
    wanted = [triton.InferRequestedOutput("probabilities", binary_data=binary, class_count=3)]
    classes = client.infer("digits", [tensor(images)], outputs=wanted).as_numpy("probabilities")
    assert classes.shape == (7, 3)
    for row, found in zip(expected, classes.tolist(), strict=True):
        texts = [text.decode() if binary else text for text in found]
        values, indices, labels = zip(*[text.split(":") for text in texts], strict=True)
        assert [int(index) for index in indices] == np.argsort(-row)[:3].tolist()
        assert labels == indices
        assert [float(value) for value in values] == pytest.approx(np.sort(row)[::-1][:3], abs=1e-6)


@pytest.mark.parametrize(
    ("call", "status", "words"),
    [
        (lambda c: c.infer("digits", [tensor(np.full((1, 64), 17))]), "400", "pixels[0][0] must be"),
        (lambda c: c.infer("digits", [tensor(np.zeros((1, 63)))]), "400", "inputs[0].shape must be [rows"),
        (lambda c: c.infer("other", [tensor(np.zeros((1, 64)))]), "404", "There is no such model"),
        (lambda c: c.get_model_config("digits", "1"), "404", "There is no such version"),
        (lambda c: c.load_model("digits"), "501", "cannot be loaded"),
        (lambda c: c.unload_model("digits"), "501", "cannot be loaded or unloaded"),
        (lambda c: c.get_system_shared_memory_status(), "404", "There is nothing at this address."),
    ],
)
def test_tritons_client_shows_errors_in_words(client, call, status, words):
    with pytest.raises(InferenceServerException) as refusal:
        call(client)
    assert refusal.value.status() == status
    assert words in refusal.value.message()


def test_tritons_asyncio_client_sees_the_same(server, images, expected):
    async def see():
        async with asynchronous(server) as client:
            assert await client.is_server_ready()
            assert await client.is_model_ready("digits", "2")
            assert (await client.get_model_metadata("digits"))["versions"] == ["2"]
            sent = [
                client.infer(
                    "digits",
                    [tensor(images, datatype, binary=binary)],
                    outputs=outputs(binary),
                    request_compression_algorithm=coding,
                    response_compression_algorithm=coding,
                )
                for datatype, binary, coding in product(("UINT8", "FP32"), (True, False), CODINGS_OF_TRITON)
            ]
            assert all(agrees(result, expected) for result in await asyncio.gather(*sent))
            best = [triton_aio.InferRequestedOutput("probabilities", class_count=1)]
            classes = await client.infer("digits", [tensor(images)], outputs=best)
            labels = [text.split(b":")[2] for text in classes.as_numpy("probabilities")[:, 0]]
            assert [int(label) for label in labels] == expected.argmax(axis=1).tolist()
            with pytest.raises(InferenceServerException, match="There is no such model; there is digits"):
                await client.infer("other", [tensor(images)])

    asyncio.run(see())


def test_statistics_are_those_of_the_process_that_answers(server):
    with triton.InferenceServerClient(server.url.removeprefix("http://")) as client:  # one connection
        before = client.get_inference_statistics("digits")["model_stats"][0]["inference_count"]
        client.infer("digits", [tensor(np.zeros((5, 64)))])
        after = client.get_inference_statistics("digits", "2")["model_stats"][0]["inference_count"]
    assert after == before + 5


@pytest.mark.skipif(not KSERVE.exists() and "CI" not in os.environ, reason="needs KServe's client: make kserve-client")
def test_kserves_client_sees_the_same(server, images, expected):
    script = [str(KSERVE), str(ROOT / "tests" / "e2e" / "kserve_client.py"), server.url]
    rows = json.dumps(images.tolist())
    ran = subprocess.run(script, input=rows, capture_output=True, text=True, check=True, timeout=60)
    seen = json.loads(ran.stdout)
    assert seen["live"]
    assert seen["ready"]
    assert seen["model ready"]
    assert not seen["other ready"]
    assert seen["error"].startswith("pixels[0][0] must be between 0 and 16, '400 Bad Request'")
    assert len(seen["replies"]) == 11
    for reply in seen["replies"]:
        assert (reply["id"], reply["model"]) == ("kserve", "digits")
        assert reply["digit"] == expected.argmax(axis=1).tolist()
        assert np.array(reply["probabilities"]) == pytest.approx(expected, abs=1e-6)


def test_a_chunked_and_compressed_body_is_taken(server, images, expected):
    message = {"name": "pixels", "shape": [7, 64], "datatype": "FP32", "data": images.tolist()}
    body = gzip.compress(json.dumps({"inputs": [message]}).encode())
    chunks = (body[start : start + 50] for start in range(0, len(body), 50))  # sent so, without a length
    reply = httpx.post(server.url + INFER, content=chunks, headers={"Content-Encoding": "gzip"})
    assert reply.request.headers["transfer-encoding"] == "chunked"
    assert reply.json()["outputs"][0]["data"] == expected.argmax(axis=1).tolist()
