"""Two requests to the service under the soak test, and the states that decide which answers are expected."""

from benchmarks.soak.answers import State
from benchmarks.soak.requests import Request

FIRST, SECOND, BOTH = (State(frozenset(networks)) for networks in ({0}, {1}, {0, 1}))
STOPPING = State(is_stopping=True)
SEVEN = Request("single prediction", b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 200, ("7", "8"))
GET = b"GET / HTTP/1.1\r\n\r\n"
