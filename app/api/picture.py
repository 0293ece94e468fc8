"""`POST /predict/picture`: from a picture file to the digit that it shows."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app.api.images import to_prediction_replies
from app.api.schemas import PictureForm, PicturePrediction
from app.http.admission import Admission
from app.http.body import bounded_body, largest_size
from app.http.field_errors import body_error
from app.http.openapi import STATUSES_OF_BODIES, documented_errors, schema_reference
from app.http.problems import PROBLEM_FORMAT
from app.observability.metric_families import CounterFamily
from app.pictures import upload
from app.pictures.decode import image_from_file
from app.pictures.errors import PictureTooLargeError, UndecodableError, UnsupportedFormatError
from app.predictor import Predictor
from app.settings import Settings
from model import PIXELS, BlankPictureError, Floats32, SeveralDigitsError

# Status of an error response → reason under which the rejected picture is counted.
REASON_BY_STATUS = {400: "malformed", 408: "slow", 413: "too_large", 415: "unsupported_type", 503: "busy"}

_PICTURES = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in upload.MEDIA_TYPES}
_FORM = {"schema": schema_reference(PictureForm)}
# The form comes first, because generators use the first media type, and not all of them can send a plain file.
REQUEST_BODY: dict[str, Any] = {"required": True, "content": {upload.FORM: _FORM, **_PICTURES}}


def picture_routes(
    predictor: Predictor, settings: Settings, admission: Admission, rejected_pictures: CounterFamily
) -> APIRouter:
    """Build the route that predicts the digit of a picture.

    A picture is decoded in a thread, because decoding takes milliseconds. Pictures are decoded one at a time,
    because decoding takes memory. The memory of a process therefore has a known limit.

    Args:
        predictor: Runs the network.
        settings: Settings with the limits of a picture.
        admission: Queue of the pictures.
        rejected_pictures: Counters of the rejected pictures.
    Returns:
        A router.
    """
    router = APIRouter(tags=["predict"], responses=documented_errors(PROBLEM_FORMAT, *STATUSES_OF_BODIES))

    async def receive_and_normalise(request: Request) -> Floats32:
        scope, max_bytes = request.scope, admission.largest.bytes
        size, bounded = largest_size(scope, max_bytes), bounded_body(scope, request.receive, max_bytes)
        async with admission.admit(scope, bounded, size) as receive:
            request = Request(scope, receive)
            try:
                file = await upload.receive_file(request)
                async with admission.turn():
                    return await to_thread.run_sync(image_from_file, file, settings.max_picture_pixels)
            finally:
                await request.close()

    @router.post("/predict/picture", openapi_extra={"requestBody": REQUEST_BODY})
    async def predict_picture(request: Request) -> PicturePrediction:
        """Predict the digit that a PNG, JPEG, WebP or BMP file shows, dark on light or light on dark, in any size."""
        with converting_picture_errors(rejected_pictures, *upload.picture_location(request)):
            image = await receive_and_normalise(request)
        (prediction,) = to_prediction_replies(predictor.predict(image.reshape(1, PIXELS)))
        return PicturePrediction(**prediction, pixels=image.astype(int).tolist())

    return router


@contextmanager
def converting_picture_errors(rejected_pictures: CounterFamily, *location: str) -> Iterator[None]:
    """Convert the errors of a picture to error responses, and count every rejected picture.

    Args:
        rejected_pictures: Counters of the rejected pictures.
        location: Name of the form field with the picture; nothing if the body is the picture.
    Yields:
        Nothing.
    Raises:
        HTTPException: The block raised it, or the picture has too many pixels (413) or an unsupported format (415).
        RequestValidationError: The block raised it, or the picture is undecodable, blank, or shows several
            digits.
    """
    # A Future holds the exception of its thread, and the traceback refers back to the Future. This reference
    # cycle would keep the body in memory until the garbage collector runs. Removing the traceback breaks the
    # cycle.
    try:
        yield
    except PictureTooLargeError as error:
        rejected_pictures.count("too_large")
        raise HTTPException(413, str(error)) from error.with_traceback(None)
    except UnsupportedFormatError as error:
        rejected_pictures.count("unsupported_type")
        raise upload.unsupported_type(str(error)) from error.with_traceback(None)
    except UndecodableError as error:
        rejected_pictures.count("undecodable")
        rule = "is not a picture that can be decoded: PNG, JPEG, WebP or BMP, undamaged"
        raise body_error(rule, *location) from error.with_traceback(None)
    except BlankPictureError as error:
        rejected_pictures.count("blank")
        rule = "shows nothing that stands out from its background"
        raise body_error(rule, *location) from error.with_traceback(None)
    except SeveralDigitsError as error:
        rejected_pictures.count("several_digits")
        rule = f"shows {error.count} separate shapes of a digit's size, and one is wanted"
        raise body_error(rule, *location, kind="several-digits") from error.with_traceback(None)
    except HTTPException as error:
        rejected_pictures.count(REASON_BY_STATUS[error.status_code])
        raise
    except RequestValidationError:
        rejected_pictures.count("malformed")
        raise
