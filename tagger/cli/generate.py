"""`tagger generate`: a text continued by a forward language model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tagger.cli.options import RESULTS, AsJson
from tagger.text.objects import describe, dump_json


def generate(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Directory of a language model (`tagger pretrain`).")
    ],
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="The text to continue; may be empty.")] = "",
    words: Annotated[int, typer.Option(min=1, metavar="N", help="Words to add.")] = 40,
    temperature: Annotated[
        float, typer.Option(min=0.0, metavar="X", help="Below 1: likelier words; 0: always the likeliest.")
    ] = 1.0,
    top_k: Annotated[
        int | None, typer.Option(min=1, metavar="K", help="Draw from the K likeliest words only.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the draws.")] = 1,
    following: Annotated[
        int | None,
        typer.Option(
            "--next",
            min=1,
            metavar="N",
            help="Print the N likeliest next words with their probabilities instead.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Continue a text with a pretrained forward language model.

    Example: [bold]tagger generate models/lm "the president of the" --next 10[/bold]
    """
    from tagger.runtime.directory import load_language_model
    from tagger.runtime.generation import TextContinuer, continue_text
    from tagger.text.tokenizer import Mode, cut

    parts = load_language_model(model)
    is_spaced = parts.config.model.unit == "words"
    split_at_blanks = parts.config.text.format in ("tokens", "conll")
    mode = Mode.CHARACTERS if not is_spaced else Mode.BLANKS if split_at_blanks else Mode.WORDS
    read = list(cut(prompt, mode).words)
    if following is not None:
        predictions = TextContinuer(parts, read).likeliest(following)
        if as_json:
            typer.echo(dump_json(describe("next-words", {"next": [each._asdict() for each in predictions]})))
            return
        for each in predictions:
            typer.echo(f"{each.probability:.4f}  {_shown(each.word)}")
        return
    drawn = list(continue_text(parts, read, words, temperature=temperature, top_k=top_k, seed=seed))
    blank = " " if is_spaced else ""
    lines = [[*read]]
    for word in drawn:
        if word is None:
            lines.append([])
        else:
            lines[-1].append(word)
    text = "\n".join(blank.join(line) for line in lines if line)
    if as_json:
        typer.echo(dump_json(describe("generation", {"prompt": prompt, "text": text})))
    else:
        typer.echo("\n".join(_shown(line) for line in text.split("\n")))


def _shown(word: str | None) -> str:
    """Escape what would drive a terminal; name the end of a sentence."""
    from tagger.cli.tables import printable

    return "<end of sentence>" if word is None else str(printable(word))
