"""Strict validation of the objects that Kustomize builds: unknown fields and wrong types are errors."""

import json
import subprocess

import yaml

from tests.e2e.client_tools import NODE_MODULES, PYTHON

# The oldest version that has every field of the manifests with its default settings, and the newest with a schema.
VERSIONS = ("1.30", "1.37")
MONITORING_API = "monitoring.coreos.com/v1"
# The type of the manifest tells the compiler about unknown fields, and the validator knows patterns.
PROGRAM = """\
import {{ {kind}, type I{kind} }} from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/{kind}";
const manifest: I{kind} = {manifest};
new {kind}(manifest).validate();
"""
COMPILER_OPTIONS = (
    *("--strict", "--target", "es2022", "--module", "nodenext", "--moduleResolution", "nodenext"),
    *("--skipLibCheck", "--noEmitOnError"),
)


def run(*command, folder):
    """Run a command, and return its success and its output."""
    process = subprocess.run([*map(str, command)], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return process.returncode == 0, process.stdout + process.stderr


def is_builtin(entry):
    """Tell whether the schemas of Kubernetes have the kind of an object."""
    return entry["apiVersion"] != MONITORING_API


def validate(objects, folder):
    """Validate objects with the schemas of each version of Kubernetes, and return the success and the output."""
    path = folder / "objects.yml"
    path.write_text(yaml.safe_dump_all(objects))
    versions = [argument for version in VERSIONS for argument in ("-k", version)]
    return run(PYTHON, "-m", "kubernetes_validate", "--strict", *versions, path, folder=folder)


def validate_custom(entry, folder):
    """Validate an object of the Prometheus Operator with its types and its schema, and return success and output."""
    (folder / "node_modules").symlink_to(NODE_MODULES)
    (folder / "package.json").write_text('{"type": "module"}')
    program = folder / "manifest.ts"
    program.write_text(PROGRAM.format(kind=entry["kind"], manifest=json.dumps(entry)))
    is_valid, output = run(NODE_MODULES / ".bin" / "tsc", *COMPILER_OPTIONS, program, folder=folder)
    return run("node", program.with_suffix(".js"), folder=folder) if is_valid else (is_valid, output)
