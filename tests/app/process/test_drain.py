"""The drain phase: the shared state, and the replacement of uvicorn's handler of SIGTERM."""

import asyncio
import signal

import pytest

from app.process.drain import DrainState, stop_after_drain


def handle_sigterm(*_):
    """Handle SIGTERM without a uvicorn server."""


@pytest.fixture
def _sigterm_handler_of_this_module():
    """Handle SIGTERM by a function of this module during a test."""
    previous = signal.signal(signal.SIGTERM, handle_sigterm)
    yield
    signal.signal(signal.SIGTERM, previous)


def test_drain_state_is_draining_only_after_start():
    drain_state = DrainState()
    assert not drain_state.is_draining()
    drain_state.start()
    assert drain_state.is_draining()


@pytest.mark.usefixtures("_sigterm_handler_of_this_module")
def test_stop_after_drain_rejects_a_sigterm_handler_that_is_no_method_of_a_uvicorn_server():
    drain_state = DrainState()

    async def install_handler():
        stop_after_drain(0, drain_state.start)

    with pytest.raises(RuntimeError, match="not by <function handle_sigterm"):
        asyncio.run(install_handler())
    assert signal.getsignal(signal.SIGTERM) is handle_sigterm
    assert not drain_state.is_draining()
