"""Markdown table of the quick benchmark: the cost of each case, now and before, and its goals."""

from benchmarks.serving.quick_cases import BEFORE, CASES

COLUMNS = {
    "": "---",
    "µs of CPU a request": "---:",
    "before": "---:",
    "now/before": "---:",
    "goal": "---:",
    "measured": "---:",
    " ": ":---:",
}


def quick_table(costs):
    """Write the costs of all cases, and compare them with the goals.

    A case with several goals takes one line for each. A goal is left out if the cost that it refers to is missing.

    Args:
        costs: The `Costs` of the quick benchmark.
    Yields:
        Lines of Markdown.
    """
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{'|'.join(COLUMNS.values())}|"
    for name, case in CASES.items():
        cells = cost_cells(name, costs)
        ratios = [(goal, ratio_to(goal.reference, name, costs)) for goal in case.goals]
        for goal_cells in [ratio_cells(goal, ratio) for goal, ratio in ratios if ratio is not None] or [[""] * 3]:
            yield f"| {' | '.join([*cells, *goal_cells])} |"
            cells = [""] * len(cells)


def cost_cells(name, costs):
    """Write the title of a case, its costs now and before, and their ratio.

    Args:
        name: The name of the case.
        costs: The `Costs` of the quick benchmark.
    Returns:
        The cells.
    """
    ratio = ratio_to(BEFORE, name, costs)
    earlier_cells = ["", ""] if ratio is None else [f"{costs.before[name]:,.1f}", f"{ratio:.2f}×"]
    return [CASES[name].title, f"{costs.now[name]:,.1f}", *earlier_cells]


def ratio_cells(goal, ratio):
    """Write a goal, the measured ratio, and whether the ratio meets the goal.

    Args:
        goal: The `RatioGoal`.
        ratio: The measured ratio.
    Returns:
        The cells.
    """
    reference = BEFORE if goal.reference == BEFORE else CASES[goal.reference].title
    return [f"≤ {goal.bound}× {reference}", f"{ratio:.2f}×", "met" if ratio <= goal.bound else "missed"]


def ratio_to(reference, name, costs):
    """Return the cost of a case relative to another cost.

    Args:
        reference: The reference of a `RatioGoal`.
        name: The name of the case.
        costs: The `Costs` of the quick benchmark.
    Returns:
        The ratio, or None if the earlier revision was not measured.
    """
    cost = costs.before.get(name) if reference == BEFORE else costs.now[reference]
    return None if cost is None else costs.now[name] / cost
