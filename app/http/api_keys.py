"""Keys of the clients: which requests need one, and whether it is valid."""

from collections.abc import Callable, Iterable
from hmac import compare_digest

from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.types import Scope

from app.http.scope import route_path

BEARER = b"bearer "
BLANKS = b" \t"  # around the value of a header
# A missing key and a wrong one get the same answer. Source: RFC 6750, section 3, for the header.
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="digits"'}
NO_VALID_KEY = "This address needs a valid API key."


class ApiKeys:
    """Checks the keys of requests.

    Every comparison takes the same time, whatever the sent key is. So all keys are padded to the length of the longest
    one, and a sent key is compared with all of them.

    Args:
        keys: The valid keys, at least one.
        needs_key: Tells whether requests for a path, without `root_path`, need a key.
    """

    def __init__(self, keys: Iterable[SecretStr], needs_key: Callable[[str], bool]) -> None:
        encoded = [key.get_secret_value().encode() for key in keys]
        self._length = max(map(len, encoded))
        self._padded_keys = [key.ljust(self._length, b"\0") for key in encoded]  # no key contains this byte
        self._needs_key = needs_key

    def find_error(self, scope: Scope) -> HTTPException | None:
        """Check the key of a request.

        Args:
            scope: ASGI scope of the request.
        Returns:
            The error 401 if the request needs a key and has no valid one, otherwise None.
        """
        headers = dict(scope["headers"])
        if (key := headers.get(b"x-api-key")) and self._is_valid(key.strip(BLANKS)):
            return None
        authorization = headers.get(b"authorization", b"")
        scheme, key = authorization[: len(BEARER)].lower(), authorization[len(BEARER) :]
        if scheme == BEARER and self._is_valid(key.strip(BLANKS)):
            return None
        return HTTPException(401, NO_VALID_KEY, headers=CHALLENGE) if self._needs_key(route_path(scope)) else None

    def _is_valid(self, key: bytes) -> bool:
        padded, count = key[: self._length].ljust(self._length, b"\0"), 0
        for valid_key in self._padded_keys:
            count += compare_digest(valid_key, padded)
        return count > 0 and len(key) <= self._length
