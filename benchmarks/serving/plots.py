"""Pictures of what was measured, for README and docs."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.ticker import StrMethodFormatter

from benchmarks.serving.contenders import CONTENDERS
from benchmarks.serving.goals import middle
from training.plots import BLUE, ORANGE, STYLE, canvas, save

DOCS = Path(__file__).parents[2] / "docs"


def draw(serving, curves):
    """Draw everything.

    Args:
        serving: What was measured of all.
        curves: What was measured of ours, by size and by connections.
    """
    save(bars(serving["results"]), DOCS / "serving.svg")
    save(scales(curves["results"]), DOCS / "scaling.svg")


@mpl.rc_context(fname=STYLE)
def bars(results):
    """Show what a request costs each server."""
    cpu = {name: middle(rounds, "cpu_microseconds") for name, rounds in results.items()}
    names = sorted((name for name in cpu if name != "two_workers"), key=cpu.get, reverse=True)
    figure, (axes,) = canvas(8, 0.45 * len(names) + 0.5)
    colours = [ORANGE if name == "ours" else BLUE for name in names]
    titles, costs = [CONTENDERS[name].title for name in names], [cpu[name] for name in names]
    axes.bar_label(axes.barh(titles, costs, color=colours), [f"{cost:,.0f}" for cost in costs], padding=4)
    axes.set(xlim=(0, max(costs) * 1.1), xlabel="CPU a prediction, µs")
    axes.tick_params(axis="y", length=0)
    return figure


@mpl.rc_context(fname=STYLE)
def scales(rounds):
    """Show what a row costs by the size of its batch, and what a request costs by connections."""
    figure, (sizes, connections) = canvas(9, 3.4, columns=2)
    for curve, label, colour in (("batch", "JSON", BLUE), ("tensor", "/v2, bytes", ORANGE)):
        cpu = curve_of(rounds, curve, "cpu_microseconds")
        sizes.plot([*cpu], [cost / size for size, cost in cpu.items()], "o-", label=label, color=colour)
    sizes.set(yscale="log", xlabel="rows in a request", ylabel="CPU a row, µs")
    sizes.legend()
    for name, label, colour in (("p50", "median", BLUE), ("p99", "99th percentile", ORANGE)):
        latency = curve_of(rounds, "connections", f"{name}_milliseconds")
        connections.plot([*latency], [*latency.values()], "o-", label=label, color=colour)
    connections.set(yscale="log", xlabel="connections", ylabel="latency, ms")
    connections.legend()
    for axes in (sizes, connections):
        axes.grid(visible=True)
        axes.set_xscale("log", base=4)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    return figure


def curve_of(rounds, curve, measure):
    """Take the medians along a curve.

    Args:
        rounds: Of the scaling.
        curve: Its name.
        measure: What of each point.
    Returns:
        The measure by abscissa.
    """
    return {int(at): middle([each[curve][at] for each in rounds], measure) for at in rounds[0][curve]}
