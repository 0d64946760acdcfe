"""Pictures of the program at work: `python tools/pictures.py` writes `terminal.svg` and `report.png` in docs/images.

A model is trained on `data/english` (a minute or two), scored, and labels a letter of three sentences; what the
commands print, in the colours that they print it in, is drawn as a terminal of 80 columns. The page of errors that
`evaluate --report` writes is photographed by Chromium, driven by Playwright. Nothing is typed in by hand but the
letter, and nothing is changed but that lines are left out of what `train` says: an ellipsis stands for them.
"""

from __future__ import annotations

import argparse
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
COLUMNS = 80
LETTER = """\
Ingrid Tavener thanked the Pellworth Trust on Tuesday.
Brackenford beat Crowhurst United in the Silverdale Cup.
In June, Sydney Harlan moved from Lima to Haldmoor.
"""
TRAIN = "tagger train train.conll --dev dev.conll --output model"
EVALUATE = "tagger evaluate model test.conll --report errors.html"
PREDICT = "tagger predict model letter.txt"

_WIDE, _HIGH, _SIZE, _MARGIN = 8.4, 19, 14, 16  # of a character's cell, the letters and the frame, in pixels
_GROUND, _INK, _PROMPT = "#1d2028", "#e4e6eb", "#8fb573"
_FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"
# The sixteen colours that have names, as this terminal shows them: dark ones first.
_NAMED = (
    "#3b404d", "#e0707a", "#8fb573", "#d9a962", "#6ea3dc", "#c08bd0", "#5fb3b8", "#c9ccd4",
    "#6b7280", "#ef8f98", "#a9cc8f", "#e8c383", "#92bdec", "#d3a8e0", "#83cbd0", "#ffffff",
)  # fmt: skip
_LEVELS = (0, 95, 135, 175, 215, 255)  # of red, green and blue in the cube of 216 colours
_SEQUENCE = re.compile(r"\x1b\[([\d;]*)m")


class Style(NamedTuple):
    """How characters look: `#rrggbb` or None for the terminal's own."""

    ink: str | None = None
    ground: str | None = None
    is_bold: bool = False
    is_dim: bool = False


class Stretch(NamedTuple):
    """Characters of one row that look alike, and the column of the first, from 0."""

    column: int
    text: str
    style: Style


def find_colour(number: int) -> str:
    """Return a colour of xterm's 256: 16 with names, a cube of 6 x 6 x 6, 24 greys.

    >>> find_colour(25), find_colour(237)
    ('#005faf', '#3a3a3a')
    """
    if number < 16:
        return _NAMED[number]
    if number >= 232:
        return "#" + 3 * f"{8 + 10 * (number - 232):02x}"
    red, green, blue = (number - 16) // 36, (number - 16) // 6 % 6, (number - 16) % 6
    return "#" + "".join(f"{_LEVELS[level]:02x}" for level in (red, green, blue))


def change_style(style: Style, codes: str) -> Style:
    """Return a style after an escape sequence `ESC [ codes m` (ECMA-48, select graphic rendition).

    Raises:
        ValueError: a code that tagger doesn't print.
    """
    numbers = iter([int(code or 0) for code in codes.split(";")])
    for number in numbers:
        match number:
            case 0:
                style = Style()
            case 1:
                style = style._replace(is_bold=True)
            case 2:
                style = style._replace(is_dim=True)
            case 38 | 48:
                if next(numbers, None) != 5:
                    raise ValueError(f"a colour in other words than xterm's 256: {codes}")
                colour = find_colour(next(numbers))
                style = style._replace(**{"ink" if number == 38 else "ground": colour})
            case _ if 30 <= number <= 37 or 90 <= number <= 97:
                style = style._replace(ink=find_colour(number - 30 if number < 90 else number - 82))
            case _:
                raise ValueError(f"a sequence that isn't known: {codes}")
    return style


def read_rows(line: str) -> list[list[Stretch]]:
    """Return the rows that a line of a program's output takes on the terminal, which folds what is too long.

    >>> read_rows("\x1b[1m" + 79 * "a" + "\x1b[0mbc")[1]
    [Stretch(column=0, text='c', style=Style(ink=None, ground=None, is_bold=False, is_dim=False))]
    """
    rows: list[list[Stretch]] = [[]]
    style, column = Style(), 0
    pieces = _SEQUENCE.split(line)  # text and codes by turns
    for text, codes in zip(pieces[::2], [*pieces[1::2], None], strict=True):
        while text:
            if column == COLUMNS:
                rows.append([])
                column = 0
            fitting, text = text[: COLUMNS - column], text[COLUMNS - column :]
            rows[-1].append(Stretch(column, fitting, style))
            column += len(fitting)
        if codes is not None:
            style = change_style(style, codes)
    return rows


