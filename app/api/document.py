"""The head of the OpenAPI document: title, description, and groups of operations."""

from typing import Any

DOCUMENT_HEAD: dict[str, Any] = {
    "title": "Digits",
    "summary": "Recognises handwritten digits with a neural network written in plain NumPy.",
    "description": (
        "An **image** is the 8×8 input of the network: numbers from 0 (background) to 16 (full ink). A **picture** is "
        "a PNG, JPEG, WebP or BMP file that shows one handwritten digit.\n\n"
        "Every answer of the application has the header `X-Request-Id`: the id of the request if it is valid, or a new "
        "one. A body may have the Content-Encoding gzip or deflate. By default, JSON may have 2 MiB and a picture "
        "8 MiB. HEAD works wherever GET does.\n\n"
        "An error response is a problem document (RFC 9457), and below `/v2` an object with the field `error`. For "
        "invalid input, it names the place and the broken rule. Bytes that are not a request, and heads that are much "
        "too large or too late, get a 400, 431 or 408 without such a body."
    ),
    "license_info": {"name": "MIT", "identifier": "MIT"},
    "openapi_tags": [
        {"name": "predict", "description": "From an image or a picture to its digit and ten probabilities."},
        {"name": "metrics", "description": "The accuracy of the network, and the figures of the service."},
        {"name": "health", "description": "The probes of Kubernetes and of load balancers."},
        {
            "name": "open inference protocol",
            "description": "Version 2 of the protocol, for the clients of Triton and KServe.",
        },
    ],
}
