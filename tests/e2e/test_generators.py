"""Validators accept the OpenAPI document, and generated clients work with a real service."""

import json
import os
import subprocess

import pytest

from app.api.schemas import EXAMPLE_IMAGE
from tests.conftest import ROOT
from tests.drawing import draw
from tests.e2e.client_tools import BINARIES, NODE_MODULES, PYTHON, needs_client_packages, needs_node_packages
from tests.e2e.server import HTTP, running
from tests.machine import skip_without
from tests.picture_requests import encode_picture

pytestmark = [pytest.mark.e2e, pytest.mark.clients]

PROGRAMS = ROOT / "tests" / "e2e" / "clients"
# The Python generator supports no other media type of a picture than a form.
MAX_WARNINGS = 4


@pytest.fixture(scope="module")
def server():
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def document(server, tmp_path_factory):
    """The file of the OpenAPI document."""
    path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    path.write_bytes(HTTP.get(f"{server.url}/openapi.json").content)
    return path


def run(*command, folder=None, standard_input=None, **environment):
    """Run a command in a folder, with the programs of the environment of the clients; return its output."""
    path = f"{BINARIES}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.run(
        [*map(str, command)],
        input=standard_input,
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert process.returncode == 0, process.stdout[-5000:] + process.stderr[-5000:]
    return process.stdout + process.stderr


@needs_client_packages
def test_document_is_valid(document):
    assert "OK" in run("openapi-spec-validator", document)


@needs_node_packages
def test_spectral_has_no_complaint(document):
    ruleset = PROGRAMS / "spectral.yaml"
    spectral = NODE_MODULES / ".bin" / "spectral"
    assert "No results" in run(spectral, "lint", "--ruleset", ruleset, "--fail-severity", "hint", document)


@needs_client_packages
def test_generated_python_client_returns_typed_replies_and_errors(server, document, tmp_path):
    output = run(
        *("openapi-python-client", "generate", "--meta", "none"),
        *("--path", document, "--output-path", tmp_path / "digits_client"),
    )
    assert output.count("WARNING parsing") <= MAX_WARNINGS, output
    picture = tmp_path / "picture.png"
    picture.write_bytes(encode_picture(draw(3)))
    command = (PYTHON, PROGRAMS / "generated_client.py", server.url, picture)
    replies = json.loads(run(*command, standard_input=json.dumps(EXAMPLE_IMAGE), PYTHONPATH=str(tmp_path)))
    assert replies.pop("modules") == len([*tmp_path.rglob("*.py")]) - 1  # the package itself is already imported
    assert {name: type_name for name, (type_name, _) in replies.items()} == {
        "predict": "Prediction",
        "batch": "BatchReply",
        "picture": "PicturePrediction",
        "metrics": "MetricsReply",
        "infer": "InferReply",
        "index": "IndexEntry",
        "metadata": "ModelMetadataReply",
        **dict.fromkeys(("predict error", "batch error", "picture error"), "ProblemReply"),
        "infer error": "ErrorReply",
    }
    values = {name: value for name, (_, value) in replies.items()}
    assert values["predict"]["digit"] == values["picture"]["digit"] == 3
    assert [prediction["digit"] for prediction in values["batch"]["predictions"]] == [3, 3]
    assert values["predict error"]["errors"][0]["loc"] == ["body", "pixels"]
    assert values["infer"]["outputs"][0]["data"] == [3]
    assert values["infer error"] == {"error": "There is no such model; there is digits."}


@needs_node_packages
def test_generated_typescript_types_compile_and_fit_the_replies(server, document, tmp_path):
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    source = tmp_path / "typed_client.ts"
    source.write_bytes((PROGRAMS / source.name).read_bytes())
    run(NODE_MODULES / ".bin" / "openapi-typescript", document, "--output", tmp_path / "api.ts")
    options = ("--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler")
    run(NODE_MODULES / ".bin" / "tsc", *options, "--typeRoots", NODE_MODULES / "@types", "--types", "node", source)
    output = run("node", source.with_suffix(".js"), server.url, standard_input=json.dumps(EXAMPLE_IMAGE))
    assert json.loads(output) == {
        "digit": 3,
        "places": [["body", "pixels"]],
        "accuracy": HTTP.get(f"{server.url}/metrics").json()["accuracy"],
        "outputs": ["digit", "probabilities"],
        "message": "There is no such model; there is digits.",
    }


@needs_client_packages
@skip_without("java")
@pytest.mark.parametrize(
    ("generator", "folder", "passages"),
    [
        (
            "rust",
            "src",
            {
                "apis/predict_api.rs": ["pub async fn predict_batch(", "file: std::path::PathBuf"],
                "apis/open_inference_protocol_api.rs": ["pub async fn infer(configuration: &", ", name: &str, "],
                "models/image.rs": ["FlatImage(Vec<f64>)", "ImageInRows(Vec<Vec<f64>>)"],
                "models/duration.rs": ["pub ns: i64"],
                "models/input_tensor.rs": ["Vec<serde_json::Value>"],
                "models/output_tensor.rs": ["pub data: Option<Vec<serde_json::Value>>"],
                "models/field_error.rs": ["pub loc: Vec<serde_json::Value>"],
            },
        ),
        (
            "java",
            "src/main/java/org/openapitools/client",
            {
                "api/PredictApi.java": ["public BatchReply predictBatch(", "public PicturePrediction predictPicture("],
                "model/Duration.java": ["private Long ns;"],
                "model/OutputTensor.java": ["private List<Object> data"],
            },
        ),
    ],
)
def test_openapi_generator_generates_a_client(document, tmp_path, generator, folder, passages):
    output = run("openapi-generator-cli", "generate", "-i", document, "-g", generator, "-o", tmp_path)
    assert "ERROR" not in output
    for file, expected in passages.items():
        text = (tmp_path / folder / file).read_text()
        assert [passage for passage in expected if passage not in text] == [], file


@needs_client_packages
def test_schemathesis_finds_no_fault(server, tmp_path):
    config = PROGRAMS / "schemathesis.toml"
    options = ("--checks", "all", "--max-examples", 30, "--seed", 1, "--no-color")
    command = ("schemathesis", "--config-file", config, "run", f"{server.url}/openapi.json", *options)
    output = run(*command, folder=tmp_path)  # it writes into its folder
    assert "Tested: 22" in output
