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
    "model": set(),
    "training": {"model"},
    "app.settings": {"model"},
    "app.predictor": {"model"},
    "app.pictures": {"model"},
    "app.observability": {"app.predictor", "model"},
    "app.oip.codec": {"app.predictor", "app.observability", "model"},
    "app.http": {"app.observability"},
    "app.api": {*("app.http", "app.predictor", "app.pictures", "app.settings", "app.observability", "model")},
    "app.oip": {"app.oip.codec", "app.http", "app.predictor", "app.settings", "model"},
    "app.main": {
        *("app.api", "app.http", "app.oip", "app.oip.codec", "app.observability"),
        *("app.predictor", "app.settings", "model"),
    },
    "app.process": {"app.main", "app.http", "app.settings", "app.observability", "model"},
    "app.__main__": {"app.process", "app.settings", "model"},
    "app": set(),
}

# Package → libraries that it may import.
WEB = {"fastapi", "pydantic", "pydantic_core", "starlette", "typing_extensions"}
LIBRARIES = {
    "model": {"numpy"},
    "training": {"matplotlib", "numpy", "scipy", "sklearn", "tqdm"},
    "app.settings": {"pydantic", "pydantic_settings"},
    "app.predictor": {"numpy"},
    "app.pictures": {"PIL", "fastapi", "numpy", "starlette"},
    "app.observability": {
        *("fastapi", "numpy", "opentelemetry", "prometheus_client", "pydantic", "starlette", "typing_extensions")
    },
    "app.oip.codec": {"numpy", "pydantic", "pydantic_core", "typing_extensions"},
    "app.http": {*WEB, "numpy"},
    "app.api": {*WEB, "anyio", "numpy"},
    "app.oip": {"fastapi", "pydantic", "starlette"},
    "app.main": {"fastapi", "opentelemetry", "starlette"},
    "app.process": {"fastapi", "opentelemetry", "typing_extensions", "uvicorn"},
    "app.__main__": {"pydantic"},
    "app": set(),
}

# Modules of observability that count and report. They know no web framework and no other module of observability.
COUNTING = {*("shared_counters", "counter_registry", "histogram", "instruments", "negotiation", "report", "prometheus")}
COUNTING_LIBRARIES = {"numpy", "prometheus_client", "pydantic", "typing_extensions"}
# Modules of observability that the codec of the Open Inference Protocol may import.
CODEC_COUNTING = {"app.observability.counter_registry", "app.observability.shared_counters"}

# Module of the model → other modules of the model that it may import.
MODEL_TABLE = {
    "errors": set(),
    "mlp": {"errors"},
    "card": {"errors", "mlp"},
    "artefact": {"errors", "mlp", "card"},
    "picture.resample": {"mlp"},
    "picture.components": set(),
    "picture.background": {"errors", "mlp", "picture.resample"},
    "picture.normalise": {"errors", "mlp", "picture.components", "picture.resample"},
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


def test_packages_of_the_service_import_each_other_in_one_direction():
    order = list(IMPORT_TABLE)
    for package, allowed in IMPORT_TABLE.items():
        assert all(order.index(other) < order.index(package) for other in allowed), package


def test_at_most_six_modules_are_at_the_top_of_the_service():
    assert len(list((ROOT / "app").glob("*.py"))) <= 6


def test_only_the_modules_for_logs_and_traces_do_not_count():
    modules = {path.stem for path in (ROOT / "app" / "observability").glob("*.py")}
    assert modules - COUNTING == {"__init__", "exporter", "logs", "tracing"}


@pytest.mark.parametrize("module", sorted(COUNTING))
def test_counting_modules_import_no_web_framework(module):
    modules = set(imported_modules(ROOT / "app" / "observability" / f"{module}.py"))
    libraries = {name.split(".")[0] for name in modules if package_of(name) is None} - STANDARD_LIBRARY
    assert libraries <= COUNTING_LIBRARIES
    siblings = {name for name in modules if name.startswith("app.observability")}
    assert siblings <= {f"app.observability.{name}" for name in COUNTING}


def test_the_codec_imports_only_counters_of_observability():
    paths = (ROOT / "app" / "oip" / "codec").glob("*.py")
    modules = {module for path in paths for module in imported_modules(path)}
    assert {module for module in modules if module.startswith("app.observability")} == CODEC_COUNTING


@pytest.mark.parametrize("module", MODEL_TABLE)
def test_modules_of_the_model_import_each_other_in_one_direction(module):
    modules = imported_modules(ROOT / "model" / (module.replace(".", "/") + ".py"))
    imported = {name.removeprefix("model.") for name in modules if name.startswith("model")}
    assert imported <= MODEL_TABLE[module]


@pytest.mark.parametrize(
    "path", [path for path in FILES if "model" not in path.relative_to(ROOT).parts], ids=module_name
)
def test_other_packages_import_the_model_by_its_public_names(path):
    assert not [name for name in imported_modules(path) if name.startswith("model.")]


def test_the_public_names_of_the_model_are_complete():
    public = {name for name in vars(model) if not name.startswith("_")}
    modules = {path.stem for path in (ROOT / "model").iterdir() if path.suffix in {"", ".py"}}
    assert set(model.__all__) == public - modules
    errors = importlib.import_module("model.errors")
    assert {name for name in vars(errors) if name.endswith("Error")} <= set(model.__all__)


def test_serving_loads_no_library_of_the_training():
    code = "import sys, app.main, app.process.server; print(*{name.split('.')[0] for name in sys.modules})"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"sklearn", "scipy", "matplotlib", "tqdm", "training", "joblib"}


def test_one_blas_thread_is_requested_before_numpy_is_imported():
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
