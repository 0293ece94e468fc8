"""The table of `docs/pictures.md`."""

from pathlib import Path

RESULT = Path(__file__).parents[1] / "results" / "photos.json"
HEAD = ("| circumstance | goal | right | wrong, over 90 % sure | rejected |", "|---|---:|---:|---:|---:|")


def table_row(name, row):
    """Return a row of the table.

    Args:
        name: Name of the circumstance.
        row: The return value of `measure`.
    Returns:
        A line of Markdown, with percentages.
    """
    shares = " | ".join(f"{row[share] * 100:.1f}" for share in ("right", "sure", "rejected"))
    return f"| {name} | {row['goal'] or '–'} | {shares} |"


def table(result):
    """Yield the lines of the table for all circumstances of a result."""
    yield from HEAD
    for name, row in result["circumstances"].items():
        yield table_row(name, row)
