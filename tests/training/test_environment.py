"""The same seed trains the same weights, whatever kernels the environment of the parent process chooses."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from model import load_artefact
from tests.conftest import ROOT
from tests.machine import skip_unless
from tests.training.conftest import needs_avx2
from training.environment import ONE_KERNEL, ONE_THREAD, find_obstacle, why_weights_may_differ

OTHER_KERNELS = {
    "OPENBLAS_CORETYPE": "Prescott",  # without AVX
    "NPY_DISABLE_CPU_FEATURES": "X86_V3",  # AVX2
    "OPENBLAS_NUM_THREADS": "2",
}
ENABLED_FEATURES = {"NPY_ENABLE_CPU_FEATURES": "X86_V3"}  # NumPy rejects this variable beside the one that disables
# Multiplies matrices and prints the bits of the product.
MULTIPLY = "import numpy as np; a = np.random.default_rng(0).random((64, 64)); print((a @ a).tobytes().hex())"


def run_python(*arguments, **variables):
    """Run Python without the variables of this process that choose kernels, and return its output."""
    inherited = {name: value for name, value in os.environ.items() if name not in {*ONE_KERNEL, *ONE_THREAD}}
    command, environment = [sys.executable, *arguments], {**inherited, **variables}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True).stdout


def train(file, **variables):
    """Train for two epochs in a process of its own, and return the artefact."""
    run_python("-m", "training", "train", "--epochs", "2", "--digits", "20", "--out", str(file), **variables)
    return load_artefact(file)


def compute_bits(**variables):
    return run_python("-c", MULTIPLY, **variables)


def arrays(artefact):
    return [array.tobytes() for array in artefact.network.weights]


@needs_avx2
@pytest.mark.slow
def test_kernels_that_the_parent_chooses_do_not_change_the_weights(tmp_path):
    artefact = train(tmp_path / "a.npz")
    other = train(tmp_path / "b.npz", **OTHER_KERNELS, **ENABLED_FEATURES)
    assert arrays(other) == arrays(artefact)
    assert other.card == artefact.card


@needs_avx2
def test_these_kernels_compute_other_bits_in_a_process_that_does_not_set_its_environment():
    """So the test above would fail if a training did not set its environment."""
    assert compute_bits(**OTHER_KERNELS) != compute_bits(**ONE_KERNEL)


def test_the_card_of_the_released_weights_names_the_environment(artefact):
    assert artefact.card.environment == ONE_KERNEL


@pytest.mark.parametrize(
    ("machine", "features", "reason"),
    [
        ("x86_64", "sse2 avx avx2", None),
        ("x86_64", "sse2 avx", "the processor has no AVX2"),
        ("x86_64", None, "only Linux says whether the processor has AVX2"),
        ("aarch64", "asimd", "the processor is aarch64, not x86-64"),
    ],
)
def test_obstacle_is_a_processor_without_avx2_or_another_system(tmp_path, machine, features, reason):
    cpu_info = tmp_path / "cpuinfo"
    if features is not None:
        cpu_info.write_text(f"model name : a\nflags : {features}\n")
    assert find_obstacle(machine, cpu_info) == reason


@skip_unless((platform.system(), platform.machine()) == ("Linux", "x86_64"), "an x86-64 processor, under Linux")
def test_numpy_finds_avx2_where_the_environment_does():
    found = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    assert ("X86_V3" in found) == (why_weights_may_differ() is None)
