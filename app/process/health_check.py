"""The health check of the container, `python -m app.process.health_check`: status 0 if the service is ready, else 1.

It runs every few seconds, so it imports only what one request needs.
"""

import http.client
import os
import ssl
import sys

TIMEOUT_SECONDS = 2.0


def find_fault() -> str | None:
    """Request the readiness of the service on this machine, by the settings in the environment.

    Returns:
        The reason why the service is not ready; None if it is ready.
    """
    # Linux connects to this machine if the address means all addresses, as 0.0.0.0 does.
    host = os.environ.get("DIGITS_HOST") or "127.0.0.1"
    try:
        connection = create_connection(host, int(os.environ.get("DIGITS_PORT") or 8000))
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except (OSError, OverflowError, ValueError, http.client.HTTPException) as error:
        return f"no answer: {error!r}"
    return None if status == http.client.OK else f"not ready: status {status}"


def create_connection(host: str, port: int) -> http.client.HTTPConnection:
    """Prepare a connection to the service.

    Args:
        host: Address of the service.
        port: TCP port of the service.
    Returns:
        A connection that is not open yet, by HTTPS if the service has a certificate.
    """
    if not os.environ.get("DIGITS_TLS_CERT"):
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the certificate names the host that clients connect to
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)


if __name__ == "__main__":
    sys.exit(find_fault())
