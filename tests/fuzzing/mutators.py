"""Changes of an input that keep its JSON valid; byte by byte, the fuzzer would rarely get behind the parser."""

import json
from typing import Any

import numpy as np

from tests.fuzzing.bodies import BINARY, CHOICES
from tests.hostile import SENT_TEXT

VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 16, 16.5, 64, 1e308, 2**64, float("nan"), "", SENT_TEXT),
    *([], {}, [[]], [0] * 64, [[0] * 8] * 8),
)
SEPARATORS = ((",", ":"), (", ", ": "), (" ,\n", "\t:"))
MAX_ROW = 9


def mutate_json(data, seed):
    """Change one value in the JSON of an input.

    Args:
        data: The input: choices, JSON, and perhaps binary tensors.
        seed: Seed of the random choices.
    Returns:
        The new input, or None if the payload has no JSON with a list or an object.
    """
    text, mark, rest = data[CHOICES:].partition(BINARY)
    try:
        document = json.loads(text)
        containers = find_containers(document)
        if not containers:
            return None
        random = np.random.default_rng(seed)
        _change(containers, random)
        separators = SEPARATORS[random.integers(len(SEPARATORS))]
        return data[:CHOICES] + json.dumps(document, separators=separators).encode() + mark + rest
    except (ValueError, RecursionError):
        return None


def find_containers(document):
    """Return all lists and objects in a document that have a member."""
    found, containers = [document], []
    while found:
        value = found.pop()
        if isinstance(value, list | dict) and value:
            containers.append(value)
            found += value.values() if isinstance(value, dict) else value
    return containers


def _change(containers, random):
    """Replace, remove, wrap or repeat one member of one container; a list may also become a list of rows."""
    container = containers[random.integers(len(containers))]
    keys = list(container) if isinstance(container, dict) else range(len(container))
    key = keys[random.integers(len(keys))]
    value, kind = container[key], random.integers(6)
    if kind == 0:
        container[key] = VALUES[random.integers(len(VALUES))]
    elif kind == 1:
        container[key] = json.loads(json.dumps(containers[random.integers(len(containers))]))
    elif kind == 2:
        del container[key]
    elif kind == 3:
        container[key] = [value]
    elif kind == 4 and isinstance(container, list):
        container.insert(key, value)
    elif isinstance(value, list):
        size = int(random.integers(1, MAX_ROW))
        flat = [each for part in value for each in (part if isinstance(part, list) else [part])]
        container[key] = flat if flat != value else [value[at : at + size] for at in range(0, len(value), size)]
    else:
        container[key] = VALUES[random.integers(len(VALUES))]
