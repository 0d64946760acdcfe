"""Labelled sentences -> a workbook for Excel and other spreadsheets: the rows of `concordance`, by XlsxWriter.

Every cell is written as what it is, text or number, so nothing in it is ever a formula or a link. Rows go to a
temporary file as they come, so memory stays small.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO

from tagger.errors import ConfigError
from tagger.text.formats.concordance import CUT, Hit, find_hits
from tagger.text.formats.sentence import LabelledSentence

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format as CellFormat
    from xlsxwriter.worksheet import Worksheet

MOST_ROWS = 1_048_576  # of a sheet, with its header; what follows stands on another sheet
LONGEST_CELL = 32_767  # UTF-16 units
_WIDTHS = {"file": 24, "sentence": 9, "left": 50, "match": 26, "right": 50, "type": 12, "confidence": 11}
_WIDTH = 9  # of other columns, in characters
_DIGITS = "0.000"


def save_workbook(sentences: Iterable[LabelledSentence], stream: BinaryIO) -> None:
    """Write a workbook with a row for each span.

    Raises:
        ConfigError: XlsxWriter isn't installed.
        OSError: the disk refuses, be it that of the temporary folder.
    """
    try:
        from xlsxwriter import Workbook
        from xlsxwriter.exceptions import FileCreateError
    except ImportError:
        raise ConfigError(
            "xlsx needs the package XlsxWriter, which isn't installed: pip install 'tagger[xlsx]'; "
            "csv needs nothing",
            "--format",
        ) from None
    with TemporaryDirectory(prefix="tagger-") as folder:  # what a fault leaves behind goes with it
        path = Path(folder) / "book.xlsx"
        book = Workbook(str(path), {"constant_memory": True, "tmpdir": folder})
        sheets = _Sheets(book)
        for hit in find_hits(sentences):
            sheets.add(hit)
        sheets.finish()
        try:
            book.close()
        except FileCreateError as error:
            raise OSError(f"the temporary folder {folder}: {error}") from error
        with path.open("rb") as whole:
            copyfileobj(whole, stream)


class _Sheets:
    """The sheets of a workbook, of which the last is written to, row by row."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._bold = book.add_format({"bold": True, "bottom": 1})
        self._number = book.add_format({"num_format": _DIGITS})
        self._right = book.add_format({"align": "right"})
        self._plain = book.add_format()
        self._count = 0
        self._begin()

    def add(self, hit: Hit) -> None:
        """Write a row."""
        if self._row == MOST_ROWS:
            self.finish()
            self._begin()
        self._write(hit, [self._right if name == "left" else self._plain for name in Hit._fields])

    def finish(self) -> None:
        """Let the rows of the last sheet be filtered by what they hold."""
        self._sheet.autofilter(0, 0, self._row - 1, len(Hit._fields) - 1)

    def _begin(self) -> None:
        self._count += 1
        name = "spans" if self._count == 1 else f"spans {self._count}"
        self._sheet: Worksheet = self._book.add_worksheet(name)
        self._row = 0
        self._sheet.freeze_panes(1, 0)
        for column, field in enumerate(Hit._fields):
            self._sheet.set_column(column, column, _WIDTHS.get(field, _WIDTH))
        self._write(Hit._fields, [self._bold] * len(Hit._fields))

    def _write(self, cells: Sequence[Any], forms: Sequence[CellFormat]) -> None:
        for column, (cell, form) in enumerate(zip(cells, forms, strict=True)):
            if cell in (None, ""):
                continue
            if isinstance(cell, str):
                self._sheet.write_string(self._row, column, fit_cell(cell), form)
            else:
                number = self._number if isinstance(cell, float) else form
                self._sheet.write_number(self._row, column, cell, number)
        self._row += 1


def fit_cell(text: str) -> str:
    """Return as much of a text as a cell holds, which counts UTF-16 units.

    >>> len(fit_cell("a" * 40_000)), len(fit_cell("😀" * 20_000)), fit_cell("short")
    (32767, 16384, 'short')
    """
    if 2 * len(text) <= LONGEST_CELL or len(text.encode("utf-16-le")) <= 2 * LONGEST_CELL:
        return text
    kept = text.encode("utf-16-le")[: 2 * (LONGEST_CELL - len(CUT))]
    return kept.decode("utf-16-le", "ignore") + CUT
