"""The drain phase: the shared state, and the replacement of uvicorn's handler of SIGTERM."""

import asyncio
import signal

import pytest

from app.process.drain import DrainState, install_drain_handler


def handle_sigterm(*_):
    """Handle SIGTERM without a uvicorn server."""


@pytest.fixture
def _sigterm_handler_of_this_module():
    """Handle SIGTERM by a function of this module during a test."""
    previous = signal.signal(signal.SIGTERM, handle_sigterm)
    yield
    signal.signal(signal.SIGTERM, previous)


def test_drain_state_is_draining_only_after_the_announcement():
    drain_state = DrainState()
    assert not drain_state.is_draining()
    drain_state.announce()
    assert drain_state.is_draining()


@pytest.mark.usefixtures("_sigterm_handler_of_this_module")
def test_install_drain_handler_rejects_a_sigterm_handler_that_is_no_method_of_a_uvicorn_server():
    drain_state = DrainState()

    async def install():
        install_drain_handler(0, drain_state.announce)

    with pytest.raises(RuntimeError, match="not by <function handle_sigterm"):
        asyncio.run(install())
    assert signal.getsignal(signal.SIGTERM) is handle_sigterm
    assert not drain_state.is_draining()
