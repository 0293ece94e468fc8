"""Keys of the clients: which requests need one, and whether it is valid."""

from collections.abc import Callable, Iterable
from hashlib import sha256
from hmac import compare_digest
from itertools import repeat

from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.types import Scope

from app.http.scope import route_path

BEARER = b"bearer "
# A missing key and a wrong one get the same answer. Source: RFC 6750, section 3, for the header.
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="digits"'}
NO_VALID_KEY = "This address needs a valid API key."


class ApiKeys:
    """Checks the keys of requests.

    The keys are compared by their hashes. So all comparisons take the same time, and a wrong key of another length
    does, too.

    Args:
        keys: The valid keys.
        needs_key: Function from a path, without `root_path`, to True if its requests need a key.
    """

    def __init__(self, keys: Iterable[SecretStr], needs_key: Callable[[str], bool]) -> None:
        self._digests = [sha256(key.get_secret_value().encode()).digest() for key in keys]
        self._needs_key = needs_key

    def check(self, scope: Scope) -> HTTPException | None:
        """Check the key of a request.

        Args:
            scope: ASGI scope of the request.
        Returns:
            The error 401 if the request needs a key and has no valid one, otherwise None.
        """
        headers = dict(scope["headers"])
        authorization, key = headers.get(b"authorization", b""), headers.get(b"x-api-key", b"")
        if authorization[: len(BEARER)].lower() == BEARER and self._is_valid(authorization[len(BEARER) :].strip(b" ")):
            return None
        if self._is_valid(key) or not self._needs_key(route_path(scope)):
            return None
        return HTTPException(401, NO_VALID_KEY, headers=CHALLENGE)

    def _is_valid(self, key: bytes) -> bool:
        """Compare a key with all valid keys; the time does not tell which one is similar."""
        return sum(map(compare_digest, self._digests, repeat(sha256(key).digest()))) > 0
