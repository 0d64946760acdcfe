"""`tagger pretrain --target clusters`: raw text in, classes of its words out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tagger.cli.tables import percent
from tagger.text.counting import count_of
from tagger.text.objects import dump_json

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.config import ClusterConfig


def make_clusters(
    talk: Console, texts: list[Path], config: ClusterConfig, output: Path, *, as_json: bool
) -> None:
    """Make classes of the words of some texts, write them, and say how they are used."""
    from tagger.cli.messages import say
    from tagger.cli.progress import make_bar
    from tagger.runtime.directory import locked, prepare_directory
    from tagger.training.clustering import Clustering

    prepare_directory(output)
    with locked(output):
        clustering = Clustering(texts, config)
        words, classes = (
            count_of(len(clustering.words), "word"),
            count_of(clustering.classes, "class", "classes"),
        )
        say(
            talk,
            f"{count_of(clustering.tokens, 'token')} to learn from; {words}, {percent(clustering.covered)} % of "
            f"them, get one of {classes}",
        )
        with make_bar(talk) as bar:
            task = bar.add_task("classes", total=1.0, facts="")
            for done in clustering.run():
                bar.update(task, completed=done)
        found = clustering.save(output)
    if as_json:
        typer.echo(dump_json(found.as_dict()))
        return
    typer.echo(f"{classes} of {words}; they tell {found.information:.3f} bits about a neighbour's class")
    say(
        talk,
        f"written to {output} in {found.seconds:.0f} s; use them: tagger train TRAIN --clusters {output}",
    )
