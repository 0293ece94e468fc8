"""What a test needs and a machine may lack: a program, /proc of Linux, or a processor with AVX2."""

import os
import shutil
from pathlib import Path

import pytest


def skip_unless(is_met, need):
    """Skip a test on a machine that does not meet a need. In CI the test runs, and fails.

    Args:
        is_met: True if this machine meets the need.
        need: What the test needs, and how to install it if that is not obvious.
    Returns:
        A mark for the test.
    """
    return pytest.mark.skipif(not is_met and "CI" not in os.environ, reason=f"needs {need}")


def skip_without(*names):
    """Skip a test on a machine that lacks one of several programs, each given by its name on the PATH."""
    missing = [name for name in names if shutil.which(name) is None]
    return skip_unless(not missing, " and ".join(missing))


def skip_without_proc():
    """Skip a test on a system without /proc, which Linux has."""
    return skip_unless(Path("/proc").exists(), "/proc of Linux")
