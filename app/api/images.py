"""Conversions between images on the wire and arrays."""

import re
from collections.abc import Callable, Sequence
from itertools import chain
from struct import Struct

import numpy as np
from fastapi.exceptions import RequestValidationError
from pydantic_core import ErrorDetails

from app.api.schemas import IMAGE_FORMATS, ROWS, Image, Prediction
from app.http.field_errors import body_error
from app.http.json_body import BLANKS
from app.predictor import Predictions
from model import IMAGE_SIDE, PIXELS, Floats32, PixelRangeError, validate_pixels

IMAGE_PACKER = Struct(f"{PIXELS}d")

START_OF_ROWS = re.compile(rb'\s*\{\s*"images"\s*:\s*\[\s*\[\s*\[')
# The marks of a body are its brackets and commas. `NO_MARKS` has all other bytes.
NO_MARKS = bytes(set(range(256)) - set(b"[],"))
MARKS_OF_ROW = b"[" + b"," * (IMAGE_SIDE - 1) + b"]"
MARKS_OF_IMAGE = b"[" + b",".join([MARKS_OF_ROW] * IMAGE_SIDE) + b"]"


def join_rows(body: bytes, max_images: int) -> bytes:
    """Replace the brackets of rows by blanks, so that a batch of images in rows becomes a batch of flat images.

    Parsing a flat image creates one list instead of nine. The length of the body and every other character stay the
    same, and only a comma stands between two rows. So the new body is a valid batch only if the old one was.

    Args:
        body: Body of a request for a batch.
        max_images: Largest number of images.
    Returns:
        The new body, or the same object if its brackets and commas are not exactly those of images in rows, or if
        something else than a comma stands between two rows.
    """
    if not START_OF_ROWS.match(body):
        return body
    marks = body.translate(None, NO_MARKS)
    count = len(marks) // (len(MARKS_OF_IMAGE) + 1)
    if count > max_images or marks != b"[" + b",".join([MARKS_OF_IMAGE] * count) + b"]":
        return body
    # Between the brackets of two rows there is only a comma: "1],1[,1" is not valid, but would be without brackets.
    compact = body.translate(None, BLANKS)
    boundaries = (compact.count(b"],["), compact.count(b"]],[["), compact.count(b"]]]"))
    if boundaries != (count * IMAGE_SIDE - 1, count - 1, 1):
        return body
    characters = np.frombuffer(bytearray(body), np.uint8)
    brackets = np.flatnonzero((characters == ord("[")) | (characters == ord("]")))
    rows = brackets[1:-1].reshape(count, -1)[:, 1:-1]  # without the brackets of the list of images and of the images
    characters[rows] = ord(" ")
    return characters.tobytes()


def locate_in_rows(error: RequestValidationError) -> RequestValidationError:
    """Convert the locations of pixels in flat images to locations in images of rows.

    Args:
        error: Error of a batch that `join_rows` has written.
    Returns:
        The error of the batch that was sent.
    """
    locations = [detail["loc"] for detail in error.errors()]
    in_rows = [(*loc[:3], *divmod(loc[3], IMAGE_SIDE)) if len(loc) > 3 else loc for loc in locations]
    details = zip(error.errors(), in_rows, strict=True)
    return RequestValidationError([{**detail, "loc": location} for detail, location in details])


def to_pixels(images: Sequence[Image], location: Callable[[int], tuple[str | int, ...]]) -> Floats32:
    """Convert images, each a flat list or a list of rows, to the array that the network takes.

    Args:
        images: B images that fit the schema.
        location: Function from the index of an image to its location below the body, for the error: field names
            and indices such as ("images", 7).
    Returns:
        Pixels, shape (B, 64), float32 in [0, 16].
    Raises:
        RequestValidationError: A pixel is out of range; the error names the pixel and the range.
    """
    flat = (chain.from_iterable(image) if isinstance(image[0], list) else image for image in images)
    packed = b"".join([IMAGE_PACKER.pack(*numbers) for numbers in flat])  # takes half the time of np.array
    try:
        return validate_pixels(np.frombuffer(packed).reshape(-1, PIXELS))
    except PixelRangeError as error:
        is_in_rows = isinstance(images[error.image][0], list)
        pixel = divmod(error.pixel, IMAGE_SIDE) if is_in_rows else (error.pixel,)
        raise body_error(error.rule, *location(error.image), *pixel) from error


def to_prediction_replies(predictions: Predictions) -> list[Prediction]:
    """Convert predictions to their wire form.

    Args:
        predictions: Predictions for B images.
    Returns:
        B predictions, in the same order.
    """
    return [
        {"digit": digit, "probabilities": probabilities}
        for digit, probabilities in zip(predictions.digits.tolist(), predictions.probabilities.tolist(), strict=True)
    ]


def select_errors_and_remove_format(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Keep the errors of the image format that the client meant, and remove the format's name from locations.

    Args:
        errors: Errors as pydantic reports them.
    Returns:
        One error for each image that fits neither format, and all other errors; no location contains `FLAT` or `ROWS`
        after its first part, the field name.
    """
    meant = select_errors_of_meant_format(errors)
    return [{**error, "loc": _without_format(error["loc"])} for error in meant]


def select_errors_of_meant_format(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Keep the errors of the image format that the client meant.

    pydantic reports one error for each format that an image does not fit, the flat format first. The client
    meant rows if the first element of the image is a list.

    Args:
        errors: Errors as pydantic reports them.
    Returns:
        One error for each image that fits neither format, and all other errors.
    """
    selected: list[ErrorDetails] = []
    for error in errors:
        location = error["loc"]
        if ROWS not in location[1:]:  # the first part of a location is a field name, which may equal `ROWS`
            selected.append(error)
            continue
        start = location.index(ROWS, 1) + 1  # index at which the location within the image starts
        # `selected[-1]` is the error of the same image in the flat format. The first element is a list if the flat
        # format fails at element 0 and the rows format does not report `list_type` there. If the image is
        # empty or is not a list, its flat error is located at the image and not at element 0, and it is kept.
        flat_fails_at_first_element = selected[-1]["loc"][start:] == (0,)
        rows_need_list_at_first_element = (error["type"], location[start:]) == ("list_type", (0,))
        if flat_fails_at_first_element and not rows_need_list_at_first_element:
            selected[-1] = error
    return selected


def _without_format(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    return (*location[:1], *(part for part in location[1:] if part not in IMAGE_FORMATS))
