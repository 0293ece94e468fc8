"""The measured servers: how each is started, and the form of its requests and replies."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from benchmarks.serving.wrk import Load
from model import INK_MAX

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "model" / "digits.npz"
# The virtual environments of the other servers: MLServer, LitServe and BentoML.
SERVER_ENVIRONMENTS = ROOT / ".venv" / "peers"
CONNECTIONS = 16
JSON_HEADERS = {"Content-Type": "application/json"}
INFER_PATH = "/v2/models/digits/infer"
PORTS_PER_SERVER = 3  # MLServer listens on three ports
PRINT_VERSIONS = """
import sys, platform, importlib.metadata
print("python", platform.python_version())
for name in sys.argv[1:]: print(name, importlib.metadata.version(name))
"""


class Contender(NamedTuple):
    """A server to measure.

    Args:
        title: The server's name in tables.
        remark: What the server's row in the table stands for.
        command: Function of a port and an empty folder; returns the command line that starts the server.
        packages: Names of the packages whose versions the documentation lists.
        python: Path of the Python interpreter that has these packages.
        path: Path of the URL that predicts.
        build_request: Function of an image's pixels, 64 numbers in [0, 16]; returns the JSON value of a request.
        parse_probabilities: Function of a reply's JSON value; returns the ten probabilities. None if the
            server does not predict.
        has_all_workers: Function of the server's URL; returns True if all worker processes run. It is called
            once the server has answered a request.
        headers: Headers of a request, by name.
        environment: Environment variables of the server, besides PYTHONPATH. This service reads its settings
            from them.
        folder: The server's working directory and PYTHONPATH: the checkout, or an exported revision.
    """

    title: str
    remark: str
    command: Callable[[int, Path], list[str]]
    packages: tuple[str, ...] = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "pydantic", "numpy")
    python: str = sys.executable
    path: str = "/predict"
    build_request: Callable[[list[float]], object] = lambda pixels: {"pixels": pixels}
    parse_probabilities: Callable[[dict[str, Any]], list[float]] | None = lambda reply: reply["probabilities"]
    has_all_workers: Callable[[str], bool] = lambda _: True
    headers: Mapping[str, str] = MappingProxyType(JSON_HEADERS)
    environment: Mapping[str, str] = MappingProxyType({"DIGITS_DRAIN_SECONDS": "0"})
    folder: Path = ROOT

    def single_image_load(self, pixels):
        """Return the load of requests that predict one image.

        Args:
            pixels: The image's pixels, a list of 64 numbers in [0, 16].
        Returns:
            The load.
        """
        body = json.dumps(self.build_request(pixels), separators=(",", ":")).encode()
        return Load(self.path, body, dict(self.headers), CONNECTIONS)

    def post(self, url, pixels):
        """Send one request that predicts an image.

        Args:
            url: The server's URL.
            pixels: The image's pixels, a list of 64 numbers in [0, 16].
        Returns:
            The status of the response, and its JSON value, or None if the status is not 200.
        """
        load = self.single_image_load(pixels)
        with closing(HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
            connection.request("POST", load.path, load.body, load.headers)
            response = connection.getresponse()
            body = response.read()
        return response.status, json.loads(body) if response.status == 200 else None

    def is_ready(self, url):
        """Return True if the server at the URL answers a request, and all its workers run."""
        try:
            return self.post(url, [INK_MAX] * 64)[0] == 200 and self.has_all_workers(url)
        except (OSError, HTTPException):
            return False

    def versions(self):
        """Return the versions of the server's Python and packages, by name."""
        command = [self.python, "-c", PRINT_VERSIONS, *self.packages]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return dict(line.split() for line in output.splitlines())


def _digits_command(workers):
    """Return a function that builds the command line of this service."""
    return lambda port, _: [sys.executable, "-m", "app", "--port", str(port), "--workers", str(workers)]


def _has_two_workers(url):
    """Return True if this service reports two worker processes."""
    return httpx.get(f"{url}/metrics", timeout=10).json()["service"]["workers"] == 2


