"""Which package may import what, and that serving pulls in no training."""

import ast
import importlib
import subprocess
import sys

import pytest

import model
from tests.conftest import ROOT

STANDARD = set(sys.stdlib_module_names)
ALLOWED = {
    "model": {"numpy"},
    "training": {"matplotlib", "model", "numpy", "scipy", "sklearn", "tqdm"},
    "app": {
        "PIL",
        "anyio",
        "fastapi",
        "model",
        "numpy",
        "opentelemetry",
        "prometheus_client",
        "pydantic",
        "pydantic_core",
        "pydantic_settings",
        "starlette",
        "typing_extensions",
        "uvicorn",
    },
}
# Inside the model: each module and those it may see.
MODEL_ORDER = {
    "errors": set(),
    "mlp": {"errors"},
    "card": {"errors", "mlp"},
    "artefact": {"errors", "mlp", "card"},
    "picture.resample": {"mlp"},
    "picture.components": set(),
    "picture.background": {"errors", "mlp", "picture.resample"},
    "picture.normalise": {"errors", "mlp", "picture.components", "picture.resample"},
}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_it_may(package):
    roots = {name.split(".")[0] for path in (ROOT / package).rglob("*.py") for name in imports(path)}
    assert roots - STANDARD - {package} <= ALLOWED[package]


def test_the_open_inference_protocol_is_free_of_http():
    names = {name for path in (ROOT / "app" / "oip").glob("*.py") for name in imports(path)}
    others = {name for name in names if not name.startswith("app.oip") and name.split(".")[0] not in STANDARD}
    packages = {"model", "numpy", "numpy.typing", "pydantic", "pydantic_core", "typing_extensions"}
    assert others <= packages | {"app.reader", "app.metrics.board", "app.metrics.layout"}


def test_counting_is_free_of_http():
    names = {name for path in (ROOT / "app" / "metrics").glob("*.py") for name in imports(path)}
    others = {name.split(".")[0] for name in names if not name.startswith("app.metrics")} - STANDARD
    assert others <= {"app", "model", "numpy", "prometheus_client", "pydantic", "typing_extensions"}
    assert {name for name in names if name.startswith("app.")} <= {
        "app.reader",
        *(f"app.metrics.{path.stem}" for path in (ROOT / "app" / "metrics").glob("*.py")),
    }


@pytest.mark.parametrize("module", MODEL_ORDER)
def test_inside_the_model_imports_go_one_way(module):
    seen = {
        name
        for name in imports(ROOT / "model" / (module.replace(".", "/") + ".py"))
        if name.startswith("model")
    }
    assert seen <= {f"model.{other}" for other in MODEL_ORDER[module]}


@pytest.mark.parametrize("package", ["app", "training"])
def test_others_see_the_model_through_its_public_face(package):
    for path in (ROOT / package).rglob("*.py"):
        assert not [name for name in imports(path) if name.startswith("model.")]


def test_the_public_face_of_the_model_is_complete_and_sorted():
    public = {name for name in vars(model) if not name.startswith("_")}
    modules = {path.stem for path in (ROOT / "model").iterdir()}
    assert set(model.__all__) == public - modules
    errors = importlib.import_module("model.errors")
    assert {name for name in vars(errors) if name.endswith("Error")} <= set(model.__all__)


def test_serving_imports_no_training():
    code = "import sys, app.main, app.server; print(*{name.split('.')[0] for name in sys.modules})"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(result.stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"sklearn", "scipy", "matplotlib", "tqdm", "training", "joblib"}


def test_one_blas_thread_is_asked_for_before_numpy_loads():
    code = (
        "import runpy, sys, os; sys.argv = ['app', '--help']\n"
        "try: runpy.run_module('app', run_name='__main__')\n"
        "except SystemExit: print(os.environ['OPENBLAS_NUM_THREADS'])"
    )
    environment = {"PATH": ""}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.endswith("\n1\n")
