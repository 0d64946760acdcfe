"""`tagger distill`: teachers, raw text and a gold corpus in, a student's directory out."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tagger.cli.flags import Given, choose_settings, with_settings
from tagger.cli.options import (
    AsJson,
    ConfigFile,
    InputFormat,
    Language,
    Output,
    Overrides,
    Overwrite,
    Resume,
    TextField,
    refuse_together,
)
from tagger.cli.train import (
    DISTILLATION,
    SETTINGS,
    Clusters,
    Dev,
    Gazetteers,
    InitEncoder,
    LanguageModel,
    Test,
    Vectors,
    VectorsAll,
    describe_corpora,
    follow_training,
    show_result,
    teaching_shown,
)
from tagger.config import Config

_Texts = Annotated[
    list[Path] | None,
    typer.Argument(metavar="TEXT", help="Raw text: files, and folders with all files inside."),
]
_Teachers = Annotated[
    list[Path] | None,
    typer.Option(
        "--teacher",
        metavar="DIR",
        help="Model that labels the text; what several believe is averaged (repeatable).",
    ),
]
_Silver = Annotated[
    list[Path] | None,
    typer.Option(
        "--silver",
        metavar="FILE",
        help="Labels that something else made, as JSON of GLiNER, Hugging Face pipelines, Prodigy, Label Studio or "
        "an LLM, or columns; scores are probabilities, and a low one (--min-score) makes a tag unknown (repeatable).",
    ),
]
_Gold = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Corpus with gold tags, which the student learns too; without it --silver says which types there are.",
    ),
]


@with_settings(Config, *SETTINGS, *DISTILLATION)
def distill(
    output: Output,
    given: Given,
    gold: _Gold = None,
    texts: _Texts = None,
    teachers: _Teachers = None,
    silver: _Silver = None,
    dev: Dev = None,
    test: Test = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    config: ConfigFile = None,
    overrides: Overrides = None,
    input_format: InputFormat = "auto",
    language: Language = "en",
    text_field: TextField = None,
    vectors: Vectors = None,
    vectors_all: VectorsAll = False,
    lm: LanguageModel = None,
    init_encoder: InitEncoder = None,
    gazetteers: Gazetteers = None,
    clusters: Clusters = None,
) -> None:
    """Train a student on a gold corpus, and on raw text that other models label.

    Example: [bold]tagger distill news.txt --teacher models/1 --teacher models/2 --gold train.conll -o models/s[/bold]

    Labels from elsewhere: [bold]tagger distill --silver gliner.jsonl -o models/s[/bold]
    """
    from rich.console import Console

    from tagger.api import distillation, training
    from tagger.api.sources import require_torch
    from tagger.cli.messages import tell_of_directory, warn

    refuse_together("--init-encoder", init_encoder, ("--vectors", vectors))
    talk = Console(stderr=True, highlight=False)
    texts, teachers = texts or [], teachers or []
    for each in teachers:
        training.refuse_overwriting(each, output, "--output")
    training.refuse_occupied(output, resume=resume, overwrite=overwrite)
    chosen = choose_settings(Config, config, given, overrides)
    require_torch("distilling")
    from tagger.training.start import Start

    start = Start(None, init_encoder, vectors, vectors_all, lm, gazetteers or (), clusters or ())
    note = partial(warn, talk)
    collected, labelled = distillation.prepare_pupil(
        gold, silver or [], dev, test, chosen, start, output, note
    )
    reading = distillation.TextReading(input_format, language, text_field)
    lessons = distillation.prepare_lessons(collected, texts, teachers, reading, note, silver=labelled)
    describe_corpora(talk, collected, Path(collected.data.train.path), start, output)
    tell_of_directory(talk, output, resume=resume)
    run = partial(
        distillation.run_distillation, collected, lessons, output=output, resume=resume, overwrite=overwrite
    )
    settings = collected.data.config
    show_result(talk, follow_training(talk, settings, run, teaching_shown(talk, len(teachers))), as_json)
