"""A transport without a network and a clock without time, for tests of connections."""

import asyncio


class RecordingTransport(asyncio.Transport):
    """A transport that records the calls of its methods.

    Attributes:
        calls: Names of the called methods that change the connection, in their order.
        sent: All written bytes.
        unsent_bytes: Number of written bytes that are not sent yet.
    """

    def __init__(self, *, has_tls=False):
        super().__init__()
        self.calls: list[str] = []
        self.sent = b""
        self.unsent_bytes = 0
        self._has_tls = has_tls
        self._protocol: asyncio.BaseProtocol | None = None

    def write(self, data):
        self.sent += data

    def get_write_buffer_size(self):
        return self.unsent_bytes

    def can_write_eof(self):
        return not self._has_tls

    def is_closing(self):
        return "close" in self.calls or "abort" in self.calls

    def get_protocol(self):
        return self._protocol

    def set_protocol(self, protocol):
        self._protocol = protocol

    def write_eof(self):
        self.calls.append("write_eof")

    def close(self):
        self.calls.append("close")

    def abort(self):
        self.calls.append("abort")

    def pause_reading(self):
        self.calls.append("pause_reading")

    def resume_reading(self):
        self.calls.append("resume_reading")


class Timer:
    """A scheduled call."""

    def __init__(self, when, call):
        self.when, self.call = when, call
        self.is_cancelled = False

    def cancel(self):
        self.is_cancelled = True


class Clock:
    """A clock that the test moves on; its method `call_later` is that of an event loop."""

    def __init__(self):
        self.now = 0.0
        self.timers: list[Timer] = []

    def call_later(self, delay, call, *arguments):
        timer = Timer(self.now + delay, lambda: call(*arguments))
        self.timers.append(timer)
        return timer

    def move_to(self, now):
        """Move the clock on, and make all calls that are due."""
        self.now = now
        for timer in self.pending():
            if timer.when <= now:
                self.timers.remove(timer)
                timer.call()

    def pending(self):
        """List the scheduled calls."""
        return [timer for timer in self.timers if not timer.is_cancelled]
