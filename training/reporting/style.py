"""The common look of all figures.

Each figure is an SVG with a transparent background. Its lines and letters are dark if the browser's
colour scheme is light, and light if the scheme is dark.
"""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

STYLE = Path(__file__).with_name("style.mplstyle")
TEXT_COLOUR = "#1f2328"
BLUE, ORANGE = "#2f81f7", "#e36209"
# CSS that sets the text colour for the light and the dark colour scheme of the browser.
SCHEME_CSS = f"<style>svg{{color:{TEXT_COLOUR}}}@media(prefers-color-scheme:dark){{svg{{color:#e6edf3}}}}</style>"


def new_figure(width: float, height: float, columns: int = 1) -> tuple[Figure, Sequence[Axes]]:
    """Create an empty figure.

    Args:
        width: Width in inches.
        height: Height in inches.
        columns: Number of axes, side by side.
    Returns:
        The figure and its axes, from left to right.
    """
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots(1, columns, squeeze=False)[0]


@mpl.rc_context(fname=STYLE)
def save_svg(figure: Figure, file: Path) -> None:
    """Write a figure as an SVG that is legible on light and dark pages.

    Args:
        figure: A figure that was drawn with `STYLE`.
        file: Path of the SVG file; an existing file is overwritten.
    """
    buffer = StringIO()
    figure.savefig(buffer, format="svg", dpi=144, metadata={"Date": None})
    head, tag, rest = buffer.getvalue().replace(TEXT_COLOUR, "currentColor").partition("<defs>")
    file.write_text(f"{head}{SCHEME_CSS}\n {tag}{rest}", encoding="utf-8")
