"""`tagger drift`: what a model meets beside what it was scored on, without gold labels."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.options import (
    READING,
    RESULTS,
    AsJson,
    Device,
    FailFast,
    InputEncoding,
    InputFormat,
    Inputs,
    InvalidBytes,
    JoinLines,
    LabellingWorkers,
    Language,
    Model,
    ModelFeatureColumns,
    ModelTokenColumn,
    Quiet,
    TextField,
    Texts,
    parsed_by,
)
from tagger.text.counting import count_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tagger.runtime.tagger import Tagger
    from tagger.runtime.workers import Answer
    from tagger.scoring.drift import Drift, Measured
    from tagger.scoring.profile import Profile
    from tagger.text.passages import Event


def _parse_threshold(typed: str) -> float:
    from tagger.errors import ConfigError

    try:
        value = float(typed)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise ConfigError(f"found {typed}, expected a number above 0")
    return value


_Reference = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="What to compare with: text (a file or folder, read like INPUT), or a profile: a profile.json, or what "
        "--json printed before. Else what MODEL was scored on: test, or dev.",
        rich_help_panel=READING,
    ),
]
_Threshold = Annotated[
    float,
    typer.Option(
        help="Population stability index from which something has moved; 0.1 is little, 0.2 worth a look.",
        rich_help_panel=RESULTS,
        **parsed_by(_parse_threshold, "X"),
    ),
]


def drift(
    model: Model,
    inputs: Inputs = None,
    reference: _Reference = None,
    threshold: _Threshold = 0.2,
    input_format: InputFormat = "auto",
    texts: Texts = None,
    workers: LabellingWorkers = 1,
    encoding: InputEncoding = "utf-8",
    invalid_bytes: InvalidBytes = "strict",
    language: Language = "en",
    text_field: TextField = None,
    token_column: ModelTokenColumn = None,
    feature_columns: ModelFeatureColumns = None,
    join_lines: JoinLines = False,
    fail_fast: FailFast = False,
    device: Device = "cpu",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare what a model meets with what it was scored on: no labels are needed, and no text is kept.

    Exit code 1 where something has moved beyond the threshold, as `tagger check` has it; 0 where nothing has, and
    where there is too little text to tell.

    Example: [bold]tagger drift models/en letters/ --json > november.json[/bold]
    """
    from rich.console import Console

    from tagger.api.drift import answer_events, compare, profile_answers, read_own_profile, read_profile
    from tagger.api.sources import opened
    from tagger.cli.inputs import InputFiles
    from tagger.cli.messages import command, hint
    from tagger.cli.waiting import Waiting, are_typed
    from tagger.scoring.drift import Verdict
    from tagger.text.objects import dump_json
    from tagger.text.passages import read_passages, split_texts

    talk = Console(stderr=True, highlight=False)
    reading = InputFiles(
        {
            "format": input_format,
            "encoding": encoding,
            "errors": invalid_bytes,
            "language": language,
            "text_field": text_field,
            "joins_lines": join_lines,
            "tells_format": not quiet,
        },
        token_column,
        feature_columns or [],
        fail_fast,
        talk,
    )
    sources = inputs or ([] if texts else ["-"])
    if str(reference) == "-" and "-" in sources:
        raise typer.BadParameter("the standard input is read as INPUT already", param_hint="--reference")
    files = reading.find_files(sources)
    known = None if reference is None else read_profile(reference)
    processes = workers or os.cpu_count() or 1
    on_fault = reading.on_fault if len(files) + len(texts or []) > 1 else None
    is_followed = not quiet and not are_typed(files)
    with (
        opened(model, device=device, workers=processes) as tagger,
        Waiting(talk, is_wanted=is_followed) as waiting,
    ):

        def answers(events: Iterable[Event]) -> Iterator[Answer | None]:
            return answer_events(tagger, events, processes)

        if reference is None:
            known = read_own_profile(tagger)
        settings = reading.settings_for(tagger)
        if known is None:
            places = waiting.watch([str(reference)])
            events = read_passages(places, settings, tagger.scope, note=reading.note)
            known = str(reference), profile_answers(tagger, waiting.follow(events, answers))
        events = chain(
            split_texts(texts or [], settings, tagger.scope),
            read_passages(waiting.watch(files), settings, tagger.scope, note=reading.note, on_fault=on_fault),
        )
        now = profile_answers(tagger, waiting.follow(events, answers))
    found = compare(tagger, now, known[1], known[0], threshold)
    if as_json:
        typer.echo(dump_json(found.as_dict()))
    else:
        _render(Console(highlight=False), found, tagger)
        if found.verdict is Verdict.MOVED and not quiet and inputs:
            chosen = command("next", model, *inputs, "--output", "FILE")
            hint(talk, f"{chosen} chooses the sentences of it that are best labelled")
    if reading.faults or found.verdict is Verdict.MOVED:
        raise typer.Exit(1)


