"""Measurement of this service by batch size and by number of connections."""

from benchmarks.serving.additional_loads import json_batch_load, tensor_batch_load
from benchmarks.serving.comparison import measure_load, running_contender
from benchmarks.serving.contenders import CONTENDERS

BATCH_SIZES = tuple(2**power for power in range(11))
CONNECTION_COUNTS = tuple(2**power for power in range(9))


def scaling_loads(images):
    """Return the loads of three curves: JSON and tensors by batch size, single images by number of connections.

    Args:
        images: Images, shape (B, 64), whole numbers in [0, 16]; B is at least 1024.
    Returns:
        Loads, by the curve's name and the batch size or number of connections.
    """
    single_image = CONTENDERS["ours"].single_image_load(images[0].tolist())
    return {
        **{("batch", size): json_batch_load(images[:size]) for size in BATCH_SIZES},
        **{("tensor", size): tensor_batch_load(images[:size]) for size in BATCH_SIZES},
        **{("connections", count): single_image._replace(connections=count) for count in CONNECTION_COUNTS},
    }


def measure(images, seconds):
    """Start this service, and send it all loads in succession.

    Args:
        images: Images, shape (B, 64), whole numbers in [0, 16]; B is at least 1024.
        seconds: The duration of each load.
    Returns:
        For each curve, the results of its loads, by batch size or number of connections (as text).
    """
    results: dict[str, dict[str, dict[str, float]]] = {}
    with running_contender(CONTENDERS["ours"]) as (url, processes, _):
        for (curve, x), load in scaling_loads(images).items():
            results.setdefault(curve, {})[str(x)] = measure_load(load, url, seconds, processes)
    return results
