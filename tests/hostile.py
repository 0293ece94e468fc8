"""Hostile inference requests, each with a part of the error message that it must get.

Requests that are also in the tests of Triton have the names that they have there.
"""

import gzip
import json
import zlib

import numpy as np

from app.api.schemas import EXAMPLE_IMAGE

INFER = "/v2/models/digits/infer"  # path of an inference request
HEADER = "Inference-Header-Content-Length"  # header with the length of the JSON before the binary data, in bytes
IMAGE_BYTES = np.array(EXAMPLE_IMAGE, "<f4").tobytes()
SENT_TEXT = "SENT-BY-THE-CLIENT"  # no error message may contain it
TOO_MANY_VALUES = "the body must not hold more values than 1024 images have"


def tensor(**fields):
    """Build an input tensor with its data in JSON; fields replace those of a valid tensor."""
    return {"name": "pixels", "shape": [1, 64], "datatype": "FP32", "data": EXAMPLE_IMAGE, **fields}


def binary_tensor(size, **fields):
    """Build an input tensor whose data is `size` bytes after the JSON."""
    return {"name": "pixels", "shape": [1, 64], "datatype": "FP32", "parameters": {"binary_data_size": size}, **fields}


def message(*tensors, **fields):
    """Build an inference request."""
    return {"inputs": list(tensors), **fields}


def message_with_outputs(*outputs):
    """Build an inference request with a valid input and the given requested outputs."""
    return message(tensor(), outputs=list(outputs))


