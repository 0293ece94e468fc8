"""Environment variables that decide how BLAS and NumPy compute; set them before NumPy is imported.

OpenBLAS chooses its kernel by processor, and NumPy has further code for AVX-512. Both change the last bits of a result,
and thousands of training steps turn different bits into different weights. With the variables of this module, every
x86-64 processor with AVX2 trains the same weights under Linux.
"""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

# With one thread, sums have one order. Matrices as small as these gain nothing from a second thread.
ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
# Haswell is the OpenBLAS kernel for AVX2. The features are NumPy's three levels of AVX-512, whose code rounds `exp`,
# `log` and `power` in float64 differently. A processor that lacks them ignores the second variable.
ONE_KERNEL = {"OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR"}
CPU_INFO = Path("/proc/cpuinfo")


def fix_environment() -> None:
    """Set the variables for BLAS and NumPy in this process, and override the values of the parent process.

    A processor without AVX2 would not survive the Haswell kernel, so it keeps its own.
    """
    os.environ.update(ONE_THREAD)
    if why_weights_may_differ() is None:
        os.environ.update(ONE_KERNEL)
        os.environ.pop("NPY_ENABLE_CPU_FEATURES", None)  # NumPy rejects both variables together


def current_environment() -> Mapping[str, str]:
    """Return the variables that choose kernels, for the card.

    Returns:
        Name → value; empty for a process that has not set them.
    """
    return {name: os.environ[name] for name in ONE_KERNEL if name in os.environ}


def why_weights_may_differ() -> str | None:
    """Tell why this machine may train other weights than the released weights from the same seed.

    Returns:
        The reason, a clause; None if this machine trains the same weights.
    """
    return find_obstacle(platform.machine(), CPU_INFO)


def find_obstacle(machine: str, cpu_info: Path) -> str | None:
    """Tell why a machine may train other weights.

    Args:
        machine: Architecture of the processor, as `platform.machine` returns it.
        cpu_info: File in which Linux lists the features of the processor.
    Returns:
        The reason, a clause; None for an x86-64 processor with AVX2 under Linux.
    """
    if machine != "x86_64":
        return f"the processor is {machine}, not x86-64"
    if not cpu_info.exists():
        return "only Linux says whether the processor has AVX2"
    if "avx2" not in cpu_info.read_text(encoding="utf-8").split():
        return "the processor has no AVX2"
    return None
