"""What the tests of the training share."""

import numpy as np
import pytest

from tests.machine import skip_unless
from training.data import Rows
from training.environment import why_weights_may_differ
from training.handwriting.digits import draw_images

DIGITS_IN_POOL = 300
needs_avx2 = skip_unless(why_weights_may_differ() is None, "an x86-64 processor with AVX2, under Linux")


@pytest.fixture(scope="session")
def synthetic():
    """A small pool of synthetic digits."""
    labels = np.arange(DIGITS_IN_POOL) % 10
    return Rows(draw_images(range(DIGITS_IN_POOL), 0), labels, np.zeros(DIGITS_IN_POOL, np.int64))
