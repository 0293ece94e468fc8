"""Receiving a picture file: as the body of a request, or as the field `file` of a form."""

import re
import sys
from io import BytesIO
from typing import BinaryIO

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from app.http.body import receive_part
from app.http.field_errors import body_error
from app.http.headers import body_media_type
from app.pictures.decode import FORMATS

MEDIA_TYPES = tuple(f"image/{name.lower()}" for name in FORMATS)
FORM = "multipart/form-data"
# Further media types that are accepted: unspecific types, and unofficial names of supported types. The decoder finds
# the format in the bytes.
OTHER_MEDIA_TYPES = ("", "application/octet-stream", "application/x-www-form-urlencoded", "image/jpg", "image/x-ms-bmp")
MAX_FORM_FIELDS = 16
MAX_FIELD_BYTES = 1024  # of a form field other than the file; such fields are ignored


async def receive_file(request: Request) -> BinaryIO:
    """Receive the picture of a request, from its body or from the form field `file`.

    Args:
        request: The request; closing it closes the file.
    Returns:
        The file; its content is not checked yet.
    Raises:
        HTTPException: 415 for another media type, or as `app.http.body.limit_body` raises it.
        RequestValidationError: The form has no such field.
    """
    if not (is_form := _is_form(request)):
        require_picture_type(body_media_type(request.scope))
    elif set(re.findall(r'charset\*?\d*\*?\s*=\s*"?([^";\s]*)', request.headers["content-type"].lower())) - {"utf-8"}:
        # Some of Python's codecs take minutes, and others raise unexpected errors.
        raise HTTPException(415, "The charset of a form must be utf-8.")
    if not is_form:  # `request.body` would keep the bytes in memory while the picture is decoded
        body, _ = await receive_part(request.receive, sys.maxsize)
        return BytesIO(body)
    form = await request.form(max_files=1, max_fields=MAX_FORM_FIELDS, max_part_size=MAX_FIELD_BYTES)
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        raise body_error("is required, as a file", *picture_location(request))
    return upload.file  # whatever type the part declares, because clients guess it


def picture_location(request: Request) -> tuple[str, ...]:
    """Return the location of the picture within the body.

    Args:
        request: The request.
    Returns:
        The name of the form field, or nothing if the body is the picture.
    """
    return ("file",) if _is_form(request) else ()


def require_picture_type(name: str) -> None:
    """Reject a media type that is not the type of a supported picture.

    Args:
        name: The media type in lower case, empty if the request has no Content-Type.
    Raises:
        HTTPException: 415, with the supported media types.
    """
    if name not in MEDIA_TYPES + OTHER_MEDIA_TYPES:
        raise unsupported_type("This type of body is not supported.")


def unsupported_type(reason: str) -> HTTPException:
    """Create the error of a file that is no supported picture.

    Args:
        reason: A sentence that says what is not supported.
    Returns:
        The error to raise, with the status 415, the reason and the supported media types.
    """
    return HTTPException(415, f"{reason} A picture must be {', '.join(MEDIA_TYPES)}, or a form with such a file.")


def _is_form(request: Request) -> bool:
    return body_media_type(request.scope) == FORM
