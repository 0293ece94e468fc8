"""Requests made to break an inference server: what each sends, and what the refusal must name.

The names are those of Triton's own tests where it has one.
"""

import gzip
import json
import zlib

import numpy as np

from app.api.schemas import EXAMPLE_IMAGE

INFER = "/v2/models/digits/infer"
HEADER = "Inference-Header-Content-Length"
IMAGE = np.array(EXAMPLE_IMAGE, "<f4").tobytes()
MARK = "SENT-BY-THE-CLIENT"
VALUES = "the body must not hold more than 75752 values"


def tensor(**fields):
    return {"name": "pixels", "shape": [1, 64], "datatype": "FP32", "data": EXAMPLE_IMAGE, **fields}


def behind(size, **fields):
    """A tensor whose bytes are behind the JSON."""
    return {"name": "pixels", "shape": [1, 64], "datatype": "FP32", "parameters": {"binary_data_size": size}, **fields}


def message(*tensors, **fields):
    return {"inputs": list(tensors), **fields}


def wanted(*outputs):
    return message(tensor(), outputs=list(outputs))


# Name → JSON or the bytes of a body, what the refusal names.
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
        "inputs[0].shape must be [rows, 64], with 1 to 1024 rows",
    ),
    "shape_of_a_million_dimensions": (message(tensor(shape=[1] * 600_000)), VALUES),
    "shape_missing": (message({"name": "pixels", "datatype": "FP32", "data": []}), "inputs[0].shape"),
    "datatype_unknown": (message(tensor(datatype=MARK)), "inputs[0].datatype"),
    "datatype_of_text": (message(tensor(datatype="BYTES")), "inputs[0].datatype"),
    "datatype_of_truth": (message(tensor(datatype="BOOL")), "inputs[0].datatype"),
    "datatype_is_a_list": (message(tensor(datatype=["FP32"])), "inputs[0].datatype"),
    "name_unknown": (message(tensor(name=MARK)), "inputs[0].name must be 'pixels'"),
    "name_missing": (message({"shape": [1, 64], "datatype": "FP32", "data": []}), "inputs[0].name"),
    "too_few_elements": (message(tensor(data=EXAMPLE_IMAGE[1:])), "inputs[0].data"),
    "too_many_elements": (message(tensor(data=[*EXAMPLE_IMAGE, 0])), "inputs[0].data"),
    "ragged_rows": (message(tensor(shape=[2, 64], data=[EXAMPLE_IMAGE, [1]])), "inputs[0].data[1]"),
    "rows_and_numbers": (message(tensor(data=[EXAMPLE_IMAGE, 1])), "inputs[0].data[1]"),
    "numbers_and_rows": (message(tensor(data=[1, EXAMPLE_IMAGE])), "inputs[0].data[1]"),
    "too_deep": (message(tensor(data=[[EXAMPLE_IMAGE]])), "inputs[0].data[0]"),
    "empty_rows": (message(tensor(data=[[]] * 900)), "inputs[0].data[0]"),
    "a_million_empty_rows": (message(tensor(data=[[]] * 500_000)), VALUES),
    "a_million_empty_objects": (message(tensor(data=[{}] * 500_000)), VALUES),
    "a_million_rows_in_a_name": (message(tensor(name=[[]] * 500_000)), VALUES),
    "elements_of_text": (message(tensor(data=[MARK] * 64)), "inputs[0].data[0]"),
    "elements_of_truth": (message(tensor(data=[True] * 64)), "inputs[0].data[0]"),
    "elements_of_null": (message(tensor(data=[None] * 64)), "inputs[0].data[0]"),
    "element_out_of_bounds": (message(tensor(data=[16.001, *EXAMPLE_IMAGE[1:]])), "pixels[0][0]"),
    "element_beyond_its_datatype": (message(tensor(data=[300] * 64, datatype="UINT8")), "pixels[0][0]"),
    "element_beyond_any_datatype": (message(tensor(data=[10**300] * 64, datatype="INT64")), "pixels[0][0]"),
    "element_not_a_number": (message(tensor(data=[float("nan")] * 64)), "pixels[0][0]"),
    "element_infinite": (message(tensor(data=[float("inf")] * 64)), "pixels[0][0]"),
    "fraction_of_a_whole_datatype": (message(tensor(data=[0.5] * 64, datatype="INT32")), "inputs[0].data"),
    "data_is_text": (message(tensor(data=MARK)), "inputs[0].data"),
    "data_is_an_object": (message(tensor(data={MARK: 1})), "inputs[0].data"),
    "data_missing": (
        message({"name": "pixels", "shape": [1, 64], "datatype": "FP32"}),
        "inputs[0] must have either data",
    ),
    "data_twice": (message(behind(256, data=EXAMPLE_IMAGE)), "inputs[0] must have either data"),
    "no_inputs": (message(), "inputs"),
    "inputs_missing": ({}, "inputs"),
    "inputs_null": ({"inputs": None}, "inputs"),
    "inputs_an_object": ({"inputs": tensor()}, "inputs"),
    "input_twice": (message(tensor(), tensor()), "inputs"),
    "id_is_a_number": (message(tensor(), id=7), "id must be a text"),
    "id_is_an_object": (message(tensor(), id={MARK: 1}), "id"),
    "parameters_a_list": (message(tensor(), parameters=[MARK]), "parameters"),
    "parameter_of_text": (message(tensor(), parameters={"binary_data_output": "true"}), "parameters.bina"),
    "input_parameters_text": (message(tensor(parameters=MARK)), "inputs[0].parameters"),
    "size_is_text": (message(behind("256")), "inputs[0].parameters.binary_data_size"),
    "size_is_true": (message(behind(size=True)), "inputs[0].parameters.binary_data_size"),
    "size_negative": (message(behind(-256)), "inputs[0].parameters.binary_data_size must be at least 0"),
    "size_of_nothing_behind": (message(behind(256)), "The bytes behind the JSON must be 256"),
    "size_overflows_64_bits": (message(behind(2**64 + 256)), "inputs[0].parameters.binary_data_size"),
    "output_unknown": (wanted({"name": MARK}), "outputs[0].name must be 'digit' or 'probabilities'"),
    "output_without_name": (wanted({}), "outputs[0].name"),
    "duplicate_output_names": (wanted({"name": "digit"}, {"name": "digit"}), "outputs must name each"),
    "more_outputs_than_there_are": (wanted(*[{"name": "digit"}] * 3), "outputs must have a length of at most 2"),
    "outputs_by_the_thousand": (wanted(*[{"name": "digit"}] * 50_000), VALUES),
    "outputs_an_object": (message(tensor(), outputs={}), "outputs"),
    "output_binary_of_text": (
        wanted({"name": "digit", "parameters": {"binary_data": "1"}}),
        "outputs[0].parameters.binary_data must be true or false",
    ),
    "classification_of_zero": (
        wanted({"name": "probabilities", "parameters": {"classification": 0}}),
        "outputs[0].parameters.classification must be at least 1",
    ),
    "classification_of_truth": (
        wanted({"name": "probabilities", "parameters": {"classification": True}}),
        "outputs[0].parameters.classification",
    ),
    "classification_of_the_digit": (
        wanted({"name": "digit", "parameters": {"classification": 1}}),
        "outputs[0] cannot be classified",
    ),
    "empty_body": (b"", "the body is not valid JSON"),
    "not_json": (b"pixels=1&" + MARK.encode(), "the body is not valid JSON"),
    "not_an_object": (b"[]", "the body must be a JSON object"),
    "not_utf8": (b'{"id": "\xff\xfe"}', "the body is not valid JSON"),
    "half_a_surrogate": (b'{"id": "\\ud800", "inputs": []}', "the body is not valid JSON"),
    "cut_off": (json.dumps(message(tensor())).encode()[:-1], "the body is not valid JSON"),
    "two_objects": (b"{}{}", "the body is not valid JSON"),
    "json_recursion_depth_limit": (b'{"inputs":' + b"[" * 900, "recursion limit"),
    "object_recursion": (b'{"a":' * 900, "recursion limit"),
    "lists_in_lists": (b'{"inputs":[{"x":[' + (b"[" * 188 + b"]" * 188 + b",") * 5000 + b"0]}]}", VALUES),
    "endless_recursion": (b"[" * 1_000_000, VALUES),
    "integer_of_a_million_digits": (b'{"inputs":[{"data":[' + b"1" * 1_000_000, "the body is not valid JSON"),
    "exponent_of_a_million_digits": (b'{"inputs":[{"shape":[1e' + b"1" * 1_000_000, "the body is not valid"),
    "float_overflows": (json.dumps(message(tensor(data=["@"] * 64))).replace('"@"', "1e999").encode(), "pixels[0][0]"),
}

