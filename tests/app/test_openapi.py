"""The documentation is complete, and its examples work."""

import pytest

from app.main import VERSION

OPERATIONS = {
    ("POST", "/predict"),
    ("POST", "/predict/batch"),
    ("POST", "/predict/picture"),
    ("GET", "/metrics"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
}


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


def test_it_documents_every_operation_and_its_problems(document):
    paths = document["paths"]
    assert {(m.upper(), path) for path, methods in paths.items() for m in methods} == OPERATIONS
    assert document["info"]["version"] == VERSION
    for path in ("/predict", "/predict/batch"):
        responses = paths[path]["post"]["responses"]
        assert set(responses) == {"200", "413", "415", "422", "500"}
        for status in ("413", "415", "422", "500"):
            assert list(responses[status]["content"]) == ["application/problem+json"]


def test_every_reference_leads_somewhere(document):
    def references(node):
        if isinstance(node, dict):
            yield from ([node["$ref"]] if "$ref" in node else [])
            node = list(node.values())
        if isinstance(node, list):
            for inner in node:
                yield from references(inner)

    found = set(references(document))
    assert found
    for reference in found:
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_the_bounds_of_a_pixel_are_in_the_schema(document):
    text = str(document["components"]["schemas"]["PredictRequest"])
    assert "'minimum': 0" in text
    assert "'maximum': 16" in text
    assert "'minItems': 64, 'title': '64 numbers'" in text


def test_a_picture_may_be_of_four_types_or_in_a_form(document):
    operation = document["paths"]["/predict/picture"]["post"]
    assert set(operation["requestBody"]["content"]) == {
        *("image/png", "image/jpeg", "image/webp", "image/bmp"),
        "multipart/form-data",
    }
    assert set(operation["responses"]) == {"200", "400", "408", "413", "415", "422", "500", "503"}


@pytest.mark.parametrize(
    ("path", "schema"), [("/predict", "PredictRequest"), ("/predict/batch", "BatchRequest")]
)
def test_every_example_is_answered(client, document, path, schema):
    examples = document["components"]["schemas"][schema]["examples"]
    assert examples
    for example in examples:
        assert client.post(path, json=example).status_code == 200


def test_the_page_of_the_docs_is_there(client):
    assert "swagger" in client.get("/docs").text.lower()
