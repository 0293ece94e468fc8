"""The OpenAPI document is complete, generators understand it, and its examples work.

`tests/e2e/test_generators.py` generates clients from it.
"""

import re

import pytest

from app.http.problems import ERROR_DESCRIPTIONS
from app.main import VERSION
from app.oip.error_format import DESCRIPTIONS
from tests.hostile import INFER
from tests.openapi import find_all, operations, resolve
from tests.operations import OPERATIONS

MAX_BYTES = 60_000
STATUSES = {"400", "431", "500", "503"}  # of every operation, besides 200
BODY_STATUSES = {"408", "413", "415", "422"}
OIP_BODY_STATUSES = {"408", "413", "501"}  # the protocol has 400 instead of 422, and 501 instead of 415


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


def test_document_has_every_operation(document):
    paths = document["paths"]
    documented = {(method.upper(), path) for path, operations in paths.items() for method in operations}
    assert documented == OPERATIONS
    assert document["info"]["version"] == VERSION


def test_document_is_small(client):
    assert len(client.get("/openapi.json").content) < MAX_BYTES


def test_names_of_operations_are_short_and_unique(document):
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z][A-Za-z]{1,31}", name) for name in names)
    assert {"predict", "predictBatch", "predictPicture", "metrics", "infer", "inferWithVersion"} <= set(names)


def test_every_tag_is_declared_and_every_operation_has_a_description(document):
    tags = {tag["name"] for tag in document["tags"]}
    assert all(tag["description"] for tag in document["tags"])
    assert {tag for _, operation in operations(document) for tag in operation["tags"]} == tags
    assert all(operation["description"].endswith(".") for _, operation in operations(document))


@pytest.mark.parametrize(("root_path", "url"), [("", "/"), ("/digits", "/digits")])
def test_server_is_the_service_that_sends_the_document(make_client, root_path, url):
    servers = make_client(root_path=root_path).get("/openapi.json").json()["servers"]
    assert [server["url"] for server in servers] == [url]


def expected_statuses(path):
    """Return the error statuses that an operation of an open service can answer."""
    if path.startswith("/v2"):
        has_body = path.endswith(("/infer", "/index"))
        is_health = path.startswith("/v2/health") or path.endswith("/ready")
        return (
            STATUSES
            | (set() if is_health else {"401"})
            | ({"404"} if "{name}" in path else set())
            | (OIP_BODY_STATUSES if has_body else set())
        )
    return STATUSES | (
        {*BODY_STATUSES, "401"} if path.startswith("/predict") else {"422"} if path == "/metrics" else set()
    )


def test_every_error_is_documented_in_its_form(document):
    for path, operation in operations(document):
        assert set(operation["responses"]) == {"200", *expected_statuses(path)}
        media_type = "application/json" if path.startswith("/v2") else "application/problem+json"
        name = "ErrorReply" if path.startswith("/v2") else "ProblemReply"
        for status in expected_statuses(path):
            reference = operation["responses"][status]
            assert list(reference) == ["$ref"]
            response = resolve(document, reference["$ref"])
            descriptions = DESCRIPTIONS if path.startswith("/v2") else ERROR_DESCRIPTIONS
            assert response["description"] == descriptions[int(status)]
            assert response["content"] == {media_type: {"schema": {"$ref": f"#/components/schemas/{name}"}}}
            own_headers = {"503": ["Retry-After"], "401": ["WWW-Authenticate"]}
            assert list(response["headers"]) == ["X-Request-Id", *own_headers.get(status, [])]


KEYS: list[dict[str, list[str]]] = [{"bearer": []}, {"apiKey": []}]


@pytest.mark.parametrize(
    ("settings", "ways"),
    [
        ({}, [*KEYS, {}]),  # an empty object makes a key optional
        ({"api_keys": ("key",)}, KEYS),
    ],
)
def test_both_ways_to_send_a_key_are_documented_where_a_key_is_needed(make_client, settings, ways):
    document = make_client(**settings).get("/openapi.json").json()
    schemes = document["components"]["securitySchemes"]
    assert {name: {**scheme, "description": ""} for name, scheme in schemes.items()} == {
        "bearer": {"type": "http", "scheme": "bearer", "description": ""},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": ""},
    }
    for path, operation in operations(document):
        assert operation.get("security") == (ways if "401" in operation["responses"] else None)
        assert ("401" in operation["responses"]) == ("401" in expected_statuses(path))


def test_a_setting_adds_the_metrics_to_the_operations_that_need_a_key(make_client):
    document = make_client(api_keys=("key",), metrics_needs_key=True).get("/openapi.json").json()
    assert document["paths"]["/metrics"]["get"]["security"] == KEYS


