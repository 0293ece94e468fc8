"""The clients of Triton and KServe work with a real service that has two workers."""

import asyncio
import gzip
import json
import subprocess
from contextlib import asynccontextmanager
from itertools import product

import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

from app.main import VERSION
from tests.conftest import ROOT
from tests.e2e.client_tools import PYTHON, needs_client_packages
from tests.e2e.server import HTTP, running_workers
from tests.hostile import INFER

pytestmark = pytest.mark.e2e

TRITON_CODINGS = (None, "gzip", "deflate")
DATATYPES = ("UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64")


@pytest.fixture(scope="module")
def server():
    with running_workers(2) as server:
        yield server


def host_and_port(server):
    """The address of a service without a scheme, as Triton's clients take it."""
    return server.url.removeprefix("http://")


@pytest.fixture(scope="module")
def client(server):
    with triton.InferenceServerClient(host_and_port(server)) as client:
        yield client


@asynccontextmanager
async def asyncio_client(server):
    """Create Triton's asyncio client, and close it in the end."""
    async with triton_aio.InferenceServerClient(host_and_port(server)) as client:
        yield client


@pytest.fixture(scope="module")
def images(split):
    return split.training.pixels[:7]


@pytest.fixture(scope="module")
def expected(artefact, images):
    """The network's probabilities for the images."""
    return artefact.network.probabilities(images.astype(np.float32))


def input_tensor(images, datatype="FP32", *, is_binary=True):
    """Create Triton's input tensor of some images, as binary data or as JSON."""
    tensor = triton.InferInput("pixels", list(images.shape), datatype)
    return tensor.set_data_from_numpy(images.astype(triton_to_np_dtype(datatype)), binary_data=is_binary)


def mixed_outputs(*, is_binary):
    """Request the probabilities as binary data and the digit as JSON, or the other way round."""
    return [
        triton.InferRequestedOutput("probabilities", binary_data=is_binary),
        triton.InferRequestedOutput("digit", binary_data=not is_binary),
    ]


def assert_result_agrees(result, expected):
    """Check the types of a result, and compare its digits and probabilities with the network's."""
    assert result.as_numpy("digit").dtype == np.int64
    assert result.as_numpy("digit").tolist() == expected.argmax(axis=1).tolist()
    assert result.as_numpy("probabilities").dtype == np.float32
    assert result.as_numpy("probabilities") == pytest.approx(expected, abs=1e-6)


