"""The drain phase: the shared state, and the replacement of uvicorn's handler of SIGTERM."""

import asyncio
import signal

import pytest

from app.process.drain import DrainState, install_drain_handler


def handle_sigterm(*_):
    """Handle SIGTERM without a uvicorn server."""


class OtherServer:
    """A server that is not uvicorn's."""

    def handle_sigterm(self, *_):
        """Handle SIGTERM by a method, as uvicorn's server does."""


@pytest.fixture(params=[handle_sigterm, OtherServer().handle_sigterm], ids=["function", "method of another server"])
def foreign_handler(request):
    """Handle SIGTERM without a uvicorn server during a test."""
    previous = signal.signal(signal.SIGTERM, request.param)
    yield request.param
    signal.signal(signal.SIGTERM, previous)


def test_drain_state_is_draining_only_after_the_announcement():
    drain_state = DrainState()
    assert not drain_state.is_draining()
    drain_state.announce()
    assert drain_state.is_draining()


def test_install_drain_handler_rejects_a_sigterm_handler_that_is_no_method_of_a_uvicorn_server(foreign_handler):
    drain_state = DrainState()

    async def install():
        install_drain_handler(0, drain_state.announce)

    with pytest.raises(RuntimeError, match=r"not by <.*handle_sigterm"):
        asyncio.run(install())
    assert signal.getsignal(signal.SIGTERM) == foreign_handler
    assert not drain_state.is_draining()
