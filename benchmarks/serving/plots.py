"""Plots of the results, for docs/benchmarks.md."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.ticker import StrMethodFormatter

from benchmarks.serving.contenders import CONTENDERS
from benchmarks.serving.goals import median_of
from training.reporting.style import BLUE, ORANGE, STYLE, new_figure, save_svg

DOCS = Path(__file__).parents[2] / "docs"


def write_plots(serving, scaling):
    """Draw all plots, and write them into `docs/`.

    Args:
        serving: The result of comparing the contenders.
        scaling: The result of measuring this service by batch size and by number of connections.
    """
    save_svg(plot_comparison(serving["results"]), DOCS / "serving.svg")
    save_svg(plot_scaling(scaling["results"]), DOCS / "scaling.svg")


@mpl.rc_context(fname=STYLE)
def plot_comparison(results):
    """Draw the CPU time of a request as one bar for each contender but `two_workers`, which costs the same.

    Args:
        results: The measurements of each round, by contender.
    Returns:
        The figure.
    """
    cpu = {name: median_of(measurements, "cpu_microseconds") for name, measurements in results.items()}
    names = sorted((name for name in cpu if name != "two_workers"), key=lambda name: cpu[name], reverse=True)
    figure, (axes,) = new_figure(8, 0.45 * len(names) + 0.5)
    colours = [ORANGE if name == "ours" else BLUE for name in names]
    titles, costs = [CONTENDERS[name].title for name in names], [cpu[name] for name in names]
    axes.bar_label(axes.barh(titles, costs, color=colours), [f"{cost:,.0f}" for cost in costs], padding=4)
    axes.set(xlim=(0, max(costs) * 1.1), xlabel="CPU a prediction, µs")
    axes.tick_params(axis="y", length=0)
    return figure


@mpl.rc_context(fname=STYLE)
def plot_scaling(rounds):
    """Draw the CPU time of a row by batch size, and the latency by number of connections.

    Args:
        rounds: The measurements of each round, as `scaling.measure` returns them.
    Returns:
        The figure.
    """
    figure, (sizes, connections) = new_figure(9, 3.4, columns=2)
    for curve, label, colour in (("batch", "JSON", BLUE), ("tensor", "/v2, bytes", ORANGE)):
        cpu = median_curve(rounds, curve, "cpu_microseconds")
        sizes.plot([*cpu], [cost / size for size, cost in cpu.items()], "o-", label=label, color=colour)
    sizes.set(yscale="log", xlabel="rows in a request", ylabel="CPU a row, µs")
    sizes.legend()
    for name, label, colour in (("p50", "median", BLUE), ("p99", "99th percentile", ORANGE)):
        latency = median_curve(rounds, "connections", f"{name}_milliseconds")
        connections.plot([*latency], [*latency.values()], "o-", label=label, color=colour)
    connections.set(yscale="log", xlabel="connections", ylabel="latency, ms")
    connections.legend()
    for axes in (sizes, connections):
        axes.grid(visible=True)
        axes.set_xscale("log", base=4)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    return figure


def median_curve(rounds, curve, field):
    """Return the medians of one quantity at each point of a curve.

    Args:
        rounds: The measurements of each round, as `scaling.measure` returns them.
        curve: The curve's name: `batch`, `tensor` or `connections`.
        field: A field of `LoadResult`.
    Returns:
        The median by batch size or number of connections.
    """
    return {int(x): median_of([measurement[curve][x] for measurement in rounds], field) for x in rounds[0][curve]}