def _render(console: Console, found: Drift, tagger: Tagger) -> None:
    from tagger.cli.messages import say

    reference = f"reference: {found.reference_name}, {_describe_size(found.reference)}"
    say(console, f"{reference}; now: {_describe_size(found.now)}")
    console.print(_draw_measures(found, tagger))
    say(console, _describe(found, tagger), _STYLES[found.verdict])


def _draw_measures(found: Drift, tagger: Tagger) -> Table:
    """Draw a row for each measure and, below that of spans, for each type."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from tagger.cli.cells import Name
    from tagger.cli.tables import MOST_TYPES

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("")
    for heading in ("reference", "now", "PSI", "chance"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for each in found.measures:
        style = _STYLES[each.verdict] if each.verdict else ""
        numbers = [
            f"{value:.3f}" if value is not None and isfinite(value) else ""
            for value in (each.psi, each.chance)
        ]
        verdict = Text(each.verdict or "can't be compared", style=style)
        unit = "" if each.name in _PLAIN else ", %"
        table.add_row(_name(each, tagger) + unit, *_show(each), *numbers, verdict)
        if each.name == "spans":
            shown = sorted(found.types.items(), key=lambda row: -max(row[1]))[:MOST_TYPES]
            for type_, rates in sorted(shown) if len(found.types) > 1 else ():
                table.add_row(Name(f"  {type_}", "dim"), *(f"{rate:.2f}" for rate in rates), "", "", "")
    return table


def _describe_size(profile: Profile) -> str:
    return f"{count_of(profile.sentences, 'sentence')}, {count_of(profile.tokens, 'token')}"


def _describe(found: Drift, tagger: Tagger) -> str:
    """Say in a sentence what all measures come to."""
    from tagger.scoring.drift import Verdict

    if found.moved:
        first, *others = found.moved
        listed = f", then {', '.join(_name(each, tagger) for each in others)}" if others else ""
        values = " to ".join(value for value in _show(first) if value)
        return f"moved: {_name(first, tagger)} most, from {values} (PSI {first.psi:.2f}){listed}"
    if found.verdict is Verdict.UNCLEAR:
        needed = found.sentences_needed
        advice = (
            f"give about {needed:,} or more"
            if needed is not None
            else f"the reference has only {count_of(found.reference.sentences, 'sentence')}"
        )
        return f"too little text to tell: {count_of(found.now.sentences, 'sentence')}; {advice}"
    little = [_name(each, tagger) for each in found.measures if each.verdict is Verdict.SHIFTED]
    if little:
        return f"moved a little, below the threshold of {found.threshold:g}: {', '.join(little)}"
    return f"as before: nothing has moved beyond {found.threshold / 2:g} and chance"


def _name(measured: Measured, tagger: Tagger) -> str:
    from tagger.scoring.profile import DOUBTFUL
    from tagger.text.schemes import OUTSIDE, Scheme, name_type

    model = tagger.model
    token = "character" if model.config.corpus.mode == "characters" else "token"
    is_bare = model.scheme is Scheme.BARE
    span = "label" if is_bare else name_type("", model.task)
    names_all = is_bare and OUTSIDE not in model.lexicon.tags
    return {
        "unknown_words": "unknown words",
        "unknown_bigrams": "unknown bigrams",
        "unknown_characters": "unknown characters",
        "sentence_length": f"{token}s in a sentence",
        "spans": f"{span}s per 100 {token}s",
        "confidence": "mean confidence",
        "doubtful": f"{span}s below {DOUBTFUL:g}",
        "expected_f1": "expected accuracy" if names_all else "expected F1",
    }[measured.name]


def _show(measured: Measured) -> tuple[str, str]:
    """Return both values as they are printed."""
    factor, digits = _PLAIN.get(measured.name, (100, 2))
    reference, now = (
        "" if value is None else f"{factor * value:.{digits}f}"
        for value in (measured.reference, measured.now)
    )
    return reference, now


_PLAIN = {
    "sentence_length": (1, 1),
    "spans": (1, 2),
    "confidence": (1, 3),
}  # others are per cent; their digits
_STYLES = {
    "as before": "green",
    "moved a little": "yellow",
    "moved": "bold red",
    "too little text": "yellow",
}
