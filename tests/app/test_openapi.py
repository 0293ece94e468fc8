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
    ("GET", "/v2"),
    ("GET", "/v2/health/live"),
    ("GET", "/v2/health/ready"),
    ("GET", "/v2/models"),
    ("GET", "/v2/models/stats"),
    ("POST", "/v2/repository/index"),
    *(
        (method, f"/v2/models/{{name}}{version}{path}")
        for version in ("", "/versions/{version}")
        for method, path in (*(("GET", path) for path in ("", "/ready", "/config", "/stats")), ("POST", "/infer"))
    ),
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


def test_an_image_is_documented_in_one_of_two_layouts(document):
    schemas = document["components"]["schemas"]
    pixels = schemas["PredictRequest"]["properties"]["pixels"]
    image = schemas["BatchRequest"]["properties"]["images"]["items"]
    for schema in (pixels, image):
        assert [layout["title"] for layout in schema["oneOf"]] == ["64 numbers", "8 rows of 8"]


def statuses_below_v2(path):
    """The answers that an operation of the protocol can give."""
    statuses = {"200", "500", "default"}
    statuses |= {"404"} if path.startswith("/v2/models/{name}") else set()
    statuses |= {"503"} if path.endswith("/ready") else set()
    statuses |= {"400", "413", "501"} if path.endswith(("/infer", "/index")) else set()
    return statuses


def test_below_v2_errors_are_documented_in_their_own_form(document):
    for path, methods in document["paths"].items():
        if path.startswith("/v2"):
            for operation in methods.values():
                assert set(operation["responses"]) == statuses_below_v2(path)
                for status, response in operation["responses"].items():
                    if status != "200":
                        assert list(response["content"]) == ["application/json"]
                        (name,) = response["content"]["application/json"]["schema"]["required"]
                        assert name == "error"


def test_what_the_index_may_be_asked_is_documented(document):
    body = document["paths"]["/v2/repository/index"]["post"]["requestBody"]
    assert list(body["content"]["application/json"]["schema"]["properties"]) == ["ready"]


def test_an_inference_documents_its_body_and_its_two_forms(document):
    operation = document["paths"]["/v2/models/{name}/versions/{version}/infer"]["post"]
    assert [parameter["name"] for parameter in operation["parameters"]] == ["name", "version"]
    for described in (operation["requestBody"], operation["responses"]["200"]):
        assert set(described["content"]) == {"application/json", "application/octet-stream"}
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["inputs"]
    tensor = schema["properties"]["inputs"]["items"]
    assert tensor["properties"]["datatype"]["enum"][-1] == "FP64"


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


@pytest.mark.parametrize(("path", "schema"), [("/predict", "PredictRequest"), ("/predict/batch", "BatchRequest")])
def test_every_example_is_answered(client, document, path, schema):
    examples = document["components"]["schemas"][schema]["examples"]
    assert examples
    for example in examples:
        assert client.post(path, json=example).status_code == 200


def test_the_page_of_the_docs_is_there(client):
    assert "swagger" in client.get("/docs").text.lower()
