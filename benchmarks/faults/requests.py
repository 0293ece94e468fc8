"""The requests of the loads."""

import json

from benchmarks.serving.additional_loads import BATCH_SIZE, json_batch_load, picture_load
from benchmarks.serving.contenders import CONTENDERS, INFER_PATH, JSON_HEADERS
from benchmarks.serving.wrk import Load


def request_bytes(load, *lines, method="POST"):
    """Write a request for a connection without an HTTP client.

    Args:
        load: The request's path, headers and body.
        lines: Further lines of the head.
        method: The request's method.
    Returns:
        The bytes of the request.
    """
    headers = {"Host": "digits", "Content-Length": len(load.body), **load.headers}
    head = [f"{method} {load.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), *lines]
    return "\r\n".join([*head, "", ""]).encode() + load.body


def probe(path="/livez"):
    """Write a probe, by default a liveness probe."""
    return request_bytes(Load(path, b"", {}, 1), method="GET")


def many_probes(_):
    """Write many probes, one behind the other."""
    return probe() * 8000


def single_image(images):
    """Write a request that predicts one image."""
    return single_images(images[:1])[0]


def single_images(images, *lines):
    """Write a request for each image that predicts it, with further lines of the head."""
    return [request_bytes(CONTENDERS["ours"].single_image_load(image), *lines) for image in images.tolist()]


def batch_load(images):
    """Build the load of batches in JSON."""
    return json_batch_load(images[:BATCH_SIZE])


def tensor_load(images):
    """Build the load of batches in the JSON of the Open Inference Protocol."""
    batch = images[:BATCH_SIZE]
    pixels = {"name": "pixels", "shape": batch.shape, "datatype": "FP32", "data": batch.ravel().tolist()}
    return Load(INFER_PATH, json.dumps({"inputs": [pixels]}, separators=(",", ":")).encode(), JSON_HEADERS, 1)


def long_batch(images):
    """Write a request with a batch of 1.2 MB, whose pixels have all their decimals."""
    body = json.dumps({"images": (images[:BATCH_SIZE].astype(float) / 17 * 16 + 1 / 3).tolist()})
    return request_bytes(Load("/predict/batch", body.encode(), JSON_HEADERS, 1), "Connection: close")


def half_head(images):
    """Write the first half of the head of a request."""
    head = single_image(images).partition(b"\r\n\r\n")[0]
    return head[: len(head) // 2]


def half_body(_):
    """Write a request with 1,000 announced bytes of JSON, of which 500 follow."""
    return request_bytes(Load("/predict", b" " * 1000, JSON_HEADERS, 1))[:-500]


def half_batch(images):
    """Write the first half of a batch of 1.2 MB."""
    request = long_batch(images)
    return request[: len(request) // 2]


def half_picture(_):
    """Write a request with the first half of a picture."""
    load = picture_load()
    return request_bytes(load)[: -len(load.body) // 2]
