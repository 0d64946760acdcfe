"""Options that commands which label with a trained model share, each declared once."""

from __future__ import annotations

from typing import Annotated

import typer

MinConfidence = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        max=1.0,
        help="Leave out spans that are less probable. If absent: what training chose; 0: nothing.",
    ),
]
