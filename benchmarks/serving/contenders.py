"""Who is measured: how each is started, asked and understood."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from benchmarks.serving.load import Load
from model import INK_MAX

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "model" / "digits.npz"
PEERS = ROOT / ".venv" / "peers"
CONNECTIONS = 16
JSON = {"Content-Type": "application/json"}
INFER_PATH = "/v2/models/digits/infer"
PORTS = 3  # MLServer listens on as many
ASK_VERSIONS = """
import sys, platform, importlib.metadata
print("python", platform.python_version())
for name in sys.argv[1:]: print(name, importlib.metadata.version(name))
"""


class Contender(NamedTuple):
    """A server of one network.

    Args:
        title: Its name in tables.
        remark: What its row stands for.
        command: Its arguments, given a port and an empty folder.
        packages: Whose versions matter.
        python: The interpreter that has them.
        path: Where it is asked.
        ask: Makes the JSON of a request of 64 numbers.
        read: Finds ten probabilities in the JSON of a reply; None if it predicts nothing.
        is_up: Whether it is complete, once it answers.
    """

    title: str
    remark: str
    command: Callable
    packages: tuple = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "pydantic", "numpy")
    python: str = sys.executable
    path: str = "/predict"
    ask: Callable = lambda pixels: {"pixels": pixels}
    read: Callable | None = lambda reply: reply["probabilities"]
    is_up: Callable = lambda _: True

    def load(self, pixels):
        """Make the request that asks for an image."""
        body = json.dumps(self.ask(pixels), separators=(",", ":")).encode()
        return Load(self.path, body, JSON, CONNECTIONS)

    def post(self, url, pixels):
        """Ask once, and give the status and the JSON of the answer."""
        load = self.load(pixels)
        with closing(HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
            connection.request("POST", load.path, load.body, load.headers)
            reply = connection.getresponse()
            body = reply.read()
        return reply.status, json.loads(body) if reply.status == 200 else None

    def is_ready(self, url):
        """Whether it answers."""
        try:
            return self.post(url, [INK_MAX] * 64)[0] == 200 and self.is_up(url)
        except (OSError, HTTPException):
            return False

    def versions(self):
        """Look up what it runs on."""
        command = [self.python, "-c", ASK_VERSIONS, *self.packages]
        printed = subprocess.run(command, capture_output=True, text=True, check=True)
        return dict(line.split() for line in printed.stdout.splitlines())


def _ours(workers):
    return lambda port, _: [sys.executable, "-m", "app", "--port", str(port), "--workers", str(workers)]


def _has_two_workers(url):
    return httpx.get(f"{url}/metrics", timeout=10).json()["service"]["workers"] == 2


def _uvicorn(name):
    """Serve one of `apps/` by uvicorn as it comes, without its access log."""
    quiet = ["--no-access-log", "--log-level", "error"]
    application = f"benchmarks.serving.apps.{name}:app"
    return lambda port, _: [sys.executable, "-m", "uvicorn", application, "--port", str(port), *quiet]


def _bin(peer, program):
    return str(PEERS / peer / "bin" / program)


def _mlserver(port, folder):
    """Have MLServer predict in its only process, log errors alone, and neither count nor compress."""
    log, runtime = folder / "logging.json", "benchmarks.serving.apps.mlserver_runtime.Digits"
    ports = {"http_port": port, "grpc_port": port + 1, "metrics_port": port + 2}
    rest = {"host": "127.0.0.1", "parallel_workers": 0, "debug": False, "logging_settings": str(log)}
    rest |= {"metrics_endpoint": None, "gzip_enabled": False}
    model = {"name": "digits", "implementation": runtime, "parameters": {"uri": str(WEIGHTS)}}
    log.write_text(json.dumps({"version": 1, "root": {"level": "ERROR"}}))
    (folder / "settings.json").write_text(json.dumps({**ports, **rest}))
    (folder / "model-settings.json").write_text(json.dumps(model))
    return [_bin("mlserver", "mlserver"), "start", str(folder)]


def _litserve(port, _):
    return [_bin("litserve", "python"), "-m", "benchmarks.serving.apps.litserve_server", str(port)]


def _bentoml(port, _):
    service = "benchmarks.serving.apps.bentoml_service:Digits"
    return [_bin("bentoml", "bentoml"), "serve", service, "--host", "127.0.0.1", "--port", str(port)]


def _inference_request(pixels):
    return {"inputs": [{"name": "pixels", "shape": [1, 64], "datatype": "FP32", "data": pixels}]}


def _inference_probabilities(reply):
    return next(output["data"] for output in reply["outputs"] if output["name"] == "probabilities")


CONTENDERS: Mapping[str, Contender] = {
    "ours": Contender("Digits", "as it comes", _ours(1)),
    "ours_v2": Contender(
        "Digits by /v2",
        "the request that MLServer gets",
        _ours(1),
        path=INFER_PATH,
        ask=_inference_request,
        read=_inference_probabilities,
    ),
    "echo": Contender("bare ASGI, echo", "the limit of this server", _uvicorn("echo"), read=None),
    "bare": Contender("bare ASGI, the work", "our decoding, network and encoding", _uvicorn("bare")),
    "textbook": Contender("textbook FastAPI", "a `def` and two pydantic models", _uvicorn("textbook")),
    "two_workers": Contender("Digits, two workers", "both on one core", _ours(2), is_up=_has_two_workers),
    "mlserver": Contender(
        "MLServer",
        "predicts in its one process",
        _mlserver,
        ("mlserver", "fastapi", "uvicorn", "uvloop", "httptools", "pydantic", "numpy"),
        _bin("mlserver", "python"),
        INFER_PATH,
        _inference_request,
        _inference_probabilities,
    ),
    "litserve": Contender(
        "LitServe",
        "predicts in a second process",
        _litserve,
        ("litserve", "fastapi", "uvicorn", "uvloop", "httptools", "numpy"),
        _bin("litserve", "python"),
    ),
    "bentoml": Contender(
        "BentoML",
        "one worker",
        _bentoml,
        ("bentoml", "starlette", "uvicorn", "uvloop", "httptools", "pydantic", "numpy"),
        _bin("bentoml", "python"),
    ),
}  # fmt: skip
