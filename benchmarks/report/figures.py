"""The figures of a table as they are kept: `results/NAME.json`, a list of runs, each with where it comes from.

A run is what one command printed, on one day and one machine, or what somebody else published. Rows that a later run
has too are taken out of the earlier one; the others keep the date and the machine that they were measured with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
"""Cells by their column: text, a number, a list of numbers (one a seed), or `{"mean": ..., "spread": ...}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Rows that were measured together.

    Attributes:
        date: of the measurement, as YYYY-MM-DD; of others' figures, the year.
        machine: processor, cores, memory and system.
        command: what measured the rows; empty for others' figures.
        source: where others' figures stand; empty for those that the command measured.
        versions: of Python, tagger and the packages that had a part in it.
        seeds: that models were trained with.
        note: what else has to be known, such as other work on the machine.
        rows: what was measured.
    """

    date: str
    machine: str
    command: str = ""
    source: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    seeds: Sequence[int] = ()
    note: str = ""
    rows: Sequence[Row] = ()


def read_runs(path: Path) -> list[Run]:
    """Read the runs of a table; a file that isn't there has none."""
    if not path.is_file():
        return []
    return [Run(**run) for run in json.loads(path.read_text(encoding="utf-8"))]


def write_runs(path: Path, runs: Sequence[Run]) -> None:
    """Write the runs of a table, so that a row is a line and changes are easily read."""
    blocks = []
    for run in runs:
        facts = {name: value for name, value in asdict(run).items() if value and name != "rows"}
        lines = [f"  {json.dumps(name)}: {_dump(value)}" for name, value in facts.items()]
        rows = ",\n".join(f"   {_dump(row)}" for row in run.rows)
        blocks.append(" {\n" + ",\n".join([*lines, f'  "rows": [\n{rows}\n  ]']) + "\n }")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[\n" + ",\n".join(blocks) + "\n]\n", encoding="utf-8")


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def add_run(runs: Sequence[Run], run: Run, key: Sequence[str]) -> list[Run]:
    """Return the runs with a new one first, less the rows that it has measured again.

    Args:
        runs: the runs so far.
        run: the new one.
        key: the columns that say what a row is about.
    """

    def name(row: Row) -> tuple[Any, ...]:
        return tuple(row.get(column) for column in key)

    again = {name(row) for row in run.rows}
    kept = [replace(old, rows=[row for row in old.rows if name(row) not in again]) for old in runs]
    return [run, *(old for old in kept if old.rows)]
