"""Parsing of requests that offer to upgrade to another protocol; the offer is ignored."""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


def feed_parser(protocol: HttpToolsProtocol, data: bytes | memoryview) -> None:
    """Parse received bytes.

    After a head with an offer to upgrade, the parser takes all further bytes for the other protocol, even the body of
    the request. So a new parser gets the head without the offer, and then the further bytes.

    Args:
        protocol: The protocol; its parser is replaced after an offer.
        data: The received bytes.
    Raises:
        HttpParserError: The bytes are not a request.
    Source: RFC 9110, section 7.8, allows to ignore the offer.
    """
    while data:
        try:
            protocol.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            (head_end,) = offer.args
            data = memoryview(data)[head_end:]
        else:
            return
        head = _write_head_without_upgrade(protocol)
        protocol.parser = httptools.HttpRequestParser(protocol)
        protocol.parser.feed_data(head)


def _write_head_without_upgrade(protocol: HttpToolsProtocol) -> bytes:
    """Write the head that the parser has completed, without its header Upgrade."""
    version = protocol.parser.get_http_version().encode()
    request_line = b"%s %s HTTP/%s" % (protocol.parser.get_method(), protocol.url, version)
    headers = [b"%s: %s" % header for header in protocol.headers if header[0] != b"upgrade"]
    return b"\r\n".join([request_line, *headers, b"", b""])
