"""TLS: the certificate of the service, its private key, and the handshake of each connection."""

import asyncio
import ssl
from pathlib import Path
from typing import NoReturn, cast

from typing_extensions import override

from app.process.connection_limits import LimitedConfig, Phase
from app.process.http_protocol import HttpProtocol
from app.settings import Settings

# OpenSSL's reasons for a key of another certificate. It gives no reason for a file without a key.
MISMATCH_REASONS = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")


class TlsError(Exception):
    """The certificate or its private key cannot be used."""


def create_tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Load the certificate, its chain and its private key.

    Args:
        settings: The settings of the service.
    Returns:
        The context for TLS 1.2 and later; None if the service speaks plain HTTP.
    Raises:
        TlsError: The service cannot use the files. The message names the setting and the file.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    certificate, key = f"DIGITS_TLS_CERT: {settings.tls_cert}", f"DIGITS_TLS_KEY: {settings.tls_key}"
    _check_file(settings.tls_cert, certificate)
    _check_file(settings.tls_key, key)

    def reject_encrypted_key() -> NoReturn:  # without this function, OpenSSL asks for the pass phrase on the terminal
        raise TlsError(f"{key} is encrypted")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(settings.tls_cert)
    except ssl.SSLError as error:
        raise TlsError(f"{certificate} does not contain certificates in PEM format") from error
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, reject_encrypted_key)
    except ssl.SSLError as error:
        if error.reason in MISMATCH_REASONS:
            fault = f"{key} does not belong to the certificate"
        elif error.reason:
            fault = f"{certificate} cannot be used: {error.reason}"
        else:
            fault = f"{key} does not contain a private key in PEM format"
        raise TlsError(fault) from error
    return context


def _check_file(path: Path, name: str) -> None:
    try:
        if path.exists() and not path.is_file():  # opening a FIFO would wait for ever
            raise TlsError(f"{name} is not a regular file")
        path.open("rb").close()
    except OSError as error:
        raise TlsError(f"{name} cannot be read: {error.strerror}") from error


class TlsProtocol(HttpProtocol):
    """The HTTP protocol behind TLS.

    uvicorn's own TLS tells the protocol about a connection after the handshake. Here, the handshake is a part of the
    connection: it counts for the number of connections, the time limit of the first head includes it, and a shutdown
    waits for it.
    """

    config: LimitedConfig
    _is_handshake_due = True

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.transport.is_closing():
            return
        self._handshake = self.loop.start_tls(
            cast("asyncio.Transport", transport),
            self,
            self.config.tls_context,
            server_side=True,
            ssl_handshake_timeout=self._limits.seconds[Phase.HEAD],
            ssl_shutdown_timeout=self._limits.seconds[Phase.CLOSE],
        )
        # A task would start the coroutine later, when this protocol may have received bytes already.
        self._handshake.send(None).add_done_callback(self._end_handshake)

    @override
    def data_received(self, data: bytes) -> None:
        self._end_handshake()  # uvloop may pass on bytes before it calls the callback
        if self.scheme == "https":
            super().data_received(data)

    def _end_handshake(self, _: asyncio.Future[None] | None = None) -> None:
        """Serve requests after the handshake, or forget the connection after a failed one."""
        if not self._is_handshake_due:
            return
        self._is_handshake_due = False
        try:
            self._handshake.send(None)
        except StopIteration as end:
            transport: asyncio.Transport = end.value
        except OSError as error:
            self.connection_lost(error)
            return
        if transport.is_closing():
            self.connection_lost(None)
            return
        self.scheme = "https"
        self._lingering_transport.enter_tls(transport)
