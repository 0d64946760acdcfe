"""`tagger score`: two label columns compared, no model; what `conlleval` does."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.errors import DataError

if TYPE_CHECKING:
    from tagger.text.conll import Corpus
    from tagger.text.schemes import Scheme


def score(
    gold: Annotated[Path, typer.Argument(help="The file with the right labels.")],
    predicted: Annotated[Path, typer.Argument(help="The same tokens with the predicted labels.")],
    scheme: Annotated[
        str | None,
        typer.Option(help="Tag scheme of both files (IOB1, IOB2, BIOES, BILOU, BMES, BMEWO, BARE)."),
    ] = None,
    strict: Annotated[
        bool, typer.Option(help="Count only spans that the scheme spells out in full.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare predicted labels with gold labels, span by span.

    Example: tagger score gold.conll predicted.conll
    """
    from tagger.text import conll, metrics, schemes

    began = time.perf_counter()
    wanted = schemes.parse_scheme(scheme) if scheme else None
    gold_corpus = conll.read_corpus(gold, scheme=wanted)
    predicted_corpus = conll.read_corpus(predicted, scheme=wanted)
    check_same_tokens(gold_corpus, predicted_corpus)
    scores = metrics.score(
        [sentence.tags for sentence in gold_corpus.sentences],
        [sentence.tags for sentence in predicted_corpus.sentences],
        gold_corpus.scheme,
        _scheme_of_predictions(gold_corpus, predicted_corpus),
        strict=strict,
    )
    seconds = time.perf_counter() - began
    if as_json:
        facts = scores.as_dict() | {"seconds": seconds, "tokens_per_second": scores.tokens / seconds}
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    from rich.console import Console

    from tagger.cli.tables import scores_table

    Console().print(scores_table(scores))


def check_same_tokens(gold: Corpus, predicted: Corpus) -> None:
    """Raise a DataError at the first sentence that differs."""
    for expected, found in zip(gold.sentences, predicted.sentences, strict=False):
        if expected.tokens != found.tokens:
            raise DataError(
                f"this sentence begins {_quote(found.tokens)} but the gold one ({gold.path}:{expected.line}) "
                f"begins {_quote(expected.tokens)}; expected the same tokens in both files",
                predicted.path,
                found.line,
            )
    shorter, longer = sorted((gold, predicted), key=lambda corpus: len(corpus.sentences))
    common = len(shorter.sentences)
    if common != len(longer.sentences):
        raise DataError(
            f"sentence {common + 1} is missing from {shorter.path}, which has {common} sentences; "
            "expected the same sentences in both files",
            longer.path,
            longer.sentences[common].line,
        )


def _quote(tokens: tuple[str, ...]) -> str:
    return repr(" ".join(tokens[:8]) + (" ..." if len(tokens) > 8 else ""))


def _scheme_of_predictions(gold: Corpus, predicted: Corpus) -> Scheme:
    """Read predictions as they look, unless they look like anything or like a faulty gold scheme."""
    from tagger.text.schemes import Scheme

    outside_only = all(tag == "O" for sentence in predicted.sentences for tag in sentence.tags)
    chunks = {Scheme.IOB1, Scheme.IOB2}
    if outside_only or {gold.scheme, predicted.scheme} == chunks:
        return gold.scheme
    return predicted.scheme
