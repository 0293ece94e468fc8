"""The keys of the clients, from the environment and from a file."""

from pathlib import Path

from pydantic import SecretStr

from app.settings import API_KEY, Settings

MAX_KEYS = 20  # all of them are compared with the key of each request
MAX_KEYS_BYTES = 64 * 1024
ENCODING = "utf-8-sig"  # ASCII fits; it removes the mark that Windows' editors write


class KeysError(Exception):
    """The keys cannot be used; the message names the file and the line, and contains no key."""


def load_keys(settings: Settings) -> bytes:
    """Collect the keys of both settings.

    Args:
        settings: Settings with the keys, and with the file of keys.
    Returns:
        All keys, one a line; empty if the service is open.
    Raises:
        KeysError: The file cannot be read, has no keys, or has a line that is not a key; or there are too many keys.
    """
    keys = dict.fromkeys(key.get_secret_value() for key in settings.api_keys)
    if settings.api_keys_file is not None:
        keys |= dict.fromkeys(_read_file(settings.api_keys_file))
    if len(keys) > MAX_KEYS:
        raise KeysError(f"there are {len(keys)} API keys, and at most {MAX_KEYS} are allowed")
    return "\n".join(keys).encode()


def with_keys(settings: Settings, keys: bytes) -> Settings:
    """Replace the keys in the settings.

    Args:
        settings: The settings of the service.
        keys: All keys, one a line.
    Returns:
        Settings with these keys.
    """
    return settings.model_copy(update={"api_keys": tuple(map(SecretStr, keys.decode().splitlines()))})


def _read_file(path: Path) -> list[str]:
    """Read the keys of a file; blank lines do not count."""
    name = f"DIGITS_API_KEYS_FILE: {path}"
    if path.exists() and not path.is_file():  # a FIFO would block all reloads
        raise KeysError(f"{name} is not a regular file")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_KEYS_BYTES + 1)
    except OSError as error:
        raise KeysError(f"{name} cannot be read: {error.strerror}") from error
    if len(data) > MAX_KEYS_BYTES:
        raise KeysError(f"{name} is larger than {MAX_KEYS_BYTES} bytes")
    lines = [line.strip() for line in data.decode(ENCODING, errors="replace").split("\n")]
    for number, line in enumerate(lines, start=1):
        if line and not API_KEY.fullmatch(line):
            raise KeysError(f"{name} line {number} is not a key of 1 to 256 visible ASCII characters without blanks")
    keys = [line for line in lines if line]
    if not keys:
        raise KeysError(f"{name} has no keys")  # an empty file must not open the service
    return keys
