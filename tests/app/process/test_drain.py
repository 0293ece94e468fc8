"""The end of the drain, in memory that all processes share."""

import signal

import pytest

from app.process.drain import DrainState


def test_drain_begins_once_and_ends_after_its_length():
    drain = DrainState(0)
    assert not drain.is_draining()
    assert not drain.is_over()
    drain.begin()
    assert drain.is_draining()
    assert drain.is_over()


def test_first_sigterm_begins_the_drain_and_a_second_one_ends_it():
    drain = DrainState(300)
    drain.handle_signal(signal.SIGTERM)
    assert (drain.is_draining(), drain.is_over()) == (True, False)
    drain.handle_signal(signal.SIGTERM)
    assert (drain.is_draining(), drain.is_over()) == (True, True)


@pytest.mark.parametrize("is_draining", [False, True])
def test_sigint_ends_the_drain_at_once(is_draining):
    drain = DrainState(300)
    if is_draining:
        drain.begin()
    drain.handle_signal(signal.SIGINT)
    assert (drain.is_draining(), drain.is_over()) == (True, True)


def test_second_announcement_does_not_move_the_end_of_the_drain():
    drain = DrainState(300)
    drain.begin()
    drain.handle_signal(signal.SIGINT)
    drain.begin()
    assert drain.is_over()
