"""Options that commands which read and score labelled corpora share, each declared once.

A default stands with the command: `check` takes the last column for the tag, `evaluate` the model's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

COLUMN = "an index from 0 (-1 is the last) or a CoNLL-U name, as UPOS or MISC:NER"

TokenColumn = Annotated[str, typer.Option(help=f"Column of the token: {COLUMN}.")]
TagColumn = Annotated[str, typer.Option(help="Column of the tag, likewise.")]
Encoding = Annotated[str, typer.Option(help="Encoding of the files.")]

Strict = Annotated[
    bool, typer.Option("--strict", help="Count only spans that the scheme spells out in full.")
]
Details = Annotated[
    bool, typer.Option("--details", help="Show near misses, confusions and scores by length, too.")
]
Errors = Annotated[int, typer.Option(min=0, help="Show the N most frequent kinds of error, with examples.")]
Report = Annotated[
    Path | None, typer.Option(help="Write a self-contained HTML page with every wrong sentence.")
]
Train = Annotated[
    Path | None, typer.Option(help="Training corpus: spans seen and unseen in it are scored apart.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
