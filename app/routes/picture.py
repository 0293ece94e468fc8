"""`POST /predict/picture`: a file in, the digit that it shows out."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, BinaryIO

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from app.admission import Admission
from app.metrics.instruments import Refusals
from app.picture import FORMATS, PictureTooLargeError, UndecodableError, read_picture
from app.problems import documented
from app.reader import Reader
from app.schemas import PicturePrediction, to_predictions
from app.settings import Settings
from model import PIXELS, BlankPictureError, Floats32

MEDIA_TYPES = tuple(f"image/{name.lower()}" for name in FORMATS)
FORM = "multipart/form-data"
# What a client sends that was not told better; the bytes say what it is.
UNTOLD = ("", "application/octet-stream", "application/x-www-form-urlencoded", "image/jpg", "image/x-ms-bmp")
BODY_SECONDS = 30  # a body that takes longer keeps others out
MAX_FORM_FIELDS = 16
MAX_FIELD_BYTES = 1024  # nothing is done with them
LARGE_BODIES = 4  # as many of the largest size may be in memory at once

# Why a picture was refused, as it is counted, where the status says it.
REASON_OF_STATUS = {400: "malformed", 408: "slow", 413: "too_large", 415: "unsupported_type", 503: "busy"}

_FILE = {"type": "string", "format": "binary"}
REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        **{media_type: {"schema": _FILE} for media_type in MEDIA_TYPES},
        FORM: {"schema": {"type": "object", "required": ["file"], "properties": {"file": _FILE}}},
    },
}


def picture_routes(reader: Reader, settings: Settings, refusals: Refusals) -> APIRouter:
    """Build the route that reads pictures.

    A picture is decoded in a thread, because that takes milliseconds, and one at a time, because it takes
    memory: so what a process holds at once is known.

    Args:
        reader: What reads the image that is made of a picture.
        settings: The bounds.
        refusals: Counts the pictures that are not read.
    Returns:
        A router.
    """
    router = APIRouter(
        tags=["predict"],
        max_body_size=settings.max_picture_bytes,
        responses=documented(400, 408, 413, 415, 422, 500, 503),
    )
    admission = Admission(settings.max_pictures_in_flight, LARGE_BODIES * settings.max_picture_bytes)
    one_at_a_time = CapacityLimiter(1)

    async def image_of(request: Request) -> Floats32:
        with admission.admit(announced_bytes(request, settings.max_picture_bytes)):
            try:
                file = await receive_file(request)
                return await to_thread.run_sync(
                    read_picture, file, settings.max_picture_pixels, limiter=one_at_a_time
                )
            finally:
                await request.close()

    @router.post("/predict/picture", openapi_extra={"requestBody": REQUEST_BODY})
    async def predict_picture(request: Request) -> PicturePrediction:
        """Read the digit that a picture shows: a PNG, JPEG, WebP or BMP."""
        with refusing(refusals, *place_of(request)):
            image = await image_of(request)
        (prediction,) = to_predictions(reader.read(image.reshape(1, PIXELS)))
        return PicturePrediction(**prediction, pixels=image.astype(int).tolist())

    return router


@contextmanager
def refusing(refusals: Refusals, *place: str) -> Iterator[None]:
    """Turn what makes a picture unreadable into an answer, and count it, as every other refusal.

    Args:
        refusals: Where.
        place: Of the picture in the body.
    Yields:
        Nothing.
    Raises:
        HTTPException: As it came, or 413 for too many pixels.
        RequestValidationError: As it came, or because the picture cannot be decoded, or is blank.
    """
    # A Future holds what its thread raised, and the traceback leads back to the Future: a ring, which would
    # keep the body until the garbage collector comes. Without the traceback there is none.
    try:
        yield
    except PictureTooLargeError as error:
        refusals.count("too_large")
        raise HTTPException(413, str(error)) from error.with_traceback(None)
    except UndecodableError as error:
        refusals.count("undecodable")
        rule = "is not a picture that can be decoded: PNG, JPEG, WebP or BMP, undamaged"
        raise unfit(rule, *place) from error.with_traceback(None)
    except BlankPictureError as error:
        refusals.count("blank")
        raise unfit("shows nothing that stands out from its paper", *place) from error.with_traceback(None)
    except HTTPException as error:
        refusals.count(REASON_OF_STATUS[error.status_code])
        raise
    except RequestValidationError:
        refusals.count("malformed")
        raise


def announced_bytes(request: Request, max_bytes: int) -> int:
    """Say how large a body may turn out.

    Args:
        request: Its head.
        max_bytes: The most that is let in.
    Returns:
        What the client announced, or the most.
    Raises:
        HTTPException: 413, if it announced more.
    """
    announced = request.headers.get("content-length", "")
    if not re.fullmatch("[0-9]{1,18}", announced):
        return max_bytes
    if int(announced) > max_bytes:
        raise HTTPException(413)  # the framework finds the words, whatever else may be wrong
    return int(announced)


async def receive_file(request: Request) -> BinaryIO:
    """Take a picture out of a request, raw or from the form field `file`.

    Args:
        request: The request; closing it closes the file.
    Returns:
        The file; nothing is known of its content.
    Raises:
        HTTPException: 415 for another type, 408 if the body does not come.
        RequestValidationError: The form has no such field.
    """
    is_form = bool(place_of(request))
    content_type = request.headers.get("content-type", "")
    if not is_form:
        require_picture(content_type)
    elif set(re.findall(r'charset\*?\d*\*?\s*=\s*"?([^";\s]*)', content_type.lower())) - {"utf-8"}:
        # Some of Python's codecs take minutes, and others raise.
        raise HTTPException(415, "The charset of a form must be utf-8.")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            if not is_form:
                return BytesIO(await request.body())
            form = await request.form(max_files=1, max_fields=MAX_FORM_FIELDS, max_part_size=MAX_FIELD_BYTES)
    except TimeoutError as error:
        detail = f"The body must arrive within {BODY_SECONDS} s."
        raise HTTPException(408, detail, headers={"Connection": "close"}) from error
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        raise unfit("is required, as a file", *place_of(request))
    require_picture(upload.content_type)
    return upload.file


def place_of(request: Request) -> tuple[str, ...]:
    """Say where in the body the picture is.

    Args:
        request: Its head.
    Returns:
        The name of the field of a form, or nothing if the body is the picture.
    """
    return ("file",) if media_type_of(request.headers.get("content-type")) == FORM else ()


def media_type_of(header: str | None) -> str:
    """Take a media type out of its header.

    Args:
        header: Value of Content-Type, if there was one.
    Returns:
        The type in small letters, without parameters; empty if there was none.
    """
    return (header or "").partition(";")[0].strip().lower()


def require_picture(content_type: str | None) -> None:
    """Refuse what says that it is something else.

    Args:
        content_type: Header of the body or of the file in a form, if there is one.
    Raises:
        HTTPException: 415, with what would be taken.
    """
    if media_type_of(content_type) not in MEDIA_TYPES + UNTOLD:
        raise HTTPException(415, f"A picture must be {', '.join(MEDIA_TYPES)}, or a form with such a file.")


def unfit(rule: str, *field: str) -> RequestValidationError:
    """Say what a picture lacks.

    Args:
        rule: What is wrong, a clause that follows its place.
        field: Of a form.
    Returns:
        What to raise; it becomes a 422.
    """
    return RequestValidationError([{"type": "picture", "loc": ("body", *field), "msg": rule}])