def test_every_media_type_has_a_schema(document):
    contents = list(find_all(document["paths"], "content"))
    assert contents
    assert all(entry["schema"] for content in contents for entry in content.values())


def test_metrics_are_documented_in_three_formats(document):
    operation = document["paths"]["/metrics"]["get"]
    (parameter,) = operation["parameters"]
    assert (parameter["schema"]["type"], parameter["schema"]["enum"]) == ("string", ["json", "prometheus"])
    content = operation["responses"]["200"]["content"]
    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/MetricsReply"}
    for media_type in ("text/plain", "application/openmetrics-text"):
        assert content[media_type]["schema"]["type"] == "string"


def test_picture_is_documented_in_four_media_types_and_as_a_form(document):
    content = document["paths"]["/predict/picture"]["post"]["requestBody"]["content"]
    assert list(content) == ["multipart/form-data", "image/png", "image/jpeg", "image/webp", "image/bmp"]
    form = resolve(document, content["multipart/form-data"]["schema"]["$ref"])
    assert form["required"] == ["file"]
    assert form["properties"]["file"]["format"] == "binary"


def test_request_bodies_are_required_and_bytes_are_binary(document):
    bodies = {path: operation["requestBody"] for path, operation in operations(document) if "requestBody" in operation}
    assert [path for path, body in bodies.items() if not body.get("required")] == ["/v2/repository/index"]
    for content in find_all(document["paths"], "content"):
        for media_type, entry in content.items():
            if media_type.startswith("image/") or media_type == "application/octet-stream":
                assert (entry["schema"]["type"], entry["schema"]["format"]) == ("string", "binary")


def test_headers_of_errors_have_their_types(document):
    headers = document["components"]["headers"]
    types = {name: header["schema"]["type"] for name, header in headers.items()}
    assert types == {"X-Request-Id": "string", "Retry-After": "integer", "WWW-Authenticate": "string"}


def test_every_parameter_has_a_description(document):
    parameters = [parameter for _, operation in operations(document) for parameter in operation.get("parameters", ())]
    assert all(parameter["description"] for parameter in parameters)
    # openapi-generator makes a parameter optional if its schema equals the one of an optional field.
    assert all(parameter["schema"]["description"] for parameter in parameters if parameter["in"] == "path")


def test_repository_index_documents_its_request_body(document):
    body = document["paths"]["/v2/repository/index"]["post"]["requestBody"]
    schema = resolve(document, body["content"]["application/json"]["schema"]["$ref"])
    assert list(schema["properties"]) == ["ready"]


@pytest.mark.parametrize("names", [["name"], ["name", "version"]])
def test_inference_documents_its_body_as_json_and_as_binary(document, names):
    path = "/v2/models/{name}/versions/{version}/infer" if len(names) == 2 else "/v2/models/{name}/infer"
    operation = document["paths"][path]["post"]
    header = "Inference-Header-Content-Length"
    parameters = [(parameter["name"], parameter["in"], parameter["required"]) for parameter in operation["parameters"]]
    assert parameters == [(header, "header", False), *((name, "path", True) for name in names)]
    types = [parameter["schema"]["type"] for parameter in operation["parameters"]]
    assert types == ["integer", *["string"] * len(names)]
    headers = operation["responses"]["200"]["headers"]
    assert list(headers) == [header, "Content-Encoding"]
    assert headers[header]["schema"]["minimum"] == 0
    for message in (operation["requestBody"], operation["responses"]["200"]):
        assert list(message["content"]) == ["application/json", "application/octet-stream"]
    schema = resolve(document, operation["requestBody"]["content"]["application/json"]["schema"]["$ref"])
    assert schema["required"] == ["inputs"]
    tensor = resolve(document, schema["properties"]["inputs"]["items"]["$ref"])
    assert tensor["properties"]["datatype"]["enum"][-1] == "FP64"
    shape = tensor["properties"]["shape"]
    assert (shape["minItems"], shape["maxItems"]) == (2, 2)


@pytest.mark.parametrize(
    ("path", "schema"), [("/predict", "PredictRequest"), ("/predict/batch", "BatchRequest"), (INFER, "InferRequest")]
)
def test_every_example_gets_a_prediction(client, document, path, schema):
    examples = document["components"]["schemas"][schema]["examples"]
    assert examples
    for example in examples:
        assert client.post(path, json=example).status_code == 200


def test_docs_page_is_served(client):
    assert "swagger" in client.get("/docs").text.lower()
