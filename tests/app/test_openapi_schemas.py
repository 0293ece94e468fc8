"""The schemas of the OpenAPI document have names, and the form that generators understand."""

import json

import pytest

from tests.openapi import find_all, resolve


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


def test_schemas_of_the_framework_for_its_own_errors_are_removed(document):
    assert "HTTPValidationError" not in json.dumps(document)


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
    components = {kind: names for kind, names in document["components"].items() if kind != "securitySchemes"}
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


def test_reply_of_an_inference_has_optional_fields(document):
    schemas = document["components"]["schemas"]
    assert schemas["InferReply"]["required"] == ["model_name", "model_version", "outputs"]
    assert schemas["OutputTensor"]["required"] == ["name", "shape", "datatype"]
    properties = schemas["OutputTensor"]["properties"]
    assert properties["datatype"]["enum"] == ["INT64", "FP32", "BYTES"]
    assert [choice["items"]["type"] for choice in properties["data"]["anyOf"]] == ["integer", "number", "string"]