def draw_terminal(lines: Iterable[str], title: str) -> str:
    """Return an SVG of a terminal that shows these lines, which may hold escape sequences.

    It has its own ground, so it reads alike on dark and light pages; fonts are those of whoever looks.
    """
    rows = [row for line in lines for row in read_rows(line)]
    width, height = COLUMNS * _WIDE + 2 * _MARGIN, len(rows) * _HIGH + 2 * _MARGIN
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" width="{width:g}" '
            f'height="{height}" role="img" font-family="{_FONTS}" font-size="{_SIZE}">',
            f"<title>{escape(title)}</title>",
            "<style>text { white-space: pre } .b { font-weight: 700 } .d { opacity: .65 }</style>",
            f'<rect width="100%" height="100%" rx="8" fill="{_GROUND}"/>',
            *(shape for number, row in enumerate(rows) for shape in _draw_row(number, row)),
            "</svg>\n",
        )
    )


def _draw_row(number: int, row: Iterable[Stretch]) -> Iterator[str]:
    top = _MARGIN + number * _HIGH
    for column, text, style in row:
        left, width = _MARGIN + column * _WIDE, len(text) * _WIDE
        if style.ground:
            yield f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_HIGH}" fill="{style.ground}"/>'
        if text.isspace():
            continue
        classes = " ".join(("b",) * style.is_bold + ("d",) * style.is_dim)
        look = f' class="{classes}"' if classes else ""
        # The length is said, so that a font of another width changes no place.
        yield (
            f'<text x="{left:.1f}" y="{top + 14}" textLength="{width:.1f}" fill="{style.ink or _INK}"{look} '
            f'xml:space="preserve">{escape(text)}</text>'
        )


def skim(said: Iterable[str]) -> list[str]:
    """Return of what a training said the first epoch, the last two, and the last line; an ellipsis for the rest."""
    lines = [line for line in said if line.strip()]
    epochs = [number for number, line in enumerate(lines) if line.startswith("epoch")]
    shown: list[str] = []
    before = -1
    for number in (epochs[0], *epochs[-2:], len(lines) - 1):
        if number != before + 1:
            shown.append("\x1b[2m…\x1b[0m")
        shown.append(lines[number])
        before = number
    return shown


class Said(NamedTuple):
    """The lines that a command wrote: its messages on stderr, and its results on stdout."""

    messages: list[str]
    results: list[str]


def place_messages(said: Said) -> list[str]:
    """Return what a command says and shows, its advice of what to do next behind the results, where it comes."""
    advice = [line for line in said.messages if line.lstrip("\x1b[0123456789m").startswith("next: ")]
    return [*(line for line in said.messages if line not in advice), *said.results, *advice]


def run(command: str, folder: Path) -> Said:
    """Run a command of tagger's whose results go to a terminal with colours, and return what it wrote.

    Messages go to a pipe, so no bar is drawn that would be drawn over.
    """
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    environment |= {
        "PYTHONPATH": str(ROOT),
        "FORCE_COLOR": "1",
        "COLUMNS": str(COLUMNS),
        "TERM": "xterm-256color",
    }
    near, far = pty.openpty()
    words = [sys.executable, "-m", *command.split()]
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(words, cwd=folder, env=environment, stdout=far, stderr=messages)
        os.close(far)
        results = b"".join(_read_terminal(near))
        os.close(near)
        process.wait()
        messages.seek(0)
        said = messages.read().decode()
    if process.returncode:
        sys.exit(f"error: {command}: exit code {process.returncode}\n{said}")
    return Said(said.splitlines(), results.decode().splitlines())


def _read_terminal(near: int) -> Iterator[bytes]:
    with suppress(OSError):  # so Linux says that the last process on the other side is gone
        while data := os.read(near, 1 << 16):
            yield data


def record(folder: Path) -> list[str]:
    """Run a small session in a folder, and return what a terminal shows of it."""
    for part in ("train", "dev", "test"):
        shutil.copy(ROOT / "data" / "english" / f"{part}.conll", folder)
    (folder / "letter.txt").write_text(LETTER, encoding="utf-8")
    shown: list[str] = []
    for command in (TRAIN, EVALUATE, PREDICT):
        said = run(command, folder)
        shown.append(f"{'' if not shown else chr(10)}\x1b[32m$\x1b[0m \x1b[1m{command}\x1b[0m")
        shown += skim(said.messages) if command == TRAIN else place_messages(said)
    return "\n".join(line.rstrip() for line in shown).splitlines()


def photograph(page: Path, picture: Path) -> None:
    """Let Chromium draw a page of errors into a PNG: what can be chosen, and the first wrong sentences."""
    from playwright.sync_api import sync_playwright

    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as running:
        started = running.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        shown = started.new_page(viewport={"width": 1000, "height": 880}, color_scheme="light")
        shown.goto(page.as_uri())
        heading = shown.get_by_role("heading", name="Wrong sentences")
        heading.evaluate("element => element.scrollIntoView()")
        shown.screenshot(path=picture)
        started.close()


def main() -> None:
    """Draw both pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=IMAGES, help="folder of the pictures (docs/images)")
    output: Path = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        lines = record(folder)
        title = "tagger trains a model on a corpus, scores it on a test set, and labels a letter"
        (output / "terminal.svg").write_text(draw_terminal(lines, title), encoding="utf-8", newline="\n")
        photograph(folder / "errors.html", output / "report.png")


if __name__ == "__main__":
    main()
