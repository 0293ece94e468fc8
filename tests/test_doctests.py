"""The examples in docstrings are correct."""

import doctest
from importlib import import_module

import numpy as np
import pytest

from tests.conftest import ROOT

FILES = [file for package in ("app", "model", "training") for file in sorted((ROOT / package).rglob("*.py"))]
MODULES = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in FILES if ">>>" in file.read_text()]


@pytest.mark.parametrize("module", MODULES)
def test_examples_of_a_module_are_correct(module):
    result = doctest.testmod(
        import_module(module), extraglobs={"np": np}, optionflags=doctest.NORMALIZE_WHITESPACE, raise_on_error=False
    )
    assert result.attempted > 0
    assert result.failed == 0
