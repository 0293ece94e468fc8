"""Hypothesis strategies for images and JSON bodies, valid and invalid."""

import json

from hypothesis import strategies as st

from app.api.schemas import FLAT, ROWS
from model import PIXELS

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)

# Valid images, in each of the two formats.
pixels = st.floats(0, 16) | st.integers(0, 16)
flat_images = st.lists(pixels, min_size=PIXELS, max_size=PIXELS)
images_of_rows = st.lists(st.lists(pixels, min_size=8, max_size=8), min_size=8, max_size=8)

# Values that resemble an image and are mostly invalid.
almost_images = st.lists(st.lists(json_values, max_size=9) | pixels, max_size=9) | st.lists(
    st.just(0) | json_values, min_size=63, max_size=65
)
image_candidates = flat_images | images_of_rows | almost_images | json_values

# Bytes of JSON objects that may or may not fit the schema of a prediction request.
prediction_bodies = (
    st.dictionaries(st.sampled_from(["pixels", "image", "images", "x", FLAT, ROWS]), image_candidates, max_size=3)
    | st.fixed_dictionaries({"pixels": image_candidates})
    | st.fixed_dictionaries({"images": st.lists(image_candidates, max_size=4)})
).map(lambda body: json.dumps(body).encode())

# Bytes of JSON objects that may or may not fit the schema of an inference request.
input_tensors = st.fixed_dictionaries(
    {
        "name": st.just("pixels"),
        "shape": st.just([1, PIXELS]) | st.lists(st.integers(-1, PIXELS), max_size=3),
        "datatype": st.sampled_from(["FP32", "UINT8", "BYTES"]),
    },
    optional={"data": flat_images | image_candidates, "parameters": json_values},
)
valid_tensors = flat_images.map(lambda data: {"name": "pixels", "shape": [1, PIXELS], "datatype": "FP64", "data": data})
inference_bodies = (
    st.fixed_dictionaries({"inputs": st.tuples(valid_tensors)}, optional={"id": st.text(max_size=8)})
    | st.fixed_dictionaries(
        {"inputs": st.lists(valid_tensors | input_tensors, max_size=2)},
        optional={"id": json_values, "outputs": json_values, "parameters": json_values},
    )
    | json_values
).map(lambda body: json.dumps(body).encode())
