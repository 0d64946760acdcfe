"""`tagger inspect`: what is inside a model directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tagger.cli.options import RESULTS, AsJson, Model
from tagger.text.counting import count_of, shape_of
from tagger.text.objects import dump_json

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from tagger.runtime.inspection import Inspection, Move, Transitions

_MEASURES = {"words": "word F1", "joint": "joint F1"}
_MARGIN = 4  # columns of a row's number in the grid


def inspect(
    model: Model,
    as_json: AsJson = False,
    svg: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the matrix of transitions as an SVG file.", rich_help_panel=RESULTS
        ),
    ] = None,
    label_studio: Annotated[
        bool,
        typer.Option(
            "--label-studio",
            help="Print the labelling configuration with the model's types, to paste into a project of Label Studio.",
            rich_help_panel=RESULTS,
        ),
    ] = False,
    top: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="Strongest and weakest transitions to list.", rich_help_panel=RESULTS
        ),
    ] = 10,
) -> None:
    """Show what a model has learned: labels, sizes, scores, training, and the transitions between tags.

    Example: [bold]tagger inspect models/english --svg transitions.svg[/bold]
    """
    from rich.console import Console

    from tagger.errors import DataError
    from tagger.runtime import inspection
    from tagger.runtime.directory import FILES
    from tagger.text.formats.labelling import write_labelling
    from tagger.text.output import check_output
    from tagger.text.tokenizer import Mode

    if label_studio and as_json:
        raise typer.BadParameter("--label-studio prints XML; leave one of the two out", param_hint="--json")
    if svg is not None:
        check_output(svg, [model / name for name in FILES], "--svg")
    found = inspection.inspect(model)
    if svg is not None:
        if found.transitions is None:
            raise DataError(
                "this model's decoder is softmax, which has no transitions to draw; leave out --svg", model
            )
        inspection.write(found.transitions, svg)
    if label_studio:
        by_word = found.config.corpus.mode == Mode.WORDS.value
        typer.echo("".join(write_labelling(found.types, by_word=by_word)), nl=False)
        return
    if as_json:
        typer.echo(dump_json(found.as_dict()))
        return
    console = Console(highlight=False)
    console.print(_facts(found))
    if found.transitions is not None:
        console.print(_extremes(found.transitions.moves, top))
        console.print(_grid(found.transitions, console.width))


def _facts(found: Inspection) -> Table:
    from rich.table import Table

    from tagger.cli.tables import printable

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _lines(found):
        table.add_row(name, printable(value))
    return table


def _lines(found: Inspection) -> Iterator[tuple[str, str]]:

    encoder = found.config.encoder
    yield "model", found.directory
    yield "labels", f"{', '.join(found.types)} ({found.config.corpus.scheme}, {found.config.corpus.mode})"
    yield "tags", f"{len(found.tags)}"
    yield "encoder", f"{encoder.kind}, {shape_of(encoder.layers, encoder.directions, encoder.hidden)}"
    yield "decoder", found.config.decoder.kind
    least = found.min_confidence
    left_out = f"; names below {least:.2f} are left out" if least else ""
    yield "confidences", f"temperature {found.temperature:.2f}{left_out}"
    if found.agreement:
        yield "repeated words", f"have a say of {found.agreement:.1f} in each other's labels"
    parts = ", ".join(f"{name} {count:,}" for name, count in found.parameters.items())
    yield "parameters", f"{sum(found.parameters.values()):,} ({parts})"
    yield "tables", ", ".join(f"{count:,} {name}" for name, count in found.vocabulary.items() if count > 2)
    for tree in found.clusters:
        words, classes = count_of(tree.words, "word"), count_of(tree.classes, "class", "classes")
        yield "clusters", f"{tree.name}: {words} in {classes}"
    for part, scores in (found.scores or {}).items():
        yield _score_line(found, part, scores)
    if found.training is not None:
        training = found.training
        yield (
            "training",
            f"epoch {training.best_epoch} of {training.epochs} is kept; {training.seconds:,.0f} s; "
            f"last loss {'not finite' if training.loss is None else format(training.loss, '.4f')}",
        )


def _score_line(found: Inspection, part: str, scores: dict[str, Any]) -> tuple[str, str]:
    """Write a model's score on a corpus, of words and of parts of speech with what is known of new words."""
    from tagger.cli.tables import percent
    from tagger.text.schemes import Scheme

    is_bare = found.config.corpus.scheme == Scheme.BARE
    measure = "accuracy" if is_bare else _MEASURES.get(found.task.value, "F1")
    unit = "token" if is_bare else "word" if found.task.cuts_words else "span"
    words = scores.get("words", {})
    line = percent(scores["micro"]["f1"])
    if found.task.value == "joint" and words.get("f1") is not None:
        line += f", of words alone {percent(words['f1'])}"
    if words.get("oov_recall") is not None:
        line += f", {'accuracy' if is_bare else 'recall'} of unseen {unit}s {percent(words['oov_recall'])},"
    return f"{part} {measure}", f"{line} over {count_of(scores['micro']['support'], unit)}"


def _extremes(moves: list[Move], top: int) -> Table:
    """List the strongest moves and, beside them, the weakest."""
    from rich import box
    from rich.table import Table

    from tagger.cli.cells import Name

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("strongest", "weakest"):
        table.add_column(heading)
        table.add_column("score", justify="right", no_wrap=True)
    for strong, weak in zip(moves[:top], moves[::-1][:top], strict=True):
        names = (Name(f"{move.source} → {move.target}") for move in (strong, weak))
        table.add_row(next(names), f"{strong.score:+.3f}", next(names), f"{weak.score:+.3f}")
    return table


def _grid(transitions: Transitions, width: int) -> Text:
    """Draw the matrix in colours, two characters a cell, signs for those who see none."""
    from rich.text import Text

    from tagger.cli.cells import shorten
    from tagger.cli.tables import printable
    from tagger.runtime.inspection import shade

    count = len(transitions.targets)
    longest = width - _MARGIN - 2 * count - 2
    if longest < 1:
        return Text(
            f"A grid of {count} columns needs {_MARGIN + 2 * count + 3} characters; see --svg for the matrix."
        )
    grid = Text("To the tag (column) from the tag (row); ++ favoured, -- disfavoured, blank forbidden\n")
    numbers = range(1, count + 1)
    tens = "".join(f"{column // 10 if column % 10 == 0 else '':>2}" for column in numbers)
    ones = "".join(f"{column % 10:>2}" for column in numbers)
    grid.append("".join(f"{'':{_MARGIN}}{digits.rstrip()}\n" for digits in (tens, ones) if digits.strip()))
    largest = transitions.largest
    for row, (source, scores) in enumerate(zip(transitions.sources, transitions.scores, strict=True)):
        grid.append(f"{row:3d} ")
        for score in scores:
            if score is None:
                grid.append("  ")
                continue
            red, green, blue = shade(score, largest)
            ink = "black" if abs(score) < 0.6 * largest else "white"
            grid.append(_sign(score / largest), style=f"{ink} on rgb({red},{green},{blue})")
        grid.append(" ").append(printable(shorten(source, longest)))
        grid.append("\n")
    return grid.append(
        f"{'':{_MARGIN}}columns are numbered as rows; column {count} is the end of the sentence"
    )


def _sign(share: float) -> str:
    """Return two characters for a score as a share of the largest."""
    sign = "+" if share > 0 else "-"
    return sign * 2 if abs(share) > 2 / 3 else f"{sign} " if abs(share) > 1 / 3 else "· "
