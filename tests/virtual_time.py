"""An event loop whose time passes only while nothing else happens, so that waiting takes no real time."""

import asyncio
import selectors


class _Selector(selectors.DefaultSelector):
    """A selector that does not wait, and adds up the time for which it should have waited."""

    waited, calls = 0.0, 0

    def select(self, timeout=None):
        self.calls += 1
        self.waited += timeout or 0
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop with virtual time."""

    def __init__(self):
        self.selector = _Selector()
        super().__init__(self.selector)

    def time(self):
        return self.selector.waited


def run_in_virtual_time(coroutine):
    """Run a coroutine in an event loop with virtual time, and return its result."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(coroutine)


def iteration():
    """Return the number of iterations of the running loop with virtual time so far; each of them selects once."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    return loop.selector.calls