HEAD = json.dumps(message(behind(256))).encode()
# Name → body, value of the header, what the refusal names.
BINARY = {
    "byte_too_many_elements": (HEAD + IMAGE + b"x", len(HEAD), "The bytes behind the JSON must be 256"),
    "buffer_size_overflow": (HEAD + IMAGE[:-1], len(HEAD), "The bytes behind the JSON must be 256"),
    "inference_header_content_length_out_of_range": (HEAD + IMAGE, len(HEAD + IMAGE) + 1, HEADER),
    "header_negative": (HEAD + IMAGE, -1, HEADER),
    "header_of_text": (HEAD + IMAGE, MARK, HEADER),
    "header_overflows_64_bits": (HEAD + IMAGE, 2**64 + len(HEAD), HEADER),
    "header_of_thousands_of_digits": (HEAD + IMAGE, "1" * 5000, HEADER),
    "header_too_small": (HEAD + IMAGE, len(HEAD) - 1, "the body is not valid JSON"),
    "header_too_large": (HEAD + IMAGE, len(HEAD) + 1, "the body is not valid JSON"),
    "header_forgotten": (HEAD + IMAGE, None, "the body is not valid JSON"),
    "raw_binary_of_half_a_row": (IMAGE[:-4], 0, "rows of 64 FP32 numbers"),
    "raw_binary_of_nothing": (b"", 0, "rows of 64 FP32 numbers"),
    "raw_binary_out_of_bounds": (np.full(64, 17, "<f4").tobytes(), 0, "pixels[0][0]"),
    "raw_binary_not_a_number": (b"\xff" * 256, 0, "pixels[0][0]"),
}

BOMB = bytes(50_000_000)
INFLATED = "The inflated body must be at most 2097152 bytes."
# Name → body, its coding, status, what the refusal names.
CODINGS = {
    "gzip_bomb": (gzip.compress(BOMB, 9), "gzip", 413, INFLATED),
    "deflate_bomb": (zlib.compress(BOMB, 9), "deflate", 413, INFLATED),
    "gzip_of_many_streams": (gzip.compress(b"") * 50_000, "gzip", 400, "one whole gzip stream"),
    "gzip_in_name_only": (b"not gzip", "gzip", 400, "not valid gzip"),
    "gzip_in_the_name_of_deflate": (gzip.compress(b"{}"), "deflate", 400, "not valid deflate"),
    "gzip_of_nothing": (b"", "gzip", 400, "one whole gzip stream"),
    "brotli": (b"{}", "br", 501, "Content-Encoding"),
    "gzip_of_gzip": (gzip.compress(gzip.compress(b"{}")), "gzip, gzip", 501, "Content-Encoding"),
    "unknown_coding": (b"{}", MARK, 501, "Content-Encoding"),
}
