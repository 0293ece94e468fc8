"""Each phase in which the service waits for a client has a time limit, and connections have a limit of their number."""

import gc
import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from app.http.body import BODY_ERROR_KEY
from app.http.request_head import EXCESS_CONNECTION_KEY
from app.process.connection_limits import EXCESS_SECONDS, MAX_EXCESS_CONNECTIONS, Deadline, Phase
from tests.connections import CHUNKED, CLOSE, GET, MOMENT, Connection, closes_at, run
from tests.e2e.server import incomplete_request
from tests.transports import Clock

HEAD, BODY, IDLE = 10, 30, 75  # the default time limits, in seconds


def test_client_that_sends_nothing_is_disconnected_without_an_answer():
    async def conversation(connection):
        assert closes_at(connection, HEAD)

    assert run(conversation).real.sent == b""


@pytest.mark.parametrize("size", [1, 20, len(GET) - 1])
def test_head_that_does_not_arrive_in_time_gets_a_408(size):
    async def conversation(connection):
        for number in range(9):  # further bytes do not extend the time
            connection.clock.move_to(number)
            await connection.receive(GET[size * number // 9 : size * (number + 1) // 9])
        assert closes_at(connection, HEAD)

    assert run(conversation).statuses() == [408]


@pytest.mark.parametrize("size", [1, len(GET) - 1])
def test_time_of_a_further_head_starts_with_its_first_byte_or_with_the_answer_before_it(size):
    async def conversation(connection):
        await connection.receive(GET + GET[:size])
        connection.clock.move_to(1000)  # the application takes its time
        await connection.answer()
        connection.clock.move_to(1000 + HEAD - MOMENT)
        await connection.receive(GET[size:])
        connection.clock.move_to(1050)
        await connection.receive(GET[:size])
        assert closes_at(connection, 1050 + HEAD)

    assert run(conversation).statuses() == [200, 200, 408]


@pytest.mark.parametrize("request_head", [incomplete_request(), CHUNKED])
def test_application_is_told_that_a_body_does_not_arrive_in_time(request_head):
    async def conversation(connection):
        await connection.receive(request_head)
        for number in range(BODY):
            connection.clock.move_to(number)
            await connection.receive(b"1\r\nx\r\n" if request_head is CHUNKED else b"x")
        assert BODY_ERROR_KEY not in connection.scopes[0]
        messages = len(connection.received)
        connection.clock.move_to(BODY)
        await connection.settle()
        assert connection.scopes[0][BODY_ERROR_KEY].status_code == 408
        assert connection.received[messages:] == [{"type": "http.request", "body": b"", "more_body": True}]

    run(conversation)


def test_application_has_no_time_limit():
    async def conversation(connection):
        await connection.receive(GET)
        connection.clock.move_to(10_000)
        await connection.answer()

    connection = run(conversation)
    assert connection.statuses() == [200]
    assert BODY_ERROR_KEY not in connection.scopes[0]


def test_time_of_a_body_behind_another_request_starts_when_the_application_handles_it():
    async def conversation(connection):
        await connection.receive(GET + incomplete_request())
        connection.clock.move_to(1000)
        await connection.answer()
        connection.clock.move_to(1000 + BODY - MOMENT)
        assert BODY_ERROR_KEY not in connection.scopes[1]
        connection.clock.move_to(1000 + BODY)
        assert connection.scopes[1][BODY_ERROR_KEY].status_code == 408

    run(conversation)


def test_idle_connection_is_closed_and_each_answer_starts_its_time_anew():
    async def conversation(connection):
        await connection.answer()
        for now in (0, 50, 120):
            connection.clock.move_to(now)
            await connection.receive(GET)
        assert closes_at(connection, 120 + IDLE)

    assert run(conversation).statuses() == [200, 200, 200]


@pytest.mark.parametrize("piece", [b"1\r\nx\r\n", b"0\r\n\r\n", b"0\r\n\r\n\r\n"])
def test_rest_of_a_body_that_is_answered_already_does_not_extend_the_idle_time(piece):
    async def conversation(connection):
        await connection.receive(CHUNKED)
        await connection.answer()
        connection.clock.move_to(IDLE - 1)
        await connection.receive(piece)
        assert closes_at(connection, IDLE)

    run(conversation, reads_body=False)


def test_client_that_does_not_read_its_answer_is_disconnected():
    async def conversation(connection):
        await connection.receive(GET)
        connection.protocol.pause_writing()
        connection.clock.move_to(BODY - MOMENT)
        connection.protocol.resume_writing()  # it has read a part
        connection.clock.move_to(BODY)
        connection.protocol.pause_writing()
        connection.clock.move_to(2 * BODY - MOMENT)
        is_aborted_early = connection.real.is_closing()
        connection.clock.move_to(2 * BODY)
        assert (is_aborted_early, connection.real.calls[-1]) == (False, "abort")

    run(conversation)


def test_connection_that_cannot_be_closed_because_its_answer_is_not_read_is_aborted():
    async def conversation(connection):
        await connection.receive(CLOSE)
        await connection.answer()
        connection.clock.move_to(BODY - MOMENT)
        assert connection.real.calls == ["close"]
        connection.clock.move_to(BODY)

    assert run(conversation).real.calls == ["close", "abort"]


def test_requests_of_a_connection_share_a_timer():
    async def conversation(connection):
        await connection.answer()
        for _ in range(20):
            await connection.receive(GET)
        assert len(connection.clock.timers) == 1

    run(conversation)


def test_settings_are_the_time_limits():
    async def conversation(connection):
        await connection.receive(GET[:9])
        assert closes_at(connection, 2)

    run(conversation, head_timeout_seconds=2)


def test_lost_connection_has_no_timer():
    async def conversation(connection):
        await connection.receive(GET)
        await connection.answer()
        connection.protocol.connection_lost(None)
        assert connection.clock.pending() == []

    run(conversation)


class Owner:
    """An object that has a deadline, which calls a method of the object."""

    def __init__(self):
        clock: Any = Clock()
        self.deadline = Deadline(clock, {Phase.HEAD: 10})
        self.deadline.enter(Phase.HEAD, self.expire)

    def expire(self, _):
        pass


def test_cancelled_deadline_and_its_owner_are_no_reference_cycle():
    owner = Owner()
    reference = weakref.ref(owner)
    gc.disable()
    try:
        owner.deadline.cancel()
        del owner
        assert reference() is None
    finally:
        gc.enable()


def test_connections_above_the_limit_are_marked_and_far_above_it_are_closed():
    async def conversation(first):
        state = first.protocol.server_state
        others = [Connection(state=state, max_connections=2) for _ in range(MAX_EXCESS_CONNECTIONS + 2)]
        assert [connection.real.calls for connection in others] == [[]] * (len(others) - 1) + [["abort"]]
        for connection in (first, *others[:2]):
            await connection.receive(GET)
        assert [EXCESS_CONNECTION_KEY in each.scopes[0] for each in (first, *others[:2])] == [False, False, True]
        for connection in others:
            connection.protocol.connection_lost(None)
        later = Connection(state=state, max_connections=2)
        await later.receive(GET)
        assert EXCESS_CONNECTION_KEY not in later.scopes[0]

    run(conversation, state=ServerState(), max_connections=2)


def test_connection_above_the_limit_must_send_its_requests_soon():
    async def conversation(first):
        excess = Connection(state=first.protocol.server_state, max_connections=1)
        await excess.answer()
        excess.clock.move_to(EXCESS_SECONDS - MOMENT)
        await excess.receive(GET)
        assert closes_at(excess, 2 * EXCESS_SECONDS - MOMENT)
        first.clock.move_to(HEAD - MOMENT)
        assert not first.protocol.transport.is_closing()

    run(conversation, max_connections=1)


def test_connection_above_the_limit_lingers_only_shortly():
    async def conversation(first):
        excess = Connection(state=first.protocol.server_state, max_connections=1)
        await excess.receive(GET[:9])
        excess.clock.move_to(EXCESS_SECONDS)
        assert (excess.statuses(), excess.real.calls[-2:]) == ([408], ["write_eof", "resume_reading"])
        excess.clock.move_to(2 * EXCESS_SECONDS)
        assert excess.real.calls[-1] == "abort"

    run(conversation, max_connections=1)


steps = st.tuples(st.sampled_from(Phase), st.integers(0, 40))


@given(st.lists(steps, max_size=12))
def test_deadline_expires_once_at_the_end_of_each_phase_that_lasts_too_long(entered):
    """The oracle keeps the start of the phase, and compares times after each second."""
    seconds = {Phase.HEAD: 10, Phase.BODY: 30, Phase.NEXT_REQUEST: 15}
    clock: Any = Clock()
    expired: list[tuple[Phase, float]] = []
    deadline = Deadline(clock, seconds)
    expected: list[tuple[Phase, float]] = []
    current, end = None, None
    for phase, duration in entered:
        deadline.enter(phase, lambda phase: expired.append((phase, clock.now)))
        if phase is not current:
            current, end = phase, clock.now + seconds[phase] if phase in seconds else None
        for _ in range(duration):
            clock.move_to(clock.now + 1)
            if clock.now == end:
                expected.append((current, end))
    assert expired == expected
    deadline.cancel()
    clock.move_to(1000)
    assert expired == expected
