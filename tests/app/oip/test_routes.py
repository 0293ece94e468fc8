"""The routes of the Open Inference Protocol except inference, which test_inference.py tests."""

import gzip

import pytest

from app.api.schemas import EXAMPLE_IMAGE
from app.main import VERSION
from tests.conftest import InProcess
from tests.hostile import tensor

MODEL = "/v2/models/digits"
MODEL_PATHS = [MODEL, f"{MODEL}/versions/3"]


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_server_metadata_has_name_version_and_extensions(client, path):
    reply = client.get(path)
    assert reply.status_code == 200
    assert reply.json() == {
        "name": "digits",
        "version": VERSION,
        "extensions": [
            *("binary_tensor_data", "classification", "model_configuration"),
            *("model_repository", "statistics"),
        ],
    }


def test_health_has_the_keys_of_the_specification_and_of_kserves_client(client):
    for path in ("/v2/health/live", "/v2/health/ready"):
        assert client.get(path).json() == {"live": True, "ready": True}
        assert client.request("HEAD", path).status_code == 200


def test_draining_service_is_live_and_not_ready_and_answers_inferences(make_client):
    client = make_client(is_draining=lambda: True)
    assert client.get("/v2/health/live").json() == {"live": True, "ready": False}
    for path in ("/v2/health/ready", *(f"{model_path}/ready" for model_path in MODEL_PATHS)):
        reply = client.get(path)
        assert (reply.status_code, reply.json()) == (503, {"error": "The service is stopping."})
        assert client.request("HEAD", path).status_code == 503
    (entry,) = client.post("/v2/repository/index").json()
    assert (entry["state"], entry["reason"]) == ("UNAVAILABLE", "the service is stopping")
    assert client.post("/v2/repository/index", json={"ready": True}).json() == []
    assert client.post(f"{MODEL}/infer", json={"inputs": [tensor()]}).status_code == 200


@pytest.mark.parametrize("model_path", MODEL_PATHS)
def test_model_metadata_describes_inputs_and_outputs(client, model_path):
    assert client.get(model_path).json() == {
        "name": "digits",
        "versions": ["3"],
        "platform": "numpy_npz",
        "inputs": [{"name": "pixels", "datatype": "FP32", "shape": [-1, 64]}],
        "outputs": [
            {"name": "digit", "datatype": "INT64", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]},
        ],
    }
    assert client.get(f"{model_path}/ready").json() == {"name": "digits", "ready": True}


@pytest.mark.parametrize("model_path", MODEL_PATHS)
def test_configuration_has_the_batch_size_limit_and_shapes_without_batch_dimension(make_client, model_path):
    assert make_client(max_batch_rows=7).get(f"{model_path}/config").json() == {
        "name": "digits",
        "platform": "numpy_npz",
        "max_batch_size": 7,
        "input": [{"name": "pixels", "data_type": "TYPE_FP32", "dims": [64]}],
        "output": [
            {"name": "digit", "data_type": "TYPE_INT64", "dims": []},
            {"name": "probabilities", "data_type": "TYPE_FP32", "dims": [10]},
        ],
    }


def test_repository_index_lists_one_model(client):
    assert client.get("/v2/models").json() == {"models": ["digits"]}
    entry = {"name": "digits", "version": "3", "state": "READY", "reason": ""}
    for body in (b"", b"{}", b"null", b'{"ready": true}', b'{"ready": false}', b'{"ready": null}'):
        assert client.post("/v2/repository/index", content=body).json() == [entry]
    reply = client.post("/v2/repository/index", content=b'{"ready": 1}')
    assert (reply.status_code, reply.json()) == (400, {"error": "ready must be true or false"})


def test_body_of_the_repository_index_may_have_4_kib(client):
    for size, status in ((4 * 1024, 200), (4 * 1024 + 1, 413)):
        assert client.post("/v2/repository/index", content=b"{}".ljust(size)).status_code == status


def test_repository_index_accepts_a_compressed_body(client):
    body, headers = gzip.compress(b'{"ready": true}'), {"Content-Encoding": "gzip"}
    assert len(client.post("/v2/repository/index", content=body, headers=headers).json()) == 1
    reply = client.post("/v2/repository/index", content=body, headers={"Content-Encoding": "br"})
    assert reply.status_code == 501


def test_statistics_count_requests_of_the_protocol_only(make_client):
    client = make_client()
    for batch_size in (1, 2):
        images = tensor(shape=[batch_size, 64], data=EXAMPLE_IMAGE * batch_size)
        client.post(f"{MODEL}/infer", json={"inputs": [images]})
    client.post(f"{MODEL}/infer", json={"inputs": []})
    client.post("/predict", json={"pixels": EXAMPLE_IMAGE})
    for path in ("/v2/models/stats", *(f"{model_path}/stats" for model_path in MODEL_PATHS)):
        (model,) = client.get(path).json()["model_stats"]
        assert (model["inference_count"], model["execution_count"]) == (3, 2)
        assert model["inference_stats"]["fail"]["count"] == 1
    assert client.get("/metrics").json()["service"]["predictions"][3] == 4


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_method_gets_a_405_that_names_the_allowed_method(client, method):
    reply = client.request(method, f"{MODEL}/infer")
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")
    assert reply.json() == {"error": "This address takes POST."}


