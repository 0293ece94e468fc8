"""The JSON endpoints of the service, and a valid body for each of them."""

import json

from app.api.schemas import EXAMPLE_IMAGE
from tests.hostile import INFER, message, tensor

VERSION_INFER = "/v2/models/digits/versions/3/infer"

# Path → template of its route.
TEMPLATES = {
    "/predict": "/predict",
    "/predict/batch": "/predict/batch",
    INFER: "/v2/models/{name}/infer",
    VERSION_INFER: "/v2/models/{name}/versions/{version}/infer",
}
# Path → a body with one image of the digit 3.
VALID_BODIES = {
    "/predict": json.dumps({"pixels": EXAMPLE_IMAGE}).encode(),
    "/predict/batch": json.dumps({"images": [EXAMPLE_IMAGE]}).encode(),
    INFER: json.dumps(message(tensor())).encode(),
    VERSION_INFER: json.dumps(message(tensor())).encode(),
}
