"""Each package imports only what the import table allows, and serving loads no training."""

import ast
import importlib
import subprocess
import sys

import pytest

import model
from tests.conftest import ROOT

STANDARD_LIBRARY = set(sys.stdlib_module_names)

# Package → other packages of this project that it may import; docs/decisions.md explains the table.
# A package is a folder or a module. The longest matching name applies.
IMPORT_TABLE = {
    "model.errors": set(),
    "model.mlp": {"model.errors"},
    "model.card": {"model.errors", "model.mlp"},
    "model.artefact": {"model.errors", "model.mlp", "model.card"},
    "model.picture.resample": {"model.mlp"},
    "model.picture.components": set(),
    "model.picture.morphology": set(),
    "model.picture.smooth": {"model.mlp", "model.picture.components", "model.picture.morphology"},
    "model.picture.surroundings": {
        *("model.mlp", "model.picture.components", "model.picture.morphology", "model.picture.smooth")
    },
    "model.picture.sheet": {
        *("model.mlp", "model.picture.components", "model.picture.morphology", "model.picture.smooth"),
        "model.picture.surroundings",
    },
    "model.picture.background": {
        *("model.errors", "model.mlp", "model.picture.components", "model.picture.resample", "model.picture.sheet")
    },
    "model.picture.normalise": {*("model.errors", "model.mlp", "model.picture.components", "model.picture.resample")},
    "model.picture.lines": {"model.picture.components"},
    "model.picture.printed": {
        *("model.mlp", "model.picture.components", "model.picture.morphology", "model.picture.normalise"),
        "model.picture.lines",
    },
    "model.picture.single": {
        *("model.errors", "model.mlp", "model.picture.components", "model.picture.morphology"),
        "model.picture.normalise",
    },
    "model.picture.convert": {
        *("model.mlp", "model.picture.background", "model.picture.normalise", "model.picture.printed"),
        "model.picture.single",
    },
    "model.picture": set(),
    "model": {
        *("model.errors", "model.mlp", "model.card", "model.artefact"),
        *("model.picture.background", "model.picture.convert", "model.picture.normalise", "model.picture.printed"),
        "model.picture.sheet",
    },
    "training": {"model"},
    "app.settings": {"model"},
    "app.predictor": {"model"},
    "app.pictures": {"model"},
    "app.observability.shared_counters": set(),
    "app.observability.counter_registry": {"app.observability.shared_counters"},
    "app.observability.metric_families": {"app.observability.counter_registry", "model"},
    "app.observability.instruments": {
        *("app.observability.counter_registry", "app.observability.metric_families", "app.predictor", "model")
    },
    "app.observability.report": {"app.observability.shared_counters", "app.observability.instruments", "model"},
    "app.observability.prometheus": {
        *("app.observability.shared_counters", "app.observability.instruments", "app.observability.report", "model")
    },
    "app.observability.logs": set(),
    "app.observability.tracing": {"app.predictor"},
    "app.observability.request_spans": {"app.observability.instruments", "app.observability.tracing"},
    "app.observability.exporter": {"app.observability.logs"},
    "app.observability": set(),
    "app.oip.codec": {*("app.observability.counter_registry", "app.predictor", "model")},
    "app.http": {
        *("app.observability.instruments", "app.observability.logs", "app.observability.tracing"),
        *("app.observability.request_spans", "app.settings"),
    },
    "app.pictures.upload": {"app.http", "app.pictures"},
    "app.api": {
        *("app.http", "app.predictor", "app.pictures", "app.pictures.upload", "app.settings", "model"),
        *("app.observability.shared_counters", "app.observability.metric_families", "app.observability.instruments"),
        *("app.observability.report", "app.observability.prometheus"),
    },
    "app.oip": {"app.oip.codec", "app.http", "app.predictor", "app.settings", "model"},
    "app.main": {
        *("app.api", "app.http", "app.oip", "app.oip.codec", "app.predictor", "app.settings", "model"),
        *("app.observability.shared_counters", "app.observability.counter_registry"),
        *("app.observability.instruments", "app.observability.tracing", "app.observability.exporter"),
        "app.observability.request_spans",
    },
    "app.process.health_check": set(),
    "app.process": {
        *("app.main", "app.http", "app.settings", "model"),
        *("app.observability.shared_counters", "app.observability.logs", "app.observability.exporter"),
    },
    "app.__main__": {"app.process", "app.settings", "model"},
    "app": set(),
}

