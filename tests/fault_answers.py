"""A server that gives statuses in turn to clients of the fault benchmark, a request to it, and waits for answers."""

import itertools
import os
import socketserver
import threading
from contextlib import suppress

import numpy as np

from benchmarks.faults import good_clients, loads
from benchmarks.serving import process

COMPLETE = b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + bytes(1000)
EXAMPLE_WAITS = [good_clients.Wait(200, 0.001), good_clients.Wait(200, 0.5), good_clients.Wait(503, 0.002)]


class AnswersInTurn(socketserver.StreamRequestHandler):
    """Reads requests, and answers with the statuses in turn; 0 closes the connection without an answer, 503 after it.

    An answer repeats the body of its request.
    """

    server: "AnsweringServer"

    def handle(self):
        self.server.connections.append(self.client_address)
        with suppress(OSError):  # the client has closed the connection
            while head := b"\n".join(iter(lambda: self.rfile.readline().strip(), b"")):
                length = int(head.partition(b"Content-Length: ")[2].split()[0])
                body = self.rfile.read(length)
                if len(body) < length:
                    return
                self.server.given.append(status := next(self.server.statuses))
                if status:
                    closing = b"Connection: close\r\n" * (status == 503)
                    self.wfile.write(b"HTTP/1.1 %d \r\n%sContent-Length: %d\r\n\r\n" % (status, closing, length) + body)
                if status in {0, 503}:
                    return


class AnsweringServer(socketserver.ThreadingTCPServer):
    """A server that runs during a `with` block. It lists its connections and the statuses that it has given."""

    daemon_threads = True
    request_queue_size = 100  # the default is 5, and further connections would come a second later

    def __init__(self, *statuses):
        super().__init__(("127.0.0.1", 0), AnswersInTurn)
        self.statuses, self.given, self.connections = itertools.cycle(statuses), [], []
        threading.Thread(target=self.serve_forever, args=(0.01,)).start()

    def target(self):
        """Describe the server as the target of a load; the process of the test takes the place of the service's."""
        address = ("127.0.0.1", self.server_address[1])
        return loads.Target(
            "http://{}:{}".format(*address), address, process.ProcessTree(os.getpid()), np.zeros((1, 64), np.float32)
        )

    def __exit__(self, *error):
        self.shutdown()
        super().__exit__(*error)
