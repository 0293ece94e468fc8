"""The OpenAPI document is complete, and its examples work."""

import pytest

from app.main import VERSION
from tests.operations import OPERATIONS


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


def test_document_has_every_operation_and_its_problems(document):
    paths = document["paths"]
    documented = {(method.upper(), path) for path, operations in paths.items() for method in operations}
    assert documented == OPERATIONS
    assert document["info"]["version"] == VERSION
    for path in ("/predict", "/predict/batch"):
        responses = paths[path]["post"]["responses"]
        assert set(responses) == {"200", "408", "413", "415", "422", "500", "503"}
        for status in ("408", "413", "415", "422", "500", "503"):
            assert list(responses[status]["content"]) == ["application/problem+json"]


def test_schema_of_an_image_has_exactly_one_of_two_formats(document):
    schemas = document["components"]["schemas"]
    pixels = schemas["PredictRequest"]["properties"]["pixels"]
    image = schemas["BatchRequest"]["properties"]["images"]["items"]
    for schema in (pixels, image):
        assert [image_format["title"] for image_format in schema["oneOf"]] == ["64 numbers", "8 rows of 8"]


def expected_oip_statuses(path):
    """Return the statuses that an operation of the Open Inference Protocol can answer."""
    statuses = {"200", "500", "default"}
    statuses |= {"404"} if path.startswith("/v2/models/{name}") else set()
    statuses |= {"503"} if path.endswith(("/ready", "/infer")) else set()
    statuses |= {"400", "408", "413", "501"} if path.endswith(("/infer", "/index")) else set()
    return statuses


def test_errors_below_v2_are_documented_in_the_form_of_the_protocol(document):
    for path, operations in document["paths"].items():
        if path.startswith("/v2"):
            for operation in operations.values():
                assert set(operation["responses"]) == expected_oip_statuses(path)
                for status, response in operation["responses"].items():
                    if status != "200":
                        assert list(response["content"]) == ["application/json"]
                        (name,) = response["content"]["application/json"]["schema"]["required"]
                        assert name == "error"


def test_repository_index_documents_its_request_body(document):
    body = document["paths"]["/v2/repository/index"]["post"]["requestBody"]
    assert list(body["content"]["application/json"]["schema"]["properties"]) == ["ready"]


def test_inference_documents_its_body_as_json_and_as_binary(document):
    operation = document["paths"]["/v2/models/{name}/versions/{version}/infer"]["post"]
    assert [parameter["name"] for parameter in operation["parameters"]] == ["name", "version"]
    for message in (operation["requestBody"], operation["responses"]["200"]):
        assert set(message["content"]) == {"application/json", "application/octet-stream"}
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["inputs"]
    tensor = schema["properties"]["inputs"]["items"]
    assert tensor["properties"]["datatype"]["enum"][-1] == "FP64"


def test_every_reference_has_a_target(document):
    def find_references(node):
        if isinstance(node, dict):
            yield from ([node["$ref"]] if "$ref" in node else [])
            node = list(node.values())
        if isinstance(node, list):
            for child in node:
                yield from find_references(child)

    references = set(find_references(document))
    assert references
    for reference in references:
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_schema_of_an_image_has_the_range_of_a_pixel(document):
    text = str(document["components"]["schemas"]["PredictRequest"])
    assert "'minimum': 0" in text
    assert "'maximum': 16" in text
    assert "'minItems': 64, 'title': '64 numbers'" in text


def test_picture_is_documented_in_four_media_types_and_as_a_form(document):
    operation = document["paths"]["/predict/picture"]["post"]
    assert set(operation["requestBody"]["content"]) == {
        *("image/png", "image/jpeg", "image/webp", "image/bmp"),
        "multipart/form-data",
    }
    assert set(operation["responses"]) == {"200", "400", "408", "413", "415", "422", "500", "503"}


@pytest.mark.parametrize(("path", "schema"), [("/predict", "PredictRequest"), ("/predict/batch", "BatchRequest")])
def test_every_example_gets_a_prediction(client, document, path, schema):
    examples = document["components"]["schemas"][schema]["examples"]
    assert examples
    for example in examples:
        assert client.post(path, json=example).status_code == 200


def test_docs_page_is_served(client):
    assert "swagger" in client.get("/docs").text.lower()