def test_tritons_client_receives_health_metadata_configuration_and_index(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("digits")
    assert client.is_model_ready("digits", "3")
    assert not client.is_model_ready("digits", "1")
    assert not client.is_model_ready("other")
    assert client.get_server_metadata()["version"] == VERSION
    assert client.get_model_metadata("digits") == client.get_model_metadata("digits", "3")
    assert client.get_model_config("digits", "3")["max_batch_size"] == 1024
    assert [entry["name"] for entry in client.get_model_repository_index()] == ["digits"]


@pytest.mark.parametrize("datatype", DATATYPES)
@pytest.mark.parametrize("is_binary", [True, False], ids=["binary", "JSON"])
def test_tritons_client_infers_with_every_datatype(client, images, expected, datatype, is_binary):
    assert_result_agrees(client.infer("digits", [input_tensor(images, datatype, is_binary=is_binary)]), expected)


@pytest.mark.parametrize(
    ("is_binary", "request_coding", "reply_coding"), list(product([True, False], TRITON_CODINGS, TRITON_CODINGS))
)
def test_tritons_client_infers_with_every_pair_of_content_codings(
    client, images, expected, is_binary, request_coding, reply_coding
):
    result = client.infer(
        "digits",
        [input_tensor(images, is_binary=is_binary)],
        model_version="3",
        outputs=mixed_outputs(is_binary=is_binary),
        request_id="seven",
        request_compression_algorithm=request_coding,
        response_compression_algorithm=reply_coding,
    )
    assert_result_agrees(result, expected)
    assert result.get_response()["id"] == "seven"
    assert ("data" in result.get_output("digit")) == is_binary


def test_tritons_client_sends_concurrent_requests(server, images, expected):
    with triton.InferenceServerClient(host_and_port(server), concurrency=4) as client:
        requests = [client.async_infer("digits", [input_tensor(images)]) for _ in range(20)]
        for request in requests:
            assert_result_agrees(request.get_result(), expected)


@pytest.mark.parametrize("is_binary", [True, False], ids=["binary", "JSON"])
def test_tritons_client_receives_classifications(client, images, expected, is_binary):
    outputs = [triton.InferRequestedOutput("probabilities", binary_data=is_binary, class_count=3)]
    classes = client.infer("digits", [input_tensor(images)], outputs=outputs).as_numpy("probabilities")
    assert classes.shape == (7, 3)
    for probabilities, classes_of_image in zip(expected, classes.tolist(), strict=True):
        texts = [text.decode() if is_binary else text for text in classes_of_image]
        values, indices, labels = zip(*[text.split(":") for text in texts], strict=True)
        assert [int(index) for index in indices] == np.argsort(-probabilities)[:3].tolist()
        assert labels == indices
        assert [float(value) for value in values] == pytest.approx(np.sort(probabilities)[::-1][:3], abs=1e-6)


@pytest.mark.parametrize(
    ("call", "status", "message"),
    [
        (lambda c: c.infer("digits", [input_tensor(np.full((1, 64), 17))]), "400", "pixels[0][0] must be"),
        (lambda c: c.infer("digits", [input_tensor(np.zeros((1, 63)))]), "400", "inputs[0].shape must be [B, 64]"),
        (lambda c: c.infer("other", [input_tensor(np.zeros((1, 64)))]), "404", "There is no such model"),
        (lambda c: c.get_model_config("digits", "1"), "404", "There is no such version"),
        (lambda c: c.load_model("digits"), "501", "cannot be loaded"),
        (lambda c: c.unload_model("digits"), "501", "cannot be loaded or unloaded"),
        (lambda c: c.get_system_shared_memory_status(), "501", "Shared memory is not supported"),
        (lambda c: c.get_cuda_shared_memory_status("region"), "501", "Shared memory is not supported"),
        (lambda c: c.register_system_shared_memory("region", "key", 64), "501", "Shared memory is not supported"),
        (lambda c: c.unregister_cuda_shared_memory(), "501", "Shared memory is not supported"),
        (lambda c: c.get_trace_settings("digits"), "501", "Trace settings cannot be changed"),
        (lambda c: c.update_trace_settings(settings={"trace_rate": "1"}), "501", "Trace settings cannot be changed"),
        (lambda c: c.get_log_settings(), "501", "Log settings cannot be changed"),
        (lambda c: c.update_log_settings({"log_info": True}), "501", "Log settings cannot be changed"),
    ],
)
def test_tritons_client_raises_errors_with_status_and_message(client, call, status, message):
    with pytest.raises(InferenceServerException) as raised:
        call(client)
    assert raised.value.status() == status
    assert message in raised.value.message()


def test_tritons_asyncio_client_receives_the_same_answers(server, images, expected):
    async def query_service():
        async with asyncio_client(server) as client:
            assert await client.is_server_ready()
            assert await client.is_model_ready("digits", "3")
            assert (await client.get_model_metadata("digits"))["versions"] == ["3"]
            inferences = [
                client.infer(
                    "digits",
                    [input_tensor(images, datatype, is_binary=is_binary)],
                    outputs=mixed_outputs(is_binary=is_binary),
                    request_compression_algorithm=coding,
                    response_compression_algorithm=coding,
                )
                for datatype, is_binary, coding in product(("UINT8", "FP32"), (True, False), TRITON_CODINGS)
            ]
            for result in await asyncio.gather(*inferences):
                assert_result_agrees(result, expected)
            best_class = [triton_aio.InferRequestedOutput("probabilities", class_count=1)]
            classes = await client.infer("digits", [input_tensor(images)], outputs=best_class)
            labels = [text.split(b":")[2] for text in classes.as_numpy("probabilities")[:, 0]]
            assert [int(label) for label in labels] == expected.argmax(axis=1).tolist()
            with pytest.raises(InferenceServerException, match="There is no such model; there is digits"):
                await client.infer("other", [input_tensor(images)])

    asyncio.run(query_service())


def test_statistics_count_the_images_of_tritons_client(server):
    with triton.InferenceServerClient(host_and_port(server)) as client:
        before = client.get_inference_statistics("digits")["model_stats"][0]["inference_count"]
        client.infer("digits", [input_tensor(np.zeros((5, 64)))])
        after = client.get_inference_statistics("digits", "3")["model_stats"][0]["inference_count"]
    assert after == before + 5


@needs_client_packages
@pytest.mark.clients
def test_kserves_client_receives_the_same_answers(server, images, expected):
    command = [str(PYTHON), str(ROOT / "tests" / "e2e" / "kserve_client.py"), server.url, "digits"]
    process = subprocess.run(
        command, input=json.dumps(images.tolist()), capture_output=True, text=True, check=True, timeout=60
    )
    results = json.loads(process.stdout)
    assert results["live"]
    assert results["ready"]
    assert results["model ready"]
    assert not results["other ready"]
    assert results["error"].startswith("pixels[0][0] must be between 0 and 16, '400 Bad Request'")
    assert len(results["replies"]) == 11
    for reply in results["replies"]:
        assert (reply["id"], reply["model"]) == ("kserve", "digits")
        assert reply["digit"] == expected.argmax(axis=1).tolist()
        assert np.array(reply["probabilities"]) == pytest.approx(expected, abs=1e-6)


def test_chunked_and_compressed_body_is_accepted(server, images, expected):
    tensor = {"name": "pixels", "shape": [7, 64], "datatype": "FP32", "data": images.tolist()}
    body = gzip.compress(json.dumps({"inputs": [tensor]}).encode())
    chunks = (
        body[start : start + 50] for start in range(0, len(body), 50)
    )  # httpx sends them without a Content-Length
    reply = HTTP.post(server.url + INFER, content=chunks, headers={"Content-Encoding": "gzip"})
    assert reply.request.headers["transfer-encoding"] == "chunked"
    assert reply.json()["outputs"][0]["data"] == expected.argmax(axis=1).tolist()
