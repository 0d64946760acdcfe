"""`tagger config`: a commented TOML with every default."""

from __future__ import annotations

import typer


def config() -> None:
    """Print every setting with its default and meaning, as TOML for `tagger train --config`.

    Example: [bold]tagger config > settings.toml[/bold]
    """
    from tagger import config as settings

    typer.echo(settings.render(settings.Config(), shows_silent=True), nl=False)
