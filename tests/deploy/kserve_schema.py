"""A script that validates KServe's objects with the classes of its package; it runs in the environment of the clients.

Usage: python tests/deploy/kserve_schema.py FILE… > errors.json
"""

import json
import re
import sys
from pathlib import Path

import kserve.models
import kubernetes.client
import yaml

CLASSES = {"InferenceService": "V1beta1InferenceService", "ServingRuntime": "V1alpha1ServingRuntime"}
JSON_TYPES = {"str": str, "int": int, "bool": bool, "float": float}
COLLECTION = re.compile(
    r"(list|dict)[\[(](?:str, )?(.+)[\])]", re.IGNORECASE
)  # list[int], dict(str, int), Dict[str, int]


def find_errors(type_name, value, location):
    """Compare a value with a type of the generated classes.

    Args:
        type_name: The type, for example `list[V1Container]`.
        value: The value.
        location: The path of the value in its document.
    Yields:
        A sentence for each error: a wrong type, an unknown field, or a missing field.
    """
    collection = COLLECTION.fullmatch(type_name)
    json_type = {"list": list, "dict": dict}[collection[1].lower()] if collection else JSON_TYPES.get(type_name, dict)
    has_json_type = type(value) is json_type
    if type_name == "object":
        return
    if not has_json_type:
        yield f"{location} must be {type_name}"
    elif collection:
        entries = enumerate(value) if isinstance(value, list) else value.items()
        for key, entry in entries:
            yield from find_errors(collection[2], entry, f"{location}.{key}")
    elif isinstance(value, dict):
        yield from find_field_errors(type_name, value, location)


def find_field_errors(class_name, value, location):
    """Compare the fields of an object with a generated class; see `find_errors`."""
    cls = getattr(kserve.models, class_name, None) or getattr(kubernetes.client, class_name)
    attributes = {field: attribute for attribute, field in cls.attribute_map.items()}
    yield from (f"{location}.{field} is unknown" for field in value if field not in attributes)
    known = {attributes[field]: entry for field, entry in value.items() if field in attributes}
    try:
        cls(**known)
    except ValueError as error:  # a required field is missing, or a value is not one of a list
        yield f"{location}: {error}"
    for attribute, entry in known.items():
        yield from find_errors(cls.openapi_types[attribute], entry, f"{location}.{cls.attribute_map[attribute]}")


def main():
    """Print the errors of all files as a JSON list."""
    documents = [yaml.safe_load(Path(file).read_text()) for file in sys.argv[1:]]
    json.dump(
        [error for each in documents for error in find_errors(CLASSES[each["kind"]], each, each["kind"])], sys.stdout
    )


if __name__ == "__main__":
    main()
