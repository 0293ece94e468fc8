"""Flow control of one connection: no request is read while the service cannot answer it."""

import asyncio
from collections.abc import Callable, Sized

from typing_extensions import override
from uvicorn.protocols.http.flow_control import FlowControl

from app.process.lingering import LingeringTransport


class InputFlow(FlowControl):
    """uvicorn's flow control, which does not read further requests too early.

    uvicorn resumes reading after each answer and for each body, even if requests wait behind the request that is being
    answered. So a client that sends requests without reading the answers could fill the memory.

    Args:
        transport: The transport of the connection.
        notify: Function that is called when the client stops or resumes reading.
        waiting: Collections of requests and bytes that wait for the end of the current request.
    """

    def __init__(self, transport: LingeringTransport, notify: Callable[[], None], *waiting: Sized) -> None:
        super().__init__(transport)
        self._notify, self._waiting = notify, waiting

    @override
    def resume_reading(self) -> None:
        if not (self.write_paused or any(map(len, self._waiting)) or self._transport.is_closing()):
            super().resume_reading()

    def discard(self, body: bytearray) -> None:
        """Discard the received part of a body, and do not read on before the answer.

        Args:
            body: The part that the application has not received.
        """
        body.clear()
        self.pause_reading()

    @override
    async def drain(self) -> None:
        try:
            await super().drain()
        except asyncio.CancelledError:  # the service stops, and the client does not read the answer
            self._transport.abort()
            await super().drain()  # ends as soon as the connection is lost

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self.pause_reading()
        self._notify()

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        self.resume_reading()
        self._notify()
