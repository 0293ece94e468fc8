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
        self.is_cancelled, self.call = True, None


class Clock:
    """An event loop whose time moves on only when the test says so."""

    def __init__(self):
        self.now = 0.0
        self.timers: list[Timer] = []

    def time(self):
        return self.now

    def call_at(self, when, call, *arguments):
        timer = Timer(when, lambda: call(*arguments))
        self.timers.append(timer)
        return timer

    def call_later(self, delay, call, *arguments):
        return self.call_at(self.now + delay, call, *arguments)

    def create_task(self, coroutine):
        return asyncio.get_running_loop().create_task(coroutine)

    def move_to(self, now):
        """Move the time on, and make all calls that become due, each at its own time."""
        while due := [timer for timer in self.pending() if timer.when <= now]:
            timer = min(due, key=lambda each: each.when)
            self.timers.remove(timer)
            self.now = timer.when
            timer.call()
        self.now = now

    def pending(self):
        """List the scheduled calls."""
        return [timer for timer in self.timers if not timer.is_cancelled]
