"""The table of calls as bars, in an SVG of a few kilobytes."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.table import Table

__all__ = ["draw"]

_COLOURS = {"http": "#07c160", "TLS": "#576b95"}


def draw(table: Table, file: Path) -> None:
    """Write ``file``: of each row of the table of calls, the processor's time in floors, over http and over TLS."""
    kinds = {name: table.heads.index(f"{name}, of the floor") for name in _COLOURS}
    names = [row[0].replace("`", "") for row in table.rows]
    # Text stays text, and no date or chance makes another file of the same figures.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "calls", "font.family": "sans-serif"}):
        figure = Figure(figsize=(8, 0.7 * len(names) + 1), layout="constrained")
        axes = figure.add_subplot()
        for offset, (name, column) in zip((-0.2, 0.2), kinds.items(), strict=True):
            places = [place + offset for place in range(len(names))]
            bars = axes.barh(places, [float(row[column]) for row in table.rows], 0.38, color=_COLOURS[name], label=name)
            axes.bar_label(bars, fmt="%.2f", padding=3)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.axvline(1, color="#888", linewidth=0.8)
        axes.set_xlabel("processor time of one call, in floors (less is better)")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