# Name → (body as JSON object or bytes, part of the error message).
MESSAGES = {
    "negative_dimensions": (message(tensor(shape=[-1, 64])), "inputs[0].shape"),
    "two_negative_dimensions": (message(tensor(shape=[-1, -64])), "inputs[0].shape"),
    "shape_overflows_64_bits": (message(tensor(shape=[2**58, 64])), "inputs[0].shape"),
    "shape_wraps_to_the_right_size": (message(tensor(shape=[2**64 + 1, 64])), "inputs[0].shape"),
    "shape_of_zero": (message(tensor(shape=[0, 64], data=[])), "inputs[0].shape"),
    "shape_without_dimensions": (message(tensor(shape=[])), "inputs[0].shape"),
    "shape_of_text": (message(tensor(shape=["1", "64"])), "inputs[0].shape[0]"),
    "shape_of_booleans": (message(tensor(shape=[True, 64])), "inputs[0].shape[0] must be an integer"),
    "shape_of_floats": (message(tensor(shape=[1.5, 64])), "inputs[0].shape[0] must be an integer"),
    "shape_of_null": (message(tensor(shape=[None, 64])), "inputs[0].shape[0]"),
    "shape_is_a_number": (message(tensor(shape=64)), "inputs[0].shape"),
    "multi_variable_dimensions": (
        message(tensor(shape=[1, 1, 64])),
        "inputs[0].shape must be [B, 64] for B images, with B from 1 to 1024",
    ),
    "shape_of_a_million_dimensions": (message(tensor(shape=[1] * 600_000)), TOO_MANY_VALUES),
    "shape_missing": (message({"name": "pixels", "datatype": "FP32", "data": []}), "inputs[0].shape"),
    "datatype_unknown": (message(tensor(datatype=SENT_TEXT)), "inputs[0].datatype"),
    "datatype_bytes": (message(tensor(datatype="BYTES")), "inputs[0].datatype"),
    "datatype_bool": (message(tensor(datatype="BOOL")), "inputs[0].datatype"),
    "datatype_is_a_list": (message(tensor(datatype=["FP32"])), "inputs[0].datatype"),
    "name_unknown": (message(tensor(name=SENT_TEXT)), "inputs[0].name must be 'pixels'"),
    "name_missing": (message({"shape": [1, 64], "datatype": "FP32", "data": []}), "inputs[0].name"),
    "too_few_elements": (message(tensor(data=EXAMPLE_IMAGE[1:])), "inputs[0].data"),
    "too_many_elements": (message(tensor(data=[*EXAMPLE_IMAGE, 0])), "inputs[0].data"),
    "ragged_rows": (message(tensor(shape=[2, 64], data=[EXAMPLE_IMAGE, [1]])), "inputs[0].data must have 128 numbers"),
    "rows_and_numbers": (message(tensor(data=[EXAMPLE_IMAGE, 1])), "inputs[0].data[1] must be a list"),
    "numbers_and_rows": (message(tensor(data=[1, EXAMPLE_IMAGE])), "inputs[0].data[1] must be a number"),
    "deep_lists_of_too_few_elements": (
        message(tensor(data=[[EXAMPLE_IMAGE[1:]]])),
        "inputs[0].data must have 64 number",
    ),
    "deep_lists_of_text": (message(tensor(data=[[[0, SENT_TEXT]]])), "inputs[0].data[0][0][1] must be a number"),
    "deep_lists_of_booleans": (
        message(tensor(data=[[EXAMPLE_IMAGE[1:], [True]]])),
        "inputs[0].data[0][1][0] must be a num",
    ),
    "lists_of_several_depths": (message(tensor(data=[[[1], [2]], [3]])), "inputs[0].data[1][0] must be a list"),
    "empty_list_before_numbers": (message(tensor(data=[[[]], 1])), "inputs[0].data[1] must be a list"),
    "empty_rows": (message(tensor(data=[[]] * 900)), "inputs[0].data must have 64 numbers"),
    "a_million_empty_rows": (message(tensor(data=[[]] * 500_000)), TOO_MANY_VALUES),
    "a_million_empty_objects": (message(tensor(data=[{}] * 500_000)), TOO_MANY_VALUES),
    "a_million_rows_in_a_name": (message(tensor(name=[[]] * 500_000)), TOO_MANY_VALUES),
    "elements_of_text": (message(tensor(data=[SENT_TEXT] * 64)), "inputs[0].data[0]"),
    "elements_of_booleans": (message(tensor(data=[True] * 64)), "inputs[0].data[0]"),
    "elements_of_null": (message(tensor(data=[None] * 64)), "inputs[0].data[0]"),
    "element_out_of_range": (message(tensor(data=[16.001, *EXAMPLE_IMAGE[1:]])), "pixels[0][0]"),
    "element_beyond_its_datatype": (message(tensor(data=[300] * 64, datatype="UINT8")), "pixels[0][0]"),
    "element_beyond_any_datatype": (message(tensor(data=[10**300] * 64, datatype="INT64")), "pixels[0][0]"),
    "element_beyond_any_float": (message(tensor(data=[*EXAMPLE_IMAGE[1:], 10**400])), "pixels[0][63] must be between"),
    "element_below_any_float": (
        message(tensor(data=[-(10**400)] * 64, datatype="UINT8")),
        "pixels[0][0] must be between",
    ),
    "elements_beyond_all_datatypes": (
        message(tensor(data=[10**400, 10**20, *EXAMPLE_IMAGE[2:]], datatype="INT64")),
        "pixels[0][0] must be between",
    ),
    "element_not_a_number": (message(tensor(data=[float("nan")] * 64)), "pixels[0][0]"),
    "element_infinite": (message(tensor(data=[float("inf")] * 64)), "pixels[0][0]"),
    "fraction_in_an_integer_datatype": (message(tensor(data=[0.5] * 64, datatype="INT32")), "inputs[0].data"),
    "one_fraction_in_an_integer_datatype": (
        message(tensor(data=[0.5, *EXAMPLE_IMAGE[1:]], datatype="UINT8")),
        "inputs[0].data must be whole numbers",
    ),
    "text_behind_a_fraction": (message(tensor(data=[0.5, SENT_TEXT])), "inputs[0].data[1] must be a number"),
    "data_is_text": (message(tensor(data=SENT_TEXT)), "inputs[0].data must be a list"),
    "data_is_an_object": (message(tensor(data={SENT_TEXT: 1})), "inputs[0].data must be a list"),
    "data_missing": (
        message({"name": "pixels", "shape": [1, 64], "datatype": "FP32"}),
        "inputs[0] must have either data",
    ),
    "data_in_json_and_binary": (message(binary_tensor(256, data=EXAMPLE_IMAGE)), "inputs[0] must have either data"),
    "no_inputs": (message(), "inputs"),
    "inputs_missing": ({}, "inputs"),
    "inputs_are_null": ({"inputs": None}, "inputs"),
    "inputs_are_an_object": ({"inputs": tensor()}, "inputs"),
    "input_twice": (message(tensor(), tensor()), "inputs"),
    "id_is_a_number": (message(tensor(), id=7), "id must be a text"),
    "id_is_an_object": (message(tensor(), id={SENT_TEXT: 1}), "id"),
    "parameter_reserved": (
        message(tensor(), parameters={f"triton_{SENT_TEXT}": 1}),
        "parameters must not have names that begin with triton_",
    ),
    "input_parameter_reserved": (
        message(tensor(parameters={"triton_x": None})),
        "inputs[0].parameters must not have names that begin with triton_",
    ),
    "output_parameter_reserved": (
        message_with_outputs({"name": "digit", "parameters": {"triton_": 1}}),
        "outputs[0].parameters must not have names that begin with triton_",
    ),
    "parameters_are_a_list": (message(tensor(), parameters=[SENT_TEXT]), "parameters"),
    "parameter_is_text": (message(tensor(), parameters={"binary_data_output": "true"}), "parameters.bina"),
    "input_parameters_are_text": (message(tensor(parameters=SENT_TEXT)), "inputs[0].parameters"),
    "binary_size_is_text": (message(binary_tensor("256")), "inputs[0].parameters.binary_data_size"),
    "binary_size_is_true": (message(binary_tensor(size=True)), "inputs[0].parameters.binary_data_size"),
    "binary_size_negative": (message(binary_tensor(-256)), "inputs[0].parameters.binary_data_size must be at least 0"),
    "binary_size_without_binary_data": (message(binary_tensor(256)), "The bytes behind the JSON must be 256"),
    "binary_size_overflows_64_bits": (message(binary_tensor(2**64 + 256)), "inputs[0].parameters.binary_data_size"),
    "output_unknown": (message_with_outputs({"name": SENT_TEXT}), "outputs[0].name must be 'digit' or 'probabilities'"),
    "output_without_name": (message_with_outputs({}), "outputs[0].name"),
    "duplicate_output_names": (message_with_outputs({"name": "digit"}, {"name": "digit"}), "outputs must name each"),
    "more_outputs_than_exist": (
        message_with_outputs(*[{"name": "digit"}] * 3),
        "outputs must have a length of at most 2",
    ),
    "thousands_of_outputs": (message_with_outputs(*[{"name": "digit"}] * 50_000), TOO_MANY_VALUES),
    "outputs_are_an_object": (message(tensor(), outputs={}), "outputs"),
    "output_binary_data_is_text": (
        message_with_outputs({"name": "digit", "parameters": {"binary_data": "1"}}),
        "outputs[0].parameters.binary_data must be true or false",
    ),
    "classification_is_zero": (
        message_with_outputs({"name": "probabilities", "parameters": {"classification": 0}}),
        "outputs[0].parameters.classification must be at least 1",
    ),
    "classification_is_true": (
        message_with_outputs({"name": "probabilities", "parameters": {"classification": True}}),
        "outputs[0].parameters.classification",
    ),
    "classification_of_the_output_digit": (
        message_with_outputs({"name": "digit", "parameters": {"classification": 1}}),
        "outputs[0] cannot be classified",
    ),
    "empty_body": (b"", "the body is not valid JSON"),
    "not_json": (b"pixels=1&" + SENT_TEXT.encode(), "the body is not valid JSON"),
    "not_an_object": (b"[]", "the body must be a JSON object"),
    "not_utf8": (b'{"id": "\xff\xfe"}', "the body is not valid JSON"),
    "lone_surrogate": (b'{"id": "\\ud800", "inputs": []}', "the body is not valid JSON"),
    "truncated_json": (json.dumps(message(tensor())).encode()[:-1], "the body is not valid JSON"),
    "two_json_objects": (b"{}{}", "the body is not valid JSON"),
    "json_recursion_depth_limit": (b'{"inputs":' + b"[" * 900, "recursion limit"),
    "object_recursion": (b'{"a":' * 900, "recursion limit"),
    "thousands_of_nested_lists": (
        b'{"inputs":[{"x":[' + (b"[" * 188 + b"]" * 188 + b",") * 5000 + b"0]}]}",
        TOO_MANY_VALUES,
    ),
    "a_million_nested_lists": (b"[" * 1_000_000, TOO_MANY_VALUES),
    "integer_of_a_million_digits": (b'{"inputs":[{"data":[' + b"1" * 1_000_000, "the body is not valid JSON"),
    "exponent_of_a_million_digits": (b'{"inputs":[{"shape":[1e' + b"1" * 1_000_000, "the body is not valid"),
    "float_overflows": (json.dumps(message(tensor(data=["@"] * 64))).replace('"@"', "1e999").encode(), "pixels[0][0]"),
}

