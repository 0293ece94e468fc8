"""Settings and fixtures for all tests, including the doctests."""

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np
import pytest

collect_ignore = ["tests/e2e/kserve_client.py"]  # runs in another environment


@pytest.fixture(autouse=True)
def _numpy_in_doctests(doctest_namespace):
    """Let doctests use `np` without an import."""
    doctest_namespace["np"] = np
