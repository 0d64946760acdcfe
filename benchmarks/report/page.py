"""`RESULTS.md` and its pictures, drawn from the figures; text outside the markers stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase

from .cells import show, show_each, value
from .figures import Row, Run, read_runs
from .picture import Bars, draw_bars
from .table import Column, Table

PAGE = "RESULTS.md"
FIGURES = "results"


def draw(folder: Path, tables: Mapping[str, Table]) -> None:
    """Draw all tables of a folder anew, with their pictures.

    Raises:
        SystemExit: where the page has no markers for a table.
    """
    page = folder / PAGE
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        runs = read_runs(folder / FIGURES / f"{name}.json")
        text = put_section(text, name, "\n".join(write_section(name, table, runs)))
        if picture := draw_picture(table, runs):
            (folder / FIGURES / f"{name}.svg").write_text(picture, encoding="utf-8")
    page.write_text(text, encoding="utf-8")


def put_section(text: str, name: str, section: str) -> str:
    """Put a table between its markers.

    Raises:
        SystemExit: where there are none.
    """
    pattern = rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)"
    found, count = re.subn(pattern, lambda match: f"{match[1]}{section}\n{match[2]}", text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(
            f"error: {PAGE} has {count} places for {name!r}, expected one: `<!-- {name} -->` and "
            f"`<!-- /{name} -->`, each on a line of its own"
        )
    return found


def write_section(name: str, table: Table, runs: Sequence[Run]) -> Iterator[str]:
    """Yield the lines of a table: heading, what it is, rows, where they come from, picture."""
    yield from (f"## {table.title}", "", table.about, "")
    if not runs:
        yield f"**Not measured.** `python -m benchmarks {name}` does it, which runs"
        yield "; ".join(f"`{write_command(command)}`" for command in table.commands) + "."
    else:
        has_letters = len(runs) > 1
        titles = [column.title for column in table.columns] + ["run"] * has_letters
        yield f"| {' | '.join(titles)} |"
        yield (
            "|"
            + "".join("---|" if _is_text(column, runs) else "---:|" for column in table.columns)
            + ("---|" * has_letters)
        )
        for letter, row in gather_rows(table, runs):
            cells = [_cell(row, column) for column in table.columns] + [letter] * has_letters
            yield f"| {' | '.join(cells)} |"
        yield ""
        for letter, run in zip(ascii_lowercase, runs, strict=False):
            yield f"- {f'{letter}: ' * has_letters}{write_origin(run)}"
        if table.picture is not None:
            yield from ("", f"![{table.picture.title}]({FIGURES}/{name}.svg)")
    if table.closing:
        yield from ("", table.closing)


def gather_rows(table: Table, runs: Sequence[Run]) -> list[tuple[str, Row]]:
    """Return the rows of all runs with the letter of each run; what is about the same stands together."""
    found = [(letter, row) for letter, run in zip(ascii_lowercase, runs, strict=False) for row in run.rows]
    order: dict[str, int] = {}
    for _, row in found:
        order.setdefault(row[table.key[0]], len(order))
    return sorted(found, key=lambda each: order[each[1][table.key[0]]])


def write_command(command: Sequence[str]) -> str:
    """Write a script with its arguments as it is called."""
    shown = (re.sub(r"\{(\w+)\}", lambda match: match[1].upper(), each) for each in command)
    return f"python benchmarks/{' '.join(shown)}"


def write_origin(run: Run) -> str:
    """Write where the rows of a run come from, in a line."""
    versions = ", ".join(f"{package} {version}" for package, version in run.versions.items())
    seeds = ", ".join(map(str, run.seeds))
    parts = [
        run.date,
        run.machine,
        versions,
        f"seed{'s' * (len(run.seeds) > 1)} {seeds}" if run.seeds else "",
        run.note,
        run.source,
        f"`{run.command}`" if run.command else "",
    ]
    return "; ".join(filter(None, parts))


def draw_picture(table: Table, runs: Sequence[Run]) -> str | None:
    """Draw the bars of a table; None where it has no picture or no figures."""
    picture = table.picture
    if picture is None or not runs:
        return None
    columns = {column.key: column for column in reversed(table.columns)}  # the first of a key
    bars = [columns[key] for key in picture.bars]
    rows = []
    for _, row in gather_rows(table, runs):
        numbers = [value(row.get(bar.key)) for bar in bars]
        if any(number is not None for number in numbers):
            label = ": ".join(_cell(row, columns[key]) for key in picture.label)
            texts = [show(row.get(bar.key), bar.digits) for bar in bars]
            rows.append(Bars(_plain(label), numbers, texts, is_ours=_is_ours(row)))
    return draw_bars(picture.title, [_plain(bar.title) for bar in bars], rows)


def _is_ours(row: Row) -> bool:
    """Tell whether a row is tagger's: where tools are compared their names say it."""
    name = str(row.get("tool") or row.get("what") or "tagger")
    return name.startswith("tagger")


def _is_text(column: Column, runs: Sequence[Run]) -> bool:
    cells = [row.get(column.key) for run in runs for row in run.rows]
    return column.each or all(cell is None or isinstance(cell, str) for cell in cells)


def _cell(row: Row, column: Column) -> str:
    return (show_each if column.each else show)(row.get(column.key), column.digits)


def _plain(text: str) -> str:
    return text.replace("`", "").replace("*", "")
