"""Plot of the soak test: memory, descriptors and latency over the time, with the reloads and kills."""

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.soak.course import MINUTE_SECONDS
from training.reporting.style import BLUE, ORANGE, STYLE, TEXT_COLOUR

SIZE = (8, 6)  # in inches


@mpl.rc_context(fname=STYLE)
def plot_course(course):
    """Draw the memory and the descriptors of each second, and the 99th percentile of the latency of each minute.

    Args:
        course: The `Course`.
    Returns:
        The figure.
    """
    figure = Figure(figsize=SIZE)
    memory, descriptors, latency = figure.subplots(3, 1, sharex=True)
    times = [sample.seconds / MINUTE_SECONDS for sample in course.samples]
    for name, label, colour in (("memory_bytes", "all", BLUE), ("worker_bytes", "largest worker", ORANGE)):
        memory.plot(times, [getattr(sample, name) / 2**20 for sample in course.samples], label=label, color=colour)
    memory.set_ylabel("memory, MiB")
    descriptors.plot(times, [sample.descriptors for sample in course.samples], color=BLUE)
    descriptors.set_ylabel("descriptors")
    latency.stairs([minute.p99 for minute in course.minutes], range(len(course.minutes) + 1), baseline=None, color=BLUE)
    latency.set(ylabel="p99 latency, ms", xlabel="minutes", xlim=(0, len(course.minutes)))
    for axes in (memory, descriptors, latency):
        _mark(axes, course.reload_times, "reload", TEXT_COLOUR, ":")
        _mark(axes, course.kill_times, "kill of a worker", ORANGE, "--")
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, axis="y")
    memory.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1))
    return figure


def _mark(axes, times, label, colour, style):
    """Draw a vertical line at each time, of which the first has the label."""
    for index, seconds in enumerate(times):
        name = label if index == 0 else None
        axes.axvline(seconds / MINUTE_SECONDS, color=colour, linestyle=style, linewidth=0.8, alpha=0.6, label=name)
