"""The Open Inference Protocol, address by address; what an inference answers is in test_oip_infer.py."""

import gzip

import pytest

from app.api.schemas import EXAMPLE_IMAGE
from app.main import VERSION
from tests.conftest import InProcess
from tests.hostile import tensor

MODEL = "/v2/models/digits"
ADDRESSES = [MODEL, f"{MODEL}/versions/2"]


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_the_service_says_who_it_is(client, path):
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


def test_a_service_that_stops_lives_and_is_not_ready(make_client):
    client = make_client(is_draining=lambda: True)
    assert client.get("/v2/health/live").json() == {"live": True, "ready": False}
    for path in ("/v2/health/ready", *(f"{address}/ready" for address in ADDRESSES)):
        reply = client.get(path)
        assert (reply.status_code, reply.json()) == (503, {"error": "The service is stopping."})
        assert client.request("HEAD", path).status_code == 503
    (entry,) = client.post("/v2/repository/index").json()
    assert (entry["state"], entry["reason"]) == ("UNAVAILABLE", "the service is stopping")
    assert client.post("/v2/repository/index", json={"ready": True}).json() == []
    assert client.post(f"{MODEL}/infer", json={"inputs": [tensor()]}).status_code == 200


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_model_says_what_it_takes_and_gives(client, address):
    assert client.get(address).json() == {
        "name": "digits",
        "versions": ["2"],
        "platform": "numpy",
        "inputs": [{"name": "pixels", "datatype": "FP32", "shape": [-1, 64]}],
        "outputs": [
            {"name": "digit", "datatype": "INT64", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]},
        ],
    }
    assert client.get(f"{address}/ready").json() == {"name": "digits", "ready": True}


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_configuration_leaves_the_rows_to_max_batch_size(make_client, address):
    assert make_client(max_batch_rows=7).get(f"{address}/config").json() == {
        "name": "digits",
        "platform": "numpy",
        "max_batch_size": 7,
        "input": [{"name": "pixels", "data_type": "TYPE_FP32", "dims": [64]}],
        "output": [
            {"name": "digit", "data_type": "TYPE_INT64", "dims": []},
            {"name": "probabilities", "data_type": "TYPE_FP32", "dims": [10]},
        ],
    }


def test_there_is_one_model_in_the_repository(client):
    assert client.get("/v2/models").json() == {"models": ["digits"]}
    entry = {"name": "digits", "version": "2", "state": "READY", "reason": ""}
    for body in (b"", b"{}", b'{"ready": true}', b'{"ready": false}', b'{"ready": null}'):
        assert client.post("/v2/repository/index", content=body).json() == [entry]
    reply = client.post("/v2/repository/index", content=b'{"ready": 1}')
    assert (reply.status_code, reply.json()) == (400, {"error": "ready must be true or false"})


def test_the_index_takes_a_compressed_body(client):
    body, headers = gzip.compress(b'{"ready": true}'), {"Content-Encoding": "gzip"}
    assert len(client.post("/v2/repository/index", content=body, headers=headers).json()) == 1
    reply = client.post("/v2/repository/index", content=body, headers={"Content-Encoding": "br"})
    assert reply.status_code == 501


def test_statistics_count_what_the_protocol_was_asked_for(make_client):
    client = make_client()
    for rows in (1, 2):
        client.post(f"{MODEL}/infer", json={"inputs": [tensor(shape=[rows, 64], data=EXAMPLE_IMAGE * rows)]})
    client.post(f"{MODEL}/infer", json={"inputs": []})
    client.post("/predict", json={"pixels": EXAMPLE_IMAGE})
    for path in ("/v2/models/stats", *(f"{address}/stats" for address in ADDRESSES)):
        (model,) = client.get(path).json()["model_stats"]
        assert (model["inference_count"], model["execution_count"]) == (3, 2)
        assert model["inference_stats"]["fail"]["count"] == 1
    assert client.get("/metrics").json()["service"]["predictions"][3] == 4


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method_is_a_405_that_says_which_is_taken(client, method):
    reply = client.request(method, f"{MODEL}/infer")
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")
    assert reply.json() == {"error": "This address takes POST."}


@pytest.mark.parametrize(
    ("method", "path", "error"),
    [
        ("GET", "/v2/models/other", "There is no such model; there is digits."),
        ("GET", "/v2/models/other/versions/2/ready", "There is no such model; there is digits."),
        ("POST", "/v2/models/other/infer", "There is no such model; there is digits."),
        ("GET", "/v2/models/digits/versions/1", "There is no such version of digits; there is 2."),
        ("POST", "/v2/models/digits/versions/02/infer", "There is no such version of digits; there is 2."),
        ("GET", "/v2/models/digits/versions", "There is nothing at this address."),
        ("POST", "/v2/repository/models/other/load", "There is no such model; there is digits."),
        ("GET", "/v2/nowhere", "There is nothing at this address."),
        ("POST", "/v2/nowhere", "There is nothing at this address."),
        ("GET", "/v2/models/a%2Fb", "There is nothing at this address."),
    ],
)
def test_what_is_not_there_is_a_404_in_the_words_of_the_protocol(client, method, path, error):
    reply = client.request(method, path)
    assert (reply.status_code, reply.json()) == (404, {"error": error})


def test_only_what_is_below_v2_speaks_so(client):
    for path in ("/v2x", "/v1/models", "/nowhere/v2"):
        assert client.get(path).headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("action", ["load", "unload"])
def test_models_are_not_loaded_or_unloaded(client, action):
    reply = client.post(f"/v2/repository/models/digits/{action}")
    assert reply.status_code == 501
    assert "chosen at the start" in reply.json()["error"]


def test_a_proxys_path_changes_nothing(make_client):
    client = InProcess(make_client().app, root_path="/digits")
    assert client.get("/digits/v2/models/digits").status_code == 200
    assert client.get("/digits/v2/nowhere").json() == {"error": "There is nothing at this address."}


def test_a_name_may_be_quoted(client):
    assert client.get("/v2/models/di%67its/versions/%32").status_code == 200