# Package → libraries that it may import.
WEB = {"fastapi", "pydantic", "pydantic_core", "starlette", "typing_extensions"}
LIBRARIES = {
    "model.errors": set(),
    "model.mlp": {"numpy"},
    "model.card": set(),
    "model.artefact": {"numpy"},
    "model.picture.resample": {"numpy"},
    "model.picture.components": {"numpy"},
    "model.picture.background": {"numpy"},
    "model.picture.normalise": {"numpy"},
    "model.picture.morphology": {"numpy"},
    "model.picture.smooth": {"numpy"},
    "model.picture.surroundings": {"numpy"},
    "model.picture.sheet": {"numpy"},
    "model.picture.lines": {"numpy"},
    "model.picture.printed": {"numpy"},
    "model.picture.single": {"numpy"},
    "model.picture.convert": {"numpy"},
    "model.picture": set(),
    "model": set(),
    "training": {"matplotlib", "numpy", "scipy", "sklearn", "tqdm"},
    "app.settings": {"pydantic", "pydantic_settings"},
    "app.predictor": {"numpy"},
    "app.pictures": {"PIL", "numpy"},
    "app.observability.shared_counters": {"numpy", "typing_extensions"},
    "app.observability.counter_registry": {"numpy"},
    "app.observability.metric_families": {"numpy", "prometheus_client"},
    "app.observability.instruments": {"numpy", "prometheus_client"},
    "app.observability.report": {"pydantic", "typing_extensions"},
    "app.observability.prometheus": {"prometheus_client", "typing_extensions"},
    "app.observability.logs": {"pydantic_core"},
    "app.observability.tracing": {"fastapi", "opentelemetry", "starlette"},
    "app.observability.request_spans": {"opentelemetry", "starlette"},
    "app.observability.exporter": {"fastapi", "opentelemetry"},
    "app.observability": set(),
    "app.oip.codec": {"numpy", "pydantic", "pydantic_core", "typing_extensions"},
    "app.http": {*WEB, "numpy"},
    "app.pictures.upload": {"fastapi", "starlette"},
    "app.api": {*WEB, "anyio", "fastapi_offline", "numpy"},
    "app.oip": {"fastapi", "pydantic", "starlette"},
    "app.main": {"fastapi", "opentelemetry", "starlette"},
    "app.process.health_check": set(),
    "app.process": {"fastapi", "httptools", "pydantic", "starlette", "typing_extensions", "uvicorn"},
    "app.__main__": {"pydantic"},
    "app": set(),
}

FILES = [path for package in ("app", "model", "training") for path in sorted((ROOT / package).rglob("*.py"))]


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def package_of(module):
    """The longest name in the import table that a module belongs to; None for a library."""
    names = [name for name in IMPORT_TABLE if f"{module}.".startswith(f"{name}.")]
    return max(names, key=len, default=None)


def imported_modules(path):
    """The modules that a file imports; `from package import module` names the module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (submodule(node.module, alias.name) for alias in node.names)


def submodule(package, name):
    """The name of a module if a package has a module of that name, otherwise the package."""
    folder = ROOT.joinpath(*package.split("."))
    is_module = (folder / f"{name}.py").exists() or (folder / name / "__init__.py").exists()
    return f"{package}.{name}" if is_module else package


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_a_module_imports_only_the_packages_in_the_import_table(path):
    package = package_of(module_name(path))
    imported = {package_of(module) for module in imported_modules(path)} - {None, package}
    assert imported <= IMPORT_TABLE[package]


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_a_module_imports_only_the_libraries_of_its_package(path):
    modules = [module for module in imported_modules(path) if package_of(module) is None]
    libraries = {module.split(".")[0] for module in modules} - STANDARD_LIBRARY
    assert libraries <= LIBRARIES[package_of(module_name(path))]


@pytest.mark.parametrize("table", [IMPORT_TABLE, LIBRARIES], ids=["packages", "libraries"])
@pytest.mark.parametrize("package", IMPORT_TABLE)
def test_the_import_table_allows_nothing_that_is_not_imported(package, table):
    paths = [path for path in FILES if package_of(module_name(path)) == package]
    modules = {module for path in paths for module in imported_modules(path)}
    used = {package_of(module) or module.split(".")[0] for module in modules}
    assert table[package] <= used


def test_packages_import_each_other_in_one_direction():
    order = list(IMPORT_TABLE)
    for package, allowed in IMPORT_TABLE.items():
        assert all(order.index(other) < order.index(package) for other in allowed), package


def test_at_most_six_modules_are_at_the_top_of_the_service():
    assert len(list((ROOT / "app").glob("*.py"))) <= 6


def test_the_public_names_of_the_model_are_complete():
    public = {name for name in vars(model) if not name.startswith("_")}
    modules = {path.stem for path in (ROOT / "model").iterdir() if path.suffix in {"", ".py"}}
    assert set(model.__all__) == public - modules
    errors = importlib.import_module("model.errors")
    assert {name for name in vars(errors) if name.endswith("Error")} <= set(model.__all__)


def test_serving_loads_no_library_of_the_training():
    code = "import sys, app.main, app.process.service; print(*{name.split('.')[0] for name in sys.modules})"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"sklearn", "scipy", "matplotlib", "tqdm", "training", "joblib"}


def test_one_blas_thread_is_requested_before_numpy_is_imported():
    code = """
import importlib.abc, os, runpy, sys

class PrintThreads(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "numpy":
            print("threads:", os.environ.get("OPENBLAS_NUM_THREADS"))

sys.meta_path.insert(0, PrintThreads())
sys.argv = ["app", "--help"]
runpy.run_module("app", run_name="__main__")
"""
    environment = {"PATH": ""}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.startswith("threads: 1\n")
