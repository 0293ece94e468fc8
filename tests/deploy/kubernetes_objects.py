"""The manifests for Kubernetes: their files, and the objects that Kustomize builds from them."""

import shutil
import subprocess

import yaml

from app.settings import Settings
from tests.conftest import ROOT
from tests.e2e.client_tools import BINARIES

KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("small", "production")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["digits"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
DEFAULTS = {name: field.default for name, field in Settings.model_fields.items()}
OTHER_STEPS_SECONDS = 5  # of a stop, at most, besides the drain and the requests in flight
MEBIBYTES = {"m": 1, "Mi": 1, "g": 1024, "Gi": 1024}  # by the units of Compose and Kubernetes


def build(folder):
    """List the objects that Kustomize builds from a folder."""
    command = [BINARIES / "kubectl", "kustomize", folder]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert process.returncode == 0, process.stderr
    return list(yaml.safe_load_all(process.stdout))


def build_overlay(name):
    """List the objects of an overlay."""
    return build(KUBERNETES / "overlays" / name)


def copy_manifests(folder):
    """Copy the manifests into a folder, and return an empty folder beside the overlays for files of a test."""
    shutil.copytree(KUBERNETES, folder / "kubernetes")
    own_folder = folder / "kubernetes" / "own"
    own_folder.mkdir()
    return own_folder


def find(objects, kind):
    """Return the only object of a kind."""
    (found,) = [entry for entry in objects if entry["kind"] == kind]
    return found


def pod_of(objects):
    """Return the template of the pods of the Deployment."""
    return find(objects, "Deployment")["spec"]["template"]


def container_of(objects):
    """Return the only container of the pods."""
    (container,) = pod_of(objects)["spec"]["containers"]
    return container


def environment_of(container):
    """Return the environment variables of a container, by name."""
    return {variable["name"]: variable["value"] for variable in container.get("env", [])}


def mebibytes(quantity):
    """Convert an amount of memory of Compose or Kubernetes, such as 256m or 256Mi, to MiB."""
    number = quantity.rstrip("GMgim")
    return int(number) * MEBIBYTES[quantity.removeprefix(number)]


def cores(quantity):
    """Convert an amount of CPU, such as 100m or 1, to cores."""
    return int(quantity.removesuffix("m")) / 1000 if quantity.endswith("m") else float(quantity)