@pytest.mark.parametrize(
    ("method", "path", "error"),
    [
        ("GET", "/v2/models/other", "There is no such model; there is digits."),
        ("GET", "/v2/models/other/versions/3/ready", "There is no such model; there is digits."),
        ("POST", "/v2/models/other/infer", "There is no such model; there is digits."),
        ("GET", "/v2/models/digits/versions/1", "There is no such version of digits; there is 3."),
        ("POST", "/v2/models/digits/versions/03/infer", "There is no such version of digits; there is 3."),
        ("GET", "/v2/models/digits/versions", "There is nothing at this address."),
        ("POST", "/v2/repository/models/other/load", "There is no such model; there is digits."),
        ("GET", "/v2/models/other/trace/setting", "There is no such model; there is digits."),
        ("POST", "/v2/repository/other/index", "There is nothing at this address."),
        ("GET", "/v2/nowhere", "There is nothing at this address."),
        ("POST", "/v2/nowhere", "There is nothing at this address."),
        ("GET", "/v2/models/a%2Fb", "There is nothing at this address."),
    ],
)
def test_unknown_path_gets_a_404_in_the_error_format_of_the_protocol(client, method, path, error):
    reply = client.request(method, path)
    assert (reply.status_code, reply.json()) == (404, {"error": error})


def test_model_has_the_name_of_the_settings_below_v2_only(make_client):
    client, renamed = make_client(model_name="my-digits"), "/v2/models/my-digits"
    for path in (renamed, f"{renamed}/versions/3", f"{renamed}/ready", f"{renamed}/config"):
        assert client.get(path).json()["name"] == "my-digits"
    assert client.get(f"{renamed}/stats").json()["model_stats"][0]["name"] == "my-digits"
    assert client.get("/v2/models").json() == {"models": ["my-digits"]}
    assert client.post("/v2/repository/index").json()[0]["name"] == "my-digits"
    for path in (renamed, f"{renamed}/versions/3"):
        assert client.post(f"{path}/infer", json={"inputs": [tensor()]}).json()["model_name"] == "my-digits"
    reply = client.post(f"{MODEL}/infer", json={"inputs": [tensor()]})
    assert (reply.status_code, reply.json()) == (404, {"error": "There is no such model; there is my-digits."})
    assert client.get(MODEL).status_code == 404
    assert client.post("/v2/repository/models/my-digits/load").status_code == 501
    assert client.get("/metrics").json()["model"]["name"] == "digits"


def test_path_outside_v2_gets_a_problem_document(client):
    for path in ("/v2x", "/v1/models", "/nowhere/v2"):
        assert client.get(path).headers["content-type"] == "application/problem+json"


SHARED_MEMORY = [
    ("GET", "status"),
    ("GET", "region/example/status"),
    ("POST", "region/example/register"),
    ("POST", "region/example/unregister"),
    ("POST", "unregister"),
]


@pytest.mark.parametrize(
    ("method", "path", "reason"),
    [
        ("POST", "/v2/repository/models/digits/load", "Models cannot be loaded or unloaded over HTTP"),
        ("POST", "/v2/repository/models/digits/unload", "Models cannot be loaded or unloaded over HTTP"),
        *((method, "/v2/trace/setting", "Trace settings cannot be changed") for method in ("GET", "POST")),
        *((method, f"{MODEL}/trace/setting", "Trace settings cannot be changed") for method in ("GET", "POST")),
        *((method, "/v2/logging", "Log settings cannot be changed") for method in ("GET", "POST")),
        *(
            (method, f"/v2/{kind}sharedmemory/{address}", "Shared memory is not supported")
            for kind in ("system", "cuda")
            for method, address in SHARED_MEMORY
        ),
    ],
)
def test_extension_that_is_not_supported_gets_a_501_with_a_sentence(client, method, path, reason):
    reply = client.request(method, path)
    assert reply.status_code == 501
    assert list(reply.json()) == ["error"]
    assert reply.json()["error"].startswith(reason)
    assert reply.json()["error"].endswith(".")


def test_routes_work_below_the_path_of_a_proxy(make_client):
    client = InProcess(make_client().app, root_path="/digits")
    assert client.get("/digits/v2/models/digits").status_code == 200
    assert client.get("/digits/v2/nowhere").json() == {"error": "There is nothing at this address."}


def test_percent_encoded_name_and_version_are_decoded(client):
    assert client.get("/v2/models/di%67its/versions/%33").status_code == 200


@pytest.mark.parametrize("path", ["/v2/logging", "/v2/repository/models/digits/load", "/v2/systemsharedmemory/status"])
def test_unsupported_extension_takes_get_and_post_only(client, path):
    reply = client.request("PUT", path)
    assert (reply.status_code, reply.headers["allow"]) == (405, "GET, HEAD, POST")
