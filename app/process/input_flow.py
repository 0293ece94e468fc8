"""Flow control of one connection: no request is read while the service cannot answer it."""

from collections.abc import Sized

from typing_extensions import override
from uvicorn.protocols.http.flow_control import FlowControl

from app.process.lingering import LingeringTransport


class InputFlow(FlowControl):
    """uvicorn's flow control, which does not read further requests too early.

    uvicorn resumes reading after each answer and for each body, even if requests wait behind the request that is being
    answered. So a client that sends requests without reading the answers could fill the memory.

    Args:
        transport: The transport of the connection.
        waiting: Collections of requests and bytes that wait for the end of the current request.
    """

    def __init__(self, transport: LingeringTransport, *waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    @override
    def resume_reading(self) -> None:
        if not (self.write_paused or any(map(len, self._waiting)) or self._transport.is_closing()):
            super().resume_reading()

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self.pause_reading()

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        self.resume_reading()
