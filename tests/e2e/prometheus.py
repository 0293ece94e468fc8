"""A real Prometheus, for tests."""

import signal
import socket
import subprocess
import time
from contextlib import contextmanager

import httpx
import yaml

from tests.e2e.server import HTTP, poll_until


class Prometheus:
    """A running Prometheus.

    Args:
        url: Its URL, without a slash at the end.
        time: Time for which queries are evaluated, in seconds since the epoch; by default the present.
    """

    def __init__(self, url, time=None):
        self.url = url
        self.time = {} if time is None else {"time": time}

    def vector(self, query):
        """Evaluate a query that returns a vector; return the labels and the value of each series."""
        reply = HTTP.get(f"{self.url}/api/v1/query", params={"query": query, **self.time}).json()
        assert reply["status"] == "success", reply
        return [(series["metric"], float(series["value"][1])) for series in reply["data"]["result"]]

    def number(self, query):
        """Evaluate a query; return the value of its first series, or None if it has no series yet."""
        vector = self.vector(query)
        return vector[0][1] if vector else None

    def has_scraped(self):
        """Tell whether this Prometheus is ready and has scraped the service."""
        try:
            is_ready = HTTP.get(f"{self.url}/-/ready").status_code == 200
            return is_ready and self.number('up{job="digits"}') == 1
        except httpx.TransportError:
            return False

    def at_next_scrape(self):
        """Wait until the service has been scraped once more; return this Prometheus at the time of that scrape.

        A busy machine can delay the answer to a later scrape by more than the timeout. From then on a query for the
        present finds no series.
        """
        now = time.time()
        times = poll_until(lambda: self.vector(f'timestamp(up{{job="digits"}}) > {now} and up == 1'))
        return Prometheus(self.url, time=times[0][1])


@contextmanager
def running_prometheus(config, folder):
    """Start a Prometheus, and wait until it has scraped the service.

    Args:
        config: Its configuration.
        folder: Folder for the configuration, the data and the log.
    """
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.create_server(("127.0.0.1", 0)) as unused:
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=log, stderr=log) as process,
    ):
        prometheus = Prometheus(f"http://{address}")
        try:
            poll_until(prometheus.has_scraped)
            yield prometheus
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