def _uvicorn_command(module):
    """Return a function that builds the command line for one of `apps/`.

    uvicorn runs with its default settings, except that it logs errors only.
    """
    log_options = ["--no-access-log", "--log-level", "error"]
    application = f"benchmarks.serving.apps.{module}:app"
    return lambda port, _: [sys.executable, "-m", "uvicorn", application, "--port", str(port), *log_options]


def _server_program(server, program):
    """Return the path of a program in the virtual environment of another server."""
    return str(SERVER_ENVIRONMENTS / server / "bin" / program)


def _mlserver_command(port, folder):
    """Write MLServer's settings into the folder, and return its command line.

    MLServer predicts in its only process and logs only errors. Its metrics and its compression are off.
    """
    log_settings, runtime = folder / "logging.json", "benchmarks.serving.apps.mlserver_runtime.Digits"
    ports = {"http_port": port, "grpc_port": port + 1, "metrics_port": port + 2}
    options = {"host": "127.0.0.1", "parallel_workers": 0, "debug": False}
    options |= {"logging_settings": str(log_settings), "metrics_endpoint": None, "gzip_enabled": False}
    model = {"name": "digits", "implementation": runtime, "parameters": {"uri": str(WEIGHTS)}}
    log_settings.write_text(json.dumps({"version": 1, "root": {"level": "ERROR"}}))
    (folder / "settings.json").write_text(json.dumps({**ports, **options}))
    (folder / "model-settings.json").write_text(json.dumps(model))
    return [_server_program("mlserver", "mlserver"), "start", str(folder)]


def _litserve_command(port, _):
    """Return the command line of LitServe."""
    module = "benchmarks.serving.apps.litserve_server"
    return [_server_program("litserve", "python"), "-m", module, str(port)]


def _bentoml_command(port, _):
    """Return the command line of BentoML."""
    service = "benchmarks.serving.apps.bentoml_service:Digits"
    program = _server_program("bentoml", "bentoml")
    return [program, "serve", service, "--host", "127.0.0.1", "--port", str(port)]


def _inference_request(pixels):
    """Build an inference request of the Open Inference Protocol for one image."""
    return {"inputs": [{"name": "pixels", "shape": [1, 64], "datatype": "FP32", "data": pixels}]}


def _inference_probabilities(reply):
    """Return the ten probabilities in an inference response of the Open Inference Protocol."""
    return next(output["data"] for output in reply["outputs"] if output["name"] == "probabilities")


CONTENDERS: Mapping[str, Contender] = {
    "ours": Contender("Digits", "default settings", _digits_command(1)),
    "ours_v2": Contender(
        "Digits by /v2",
        "the request that MLServer gets",
        _digits_command(1),
        path=INFER_PATH,
        build_request=_inference_request,
        parse_probabilities=_inference_probabilities,
    ),
    "echo": Contender(
        "bare ASGI, echo", "lower limit with uvicorn", _uvicorn_command("echo"), parse_probabilities=None
    ),
    "bare": Contender("bare ASGI, prediction", "our decoding, network and encoding", _uvicorn_command("bare")),
    "textbook": Contender("textbook FastAPI", "a `def` and two pydantic models", _uvicorn_command("textbook")),
    "two_workers": Contender(
        "Digits, two workers", "both on one core", _digits_command(2), has_all_workers=_has_two_workers
    ),
    "mlserver": Contender(
        "MLServer",
        "predicts in its one process",
        _mlserver_command,
        ("mlserver", "fastapi", "uvicorn", "uvloop", "httptools", "pydantic", "numpy"),
        _server_program("mlserver", "python"),
        INFER_PATH,
        _inference_request,
        _inference_probabilities,
    ),
    "litserve": Contender(
        "LitServe",
        "predicts in a second process",
        _litserve_command,
        ("litserve", "fastapi", "uvicorn", "uvloop", "httptools", "numpy"),
        _server_program("litserve", "python"),
    ),
    "bentoml": Contender(
        "BentoML",
        "one worker",
        _bentoml_command,
        ("bentoml", "starlette", "uvicorn", "uvloop", "httptools", "pydantic", "numpy"),
        _server_program("bentoml", "python"),
    ),
}