JSON_PART = json.dumps(message(binary_tensor(256))).encode()
BINARY_BODY = JSON_PART + IMAGE_BYTES
# Name → (body, value of the header or None, part of the error message).
BINARY = {
    "byte_too_many_elements": (BINARY_BODY + b"x", len(JSON_PART), "The bytes behind the JSON must be 256"),
    "buffer_size_overflow": (BINARY_BODY[:-1], len(JSON_PART), "The bytes behind the JSON must be 256"),
    "inference_header_content_length_out_of_range": (BINARY_BODY, len(BINARY_BODY) + 1, HEADER),
    "header_negative": (BINARY_BODY, -1, HEADER),
    "header_is_text": (BINARY_BODY, SENT_TEXT, HEADER),
    "header_overflows_64_bits": (BINARY_BODY, 2**64 + len(JSON_PART), HEADER),
    "header_of_thousands_of_digits": (BINARY_BODY, "1" * 5000, HEADER),
    "header_too_small": (BINARY_BODY, len(JSON_PART) - 1, "the body is not valid JSON"),
    "header_too_large": (BINARY_BODY, len(JSON_PART) + 1, "the body is not valid JSON"),
    "header_missing": (BINARY_BODY, None, "the body is not valid JSON"),
    "raw_binary_of_half_a_row": (IMAGE_BYTES[:-4], 0, "rows of 64 FP32 numbers"),
    "raw_binary_empty": (b"", 0, "rows of 64 FP32 numbers"),
    "raw_binary_out_of_range": (np.full(64, 17, "<f4").tobytes(), 0, "pixels[0][0]"),
    "raw_binary_not_a_number": (b"\xff" * 256, 0, "pixels[0][0]"),
}

BOMB_CONTENT = bytes(50_000_000)
DECOMPRESSED_TOO_LARGE = "The decompressed body must be at most 2097152 bytes."
# Name → (body, content coding, status, part of the error message).
CODINGS = {
    "gzip_bomb": (gzip.compress(BOMB_CONTENT, 9), "gzip", 413, DECOMPRESSED_TOO_LARGE),
    "deflate_bomb": (zlib.compress(BOMB_CONTENT, 9), "deflate", 413, DECOMPRESSED_TOO_LARGE),
    "gzip_of_many_streams": (gzip.compress(b"") * 50_000, "gzip", 400, "one whole gzip stream"),
    "gzip_coding_of_other_bytes": (b"not gzip", "gzip", 400, "not valid gzip"),
    "deflate_coding_of_gzip": (gzip.compress(b"{}"), "deflate", 400, "not valid deflate"),
    "gzip_empty": (b"", "gzip", 400, "one whole gzip stream"),
    "brotli": (b"{}", "br", 501, "Content-Encoding"),
    "gzip_of_gzip": (gzip.compress(gzip.compress(b"{}")), "gzip, gzip", 501, "Content-Encoding"),
    "unknown_coding": (b"{}", SENT_TEXT, 501, "Content-Encoding"),
}
