"""A connection lingers if the client may still send, and within limits of time and bytes."""

import asyncio

import pytest

from app.process.lingering import MAX_DISCARDED_BYTES, LingeringTransport
from tests.transports import Clock, RecordingTransport


class Replaced(asyncio.Protocol):
    """The protocol of a connection before it lingers; it records the end of the connection."""

    def __init__(self):
        self.ends: list[Exception | None] = []

    def connection_lost(self, exc):
        self.ends.append(exc)


class Connection:
    """A connection whose transport has been closed although the client may still send."""

    def __init__(self):
        self.clock, self.real, self.replaced = Clock(), RecordingTransport(), Replaced()
        self.real.set_protocol(self.replaced)
        self.transport = LingeringTransport(self.real, self.clock.call_later)
        self.transport.has_unread_input = True
        self.transport.write(b"answer")
        self.transport.close()
        self.protocol = self.real.get_protocol()

    def is_aborted(self):
        return "abort" in self.real.calls


@pytest.mark.parametrize(("has_unread_input", "has_tls"), [(False, False), (False, True), (True, True)])
def test_connection_closes_at_once_if_nothing_can_be_unread_or_if_it_has_tls(has_unread_input, has_tls):
    real = RecordingTransport(has_tls=has_tls)
    transport = LingeringTransport(real, Clock().call_later)
    transport.has_unread_input = has_unread_input
    assert not transport.is_closing()
    transport.close()
    transport.close()
    assert transport.is_closing()
    assert real.calls == ["close"]


def test_lingering_connection_has_ended_its_sending_side_and_reads():
    connection = Connection()
    assert connection.transport.is_closing()
    connection.transport.close()
    connection.transport.write(b"late")
    assert connection.real.calls == ["write_eof", "resume_reading"]
    assert connection.real.sent == b"answer"


def test_lingering_connection_closes_when_the_client_does():
    assert not Connection().protocol.eof_received()  # by which the event loop closes it


def test_lingering_connection_without_input_closes_after_5_seconds():
    connection = Connection()
    connection.clock.move_to(4.9)
    assert not connection.is_aborted()
    connection.clock.move_to(5)
    assert connection.is_aborted()


def test_lingering_connection_closes_5_to_10_seconds_after_the_last_byte():
    connection = Connection()
    for now in (4, 9, 14):
        connection.clock.move_to(now)
        connection.protocol.data_received(b"x")
        connection.clock.move_to(now + 1)
    assert not connection.is_aborted()
    connection.clock.move_to(20)
    assert connection.is_aborted()


def test_lingering_connection_whose_client_sends_slowly_closes_after_30_seconds():
    connection = Connection()
    for now in range(30):
        connection.clock.move_to(now)
        connection.protocol.data_received(b"x")
        assert not connection.is_aborted()
    connection.clock.move_to(30)
    assert connection.is_aborted()


def test_lingering_connection_closes_after_its_limit_of_bytes():
    connection = Connection()
    connection.protocol.data_received(bytes(MAX_DISCARDED_BYTES))
    assert not connection.is_aborted()
    connection.protocol.data_received(b"x")
    assert connection.is_aborted()


def test_lingering_connection_waits_for_a_client_that_reads_its_answer_slowly():
    connection = Connection()
    connection.real.unsent_bytes = 1
    for now in (5, 10, 15):
        connection.clock.move_to(now)
    assert not connection.is_aborted()
    connection.real.unsent_bytes = 0
    connection.clock.move_to(20)
    assert connection.is_aborted()


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
def test_end_of_a_lingering_connection_is_told_to_the_replaced_protocol(error):
    connection = Connection()
    connection.protocol.connection_lost(error)
    assert connection.replaced.ends == [error]
    assert connection.clock.pending() == []
