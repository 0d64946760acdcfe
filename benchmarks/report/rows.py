"""What a script prints: a Markdown table for a reader, or with `--json` a row a line for `python -m benchmarks`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable

from .cells import show, show_each
from .figures import Row
from .tables import TABLES


def add_option(parser: argparse.ArgumentParser) -> None:
    """Give a script the option `--json`."""
    parser.add_argument("--json", action="store_true", dest="as_json", help="a row a line, as JSON")


def print_rows(name: str, rows: Iterable[Row], *, as_json: bool) -> None:
    """Print the rows of a table as they come."""
    columns = TABLES[name].columns
    if not as_json:
        print(f"| {' | '.join(column.title for column in columns)} |\n|{'---|' * len(columns)}", flush=True)
    for row in rows:
        if as_json:
            print(json.dumps(row, ensure_ascii=False), flush=True)
        else:
            cells = ((show_each if each.each else show)(row.get(each.key), each.digits) for each in columns)
            print(f"| {' | '.join(cells)} |", flush=True)
