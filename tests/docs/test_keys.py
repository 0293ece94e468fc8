"""The examples with keys work with the clients that the tests of the other examples do not have."""

import subprocess

import pytest
import yaml

from tests.docs.documents import KEYED_PAGE, KEYED_SETTINGS, code_blocks, with_address
from tests.e2e.client_tools import PYTHON, needs_client_packages
from tests.e2e.prometheus import running_prometheus
from tests.e2e.server import running
from tests.machine import skip_without

pytestmark = [pytest.mark.e2e, pytest.mark.clients]


@pytest.fixture(scope="module")
def server():
    with running(**KEYED_SETTINGS) as server:
        yield server


def without_key(example):
    return example.replace("example-key", "another-key")


@needs_client_packages
@pytest.mark.parametrize(("change", "status"), [(str, 0), (without_key, 1)])
def test_example_with_kserves_client_runs_and_fails_with_another_key(server, change, status):
    (example,) = [code for code in code_blocks(KEYED_PAGE, "python") if "from kserve import" in code]
    command = [PYTHON, "-c", change(with_address(example, server))]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == status, result.stderr
    assert ("401" in result.stderr) == (status == 1)


@skip_without("prometheus")
def test_prometheus_scrapes_with_the_documented_configuration(server, tmp_path):
    (example,) = [code for code in code_blocks(KEYED_PAGE, "yaml") if "scrape_configs" in code]
    config = yaml.safe_load(with_address(example, server))
    config["global"] = {"scrape_interval": "200ms"}
    with running_prometheus(config, tmp_path) as prometheus:
        assert prometheus.number("model_accuracy_ratio") > 0.99
