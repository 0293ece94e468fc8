"""Programs that a test needs and that a machine may lack."""

import os
import shutil

import pytest


def skip_unless(is_installed, name):
    """Skip a test on a machine that lacks a program. In CI the test runs, and fails without the program.

    Args:
        is_installed: True if the program is on this machine.
        name: Name of the program, and how to install it if that is not obvious.
    Returns:
        A mark for the test.
    """
    return pytest.mark.skipif(not is_installed and "CI" not in os.environ, reason=f"needs {name}")


def skip_without(*names):
    """Skip a test on a machine that lacks one of several programs, each given by its name on the PATH."""
    missing = [name for name in names if shutil.which(name) is None]
    return skip_unless(not missing, " and ".join(missing))
