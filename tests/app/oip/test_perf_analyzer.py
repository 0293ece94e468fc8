"""The requests of Triton's perf_analyzer, replayed: it reads many keys of the replies without a check.

The package on PyPI has no program. The requests and the keys are those of its source code, in the repository
triton-inference-server/perf_analyzer, for a run such as `perf_analyzer -m digits -i http -b 4`.
"""

import json

import numpy as np
import pytest

from tests.hostile import HEADER

MODEL = "/v2/models/digits"
BATCH_SIZE = 4
READ_STATISTICS = ("success", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss")


@pytest.fixture
def service(make_client):
    return make_client()


def read_model(service):
    """Read the metadata and the configuration at the start of a run; return the input and the outputs."""
    metadata, config = service.get(MODEL).json(), service.get(f"{MODEL}/config").json()
    assert "statistics" in service.get("/v2").json()["extensions"]
    assert type(config["max_batch_size"]) is int
    assert config["max_batch_size"] >= BATCH_SIZE
    # These keys would announce another kind of model, even with the value null.
    assert not {"sequence_batching", "dynamic_batching", "model_transaction_policy", "response_cache"} & set(config)
    for kind in ("input", "output"):
        assert [tensor["name"] for tensor in config[kind]] == [tensor["name"] for tensor in metadata[f"{kind}s"]]
        assert all(tensor["shape"][0] == -1 for tensor in metadata[f"{kind}s"])
    (tensor,) = metadata["inputs"]
    return tensor, [output["name"] for output in metadata["outputs"]]


def infer(service, tensor, outputs):
    """Send an inference request with a binary tensor, and check what is read of the reply."""
    data = np.tile(np.arange(64, dtype=np.float32) / 4, BATCH_SIZE).tobytes()
    shape = [BATCH_SIZE, *tensor["shape"][1:]]
    described = {**tensor, "shape": shape, "parameters": {"binary_data_size": len(data)}}
    requested = [{"name": name, "parameters": {"binary_data": True}} for name in outputs]
    message = json.dumps({"id": "", "inputs": [described], "outputs": requested}).encode()
    headers = {HEADER: str(len(message)), "Content-Type": "application/octet-stream"}
    reply = service.post(f"{MODEL}/infer", content=message + data, headers=headers)
    assert reply.status_code == 200
    json_length = int(reply.headers[HEADER])
    described_outputs = json.loads(reply.content[:json_length])["outputs"]
    assert [output["name"] for output in described_outputs] == outputs
    sizes = [output["parameters"]["binary_data_size"] for output in described_outputs]
    assert json_length + sum(sizes) == len(reply.content)


def read_statistics(service):
    """Read the statistics at the end of a window; return the counts of all keys that are read."""
    (model,) = service.get(f"{MODEL}/stats").json()["model_stats"]
    assert model["name"] == "digits"
    assert model["version"].isdecimal()
    statistics = model["inference_stats"]
    numbers = [model["inference_count"], model["execution_count"]]
    numbers += [statistics[key][unit] for key in READ_STATISTICS for unit in ("count", "ns")]
    assert all(type(number) is int and number >= 0 for number in numbers)
    return {key: statistics[key]["count"] for key in READ_STATISTICS} | {"images": model["inference_count"]}


def test_run_of_perf_analyzer(service):
    tensor, outputs = read_model(service)
    before = read_statistics(service)
    for requests in (1, 3):  # of one window
        for _ in range(requests):
            infer(service, tensor, outputs)
        after = read_statistics(service)
        counted = {key: after[key] - before[key] for key in after}
        # The requests of a window are found by the count of the queue. The counts of the phases have to agree.
        phases = ("success", "queue", "compute_input", "compute_infer", "compute_output")
        assert counted == {
            **dict.fromkeys(phases, requests),
            **dict.fromkeys(("cache_hit", "cache_miss"), 0),
            "images": requests * BATCH_SIZE,
        }
        before = after
