"""Clients, generators and validators that `make test-clients` installs beside the development environment."""

from tests.conftest import ROOT
from tests.machine import skip_unless

BINARIES = ROOT / ".venv" / "clients" / "bin"
PYTHON = BINARIES / "python"
NODE_MODULES = ROOT / "requirements" / "clients" / "node_modules"

needs_client_packages = skip_unless(PYTHON.exists(), "the packages of requirements/clients.txt: make test-clients")
needs_node_packages = skip_unless(NODE_MODULES.exists(), "the packages of requirements/clients, and Node 20 or later")
