"""Cells of a table as text, and as the one number that a picture shows."""

from __future__ import annotations

import statistics
from typing import Any


def show(cell: Any, digits: int) -> str:
    """Write a cell: numbers with so many digits, several seeds as mean and standard deviation, text as it is."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, dict):
        return f"{cell['mean']:,.{digits}f} ± {cell['spread']:,.{digits}f}"
    if isinstance(cell, list) and len(cell) > 1:
        return f"{statistics.mean(cell):,.{digits}f} ± {statistics.stdev(cell):,.{digits}f}"
    return f"{value(cell):,.{digits}f}"


def show_each(cell: Any, digits: int) -> str:
    """Write the values of several seeds one by one; nothing where only their mean is known."""
    return ", ".join(f"{each:,.{digits}f}" for each in cell) if isinstance(cell, list) else ""


def value(cell: Any) -> float | None:
    """Return the number that a cell stands for; None where it holds none."""
    if isinstance(cell, list):
        return statistics.mean(cell)
    if isinstance(cell, dict):
        return float(cell["mean"])
    return None if cell is None or isinstance(cell, str) else float(cell)
