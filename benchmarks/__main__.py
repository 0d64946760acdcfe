"""`python -m benchmarks`: the tables of RESULTS.md, measured again and drawn."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from benchmarks.report import peers
from benchmarks.report.figures import add_run, read_runs, write_runs
from benchmarks.report.measuring import measure
from benchmarks.report.page import FIGURES, PAGE, draw
from benchmarks.report.tables import TABLES

_FOLDER = Path(__file__).parent
_ACTIONS = ("peers", "draw")
_DESCRIPTION = """The tables of RESULTS.md.

  python -m benchmarks                        lists them, with the date of each figure
  python -m benchmarks TABLE [TABLE ...]      measures tables and puts them into RESULTS.md, with their pictures
  python -m benchmarks accuracy -- wnut17 --seeds 1 2
                                              what stands behind -- goes to the table's scripts, corpora first; rows
                                              that they don't measure again stay, with the date they have
  python -m benchmarks peers [NAME ...]       installs the tools to compare with, each into an environment of its own
  python -m benchmarks draw                   draws RESULTS.md from the figures of results/, measuring nothing
"""


def main() -> None:
    """Do what is asked for."""
    here = sys.argv[1:]
    cut = here.index("--") if "--" in here else len(here)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="TABLE", help=", ".join(TABLES))
    parser.add_argument(
        "--model", type=Path, default=Path("models/english"), help="whose speed is measured (models/english)"
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="leave RESULTS.md alone and fill a copy of it"
    )
    asked = parser.parse_args(here[:cut])
    further = here[cut + 1 :]
    first = asked.names[0] if asked.names else ""
    if first == "peers":
        for name in asked.names[1:] or peers.list_peers():
            peers.install(name)
        return
    if unknown := [name for name in asked.names if name not in TABLES and name not in _ACTIONS]:
        parser.error(f"found {unknown[0]!r}, expected {', '.join(TABLES)} or one of {', '.join(_ACTIONS)}")
    if further and len(asked.names) != 1:
        parser.error("found arguments behind --, expected one table, whose scripts they are for")
    folder = _FOLDER if asked.output is None else _copy(asked.output)
    if not asked.names:
        _list(folder)
        return
    for name in asked.names:
        if name != "draw":
            run = measure(TABLES[name], asked.model.absolute(), further)
            path = folder / FIGURES / f"{name}.json"
            write_runs(path, add_run(read_runs(path), run, TABLES[name].key))
        draw(folder, TABLES)
        print(f"{name}: {folder / PAGE}")


def _list(folder: Path) -> None:
    """Print a line a table: its name, when its rows were measured, its title."""
    for name, table in TABLES.items():
        dates = sorted({run.date for run in read_runs(folder / FIGURES / f"{name}.json")})
        print(f"{name:12} {', '.join(dates) or 'not measured':24} {table.title}")


def _copy(folder: Path) -> Path:
    """Copy page and figures into a folder that hasn't any."""
    if not (folder / PAGE).exists():
        shutil.copytree(_FOLDER / FIGURES, folder / FIGURES, dirs_exist_ok=True)
        shutil.copy(_FOLDER / PAGE, folder / PAGE)
    return folder


if __name__ == "__main__":
    main()
