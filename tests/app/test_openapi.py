"""The OpenAPI document is complete, generators understand it, and its examples work.

`tests/e2e/test_generators.py` generates clients from it.
"""

import json
import re

import pytest

from app.http.openapi import ERROR_DESCRIPTIONS
from app.main import VERSION
from app.oip.error_format import DESCRIPTIONS
from tests.hostile import INFER
from tests.operations import OPERATIONS

MAX_BYTES = 60_000
STATUSES = {"400", "431", "500", "503"}  # of every operation, besides 200
BODY_STATUSES = {"408", "413", "415", "422"}
OIP_BODY_STATUSES = {"408", "413", "501"}  # the protocol has 400 instead of 422, and 501 instead of 415


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


def operations(document):
    """List the path and the description of each operation."""
    return [(path, operation) for path, methods in document["paths"].items() for operation in methods.values()]


def find_all(node, key):
    """Yield the values of a key everywhere in a JSON value."""
    if isinstance(node, dict):
        if key in node:
            yield node[key]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from find_all(child, key)


def resolve(document, reference):
    """Return the part of the document that a reference names."""
    node = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


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
    """Return the error statuses that an operation can answer."""
    if path.startswith("/v2"):
        has_body = path.endswith(("/infer", "/index"))
        return STATUSES | ({"404"} if "{name}" in path else set()) | (OIP_BODY_STATUSES if has_body else set())
    return STATUSES | (BODY_STATUSES if path.startswith("/predict") else {"422"} if path == "/metrics" else set())


def test_every_error_is_documented_in_its_form(document):
    for path, operation in operations(document):
        assert set(operation["responses"]) == {"200", *expected_statuses(path)}
        media_type = "application/json" if path.startswith("/v2") else "application/problem+json"
        name = "ErrorReply" if path.startswith("/v2") else "ProblemReply"
        for status in expected_statuses(path):
            reference = operation["responses"][status]
            assert list(reference) == ["$ref"]
            response = resolve(document, reference["$ref"])
            descriptions = {**ERROR_DESCRIPTIONS, **(DESCRIPTIONS if path.startswith("/v2") else {})}
            assert response["description"] == descriptions[int(status)]
            assert response["content"] == {media_type: {"schema": {"$ref": f"#/components/schemas/{name}"}}}
            assert list(response["headers"]) == ["X-Request-Id", *(["Retry-After"] if status == "503" else [])]


def test_schemas_of_the_framework_for_its_own_errors_are_removed(document):
    assert "HTTPValidationError" not in json.dumps(document)


def test_every_media_type_has_a_schema(document):
    contents = list(find_all(document["paths"], "content"))
    assert contents
    assert all(entry["schema"] for content in contents for entry in content.values())


def test_only_components_have_titles_and_these_are_their_names(document):
    titles = [title for title in find_all([document["paths"], document["components"]], "title") if str(title) == title]
    assert titles == list(document["components"]["schemas"])
    assert all(title.isidentifier() for title in titles)
    assert "title" in document["components"]["schemas"]["ProblemReply"]["properties"]


def test_optional_fields_have_no_null_as_default(document):
    assert None not in find_all(document["components"], "default")


def test_every_integer_has_64_bits(document):
    def find_integers(node):
        if isinstance(node, dict):
            yield from [node] if node.get("type") == "integer" else []
            node = list(node.values())
        for child in node if isinstance(node, list) else ():
            yield from find_integers(child)

    integers = list(find_integers(document))
    assert len(integers) > 30
    assert all(schema["format"] == "int64" for schema in integers)


def test_choices_of_lists_are_also_lists_of_anything(document):
    schemas = document["components"]["schemas"]
    lists = (
        schemas["TensorData"],
        schemas["OutputTensor"]["properties"]["data"],
        schemas["FieldError"]["properties"]["loc"],
    )
    assert [(schema["type"], schema["items"]) for schema in lists] == [("array", {})] * 3


def test_every_reference_has_a_target_and_every_component_a_reference(document):
    references = set(find_all(document, "$ref"))
    assert all(resolve(document, reference) for reference in references)
    components = document["components"]
    assert references == {f"#/components/{kind}/{name}" for kind, members in components.items() for name in members}


def test_image_has_exactly_one_of_two_formats(document):
    schemas = document["components"]["schemas"]
    reference = "#/components/schemas/Image"
    assert schemas["PredictRequest"]["properties"]["pixels"]["$ref"] == reference
    assert schemas["BatchRequest"]["properties"]["images"]["items"] == {"$ref": reference}
    formats = [resolve(document, image_format["$ref"]) for image_format in schemas["Image"]["oneOf"]]
    pixel = {"type": "number", "minimum": 0, "maximum": 16}
    assert [schema["title"] for schema in formats] == ["FlatImage", "ImageInRows"]
    assert (formats[0]["minItems"], formats[0]["maxItems"], formats[0]["items"]) == (64, 64, pixel)
    row = formats[1]["items"]
    assert [(schema["minItems"], schema["maxItems"]) for schema in (formats[1], row)] == [(8, 8)] * 2
    assert row["items"] == pixel


def test_metrics_are_documented_in_three_formats(document):
    operation = document["paths"]["/metrics"]["get"]
    assert operation["parameters"][0]["schema"]["enum"] == ["json", "prometheus"]
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
    assert all(parameter["description"] for parameter in operation["parameters"])
    types = [parameter["schema"]["type"] for parameter in operation["parameters"]]
    assert types == ["integer", *["string"] * len(names)]
    assert header in operation["responses"]["200"]["headers"]
    for message in (operation["requestBody"], operation["responses"]["200"]):
        assert set(message["content"]) == {"application/json", "application/octet-stream"}
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
