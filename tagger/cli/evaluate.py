"""`tagger evaluate`: a model scored on a labelled corpus."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    model: Annotated[Path, typer.Argument(help="Model directory.")],
    file: Annotated[Path, typer.Argument(help="Labelled corpus in CoNLL columns.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Score a model on a labelled corpus: precision, recall and F1 per type, token accuracy.

    Example: [bold]tagger evaluate models/en test.conll[/bold]
    """
    from rich.console import Console

    from tagger.cli.tables import scores_table
    from tagger.text.conll import read_corpus
    from tagger.training import checkpoint, corpora
    from tagger.training.evaluate import encode_corpus, score

    loaded = checkpoint.load_model(model)
    settings = loaded.config.corpus
    corpus = read_corpus(
        file, columns=corpora.columns(loaded.config), scheme=loaded.scheme, encoding=settings.encoding
    )
    began = time.perf_counter()
    scores = score(loaded, corpus, encode_corpus(corpus.sentences, loaded))
    seconds = time.perf_counter() - began
    if as_json:
        facts = scores.as_dict() | {"seconds": seconds, "tokens_per_second": scores.tokens / seconds}
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    talk = Console(stderr=True, highlight=False)
    strange = corpora.describe(corpus, corpus, loaded.types).strange_types
    if strange:
        listed = ", ".join(f"{type_} ({count})" for type_, count in strange.items())
        talk.print(f"warning: types that the model doesn't know, counted as missed: {listed}", markup=False)
    Console(highlight=False).print(scores_table(scores))
