"""Options that commands share, each declared once: name, value, help, and the heading under which help lists it.

A default stands with the command: `check` takes the last column for the tag, `evaluate` the model's. Options that
set a field of the settings are in `flags`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

from tagger.errors import ConfigError
from tagger.text.files import find_decoder
from tagger.text.schemes import Scheme, Task, parse_scheme

READING, RESULTS = "Reading the files", "Results"
COLUMN = (
    "an index from 0 (-1 is the last), or a name where the file or CoNLL-U has names, as UPOS or MISC:NER"
)


def one_of(choices: Iterable[str], former: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """Return what makes `typer.Option` take one of several words, list them in help and complete them in a shell.

    Args:
        former: words that scripts may still say, and what they are called now.
    """
    words = [str(choice) for choice in choices]

    def parse(typed: str) -> str:
        typed = former.get(typed, typed)
        if typed in words:
            return typed
        near = difflib.get_close_matches(typed.lower(), words, 1, 0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise typer.BadParameter(f"found {typed!r}, expected {', '.join(words[:-1])} or {words[-1]}{hint}")

    return {"parser": parse, "metavar": f"[{'|'.join(words)}]", "autocompletion": lambda: words}


def parsed_by(parse: Callable[[str], Any], metavar: str) -> dict[str, Any]:
    """Return what makes `typer.Option` read its value by a function of the library; a ConfigError is wrong usage."""

    def read(typed: Any) -> Any:
        try:
            return parse(typed)
        except ConfigError as error:
            raise typer.BadParameter(error.message) from None

    return {"parser": read, "metavar": metavar}


def output_column(panel: str) -> Any:
    """Return the option that names the column of CoNLL-U in which tags are written."""
    return typer.Option(
        "--output-column",
        help=f"Column of the tag in CoNLL-U, {COLUMN}; UPOS or MISC:NER otherwise.",
        rich_help_panel=panel,
        **parsed_by(_parse_output_column, "COLUMN"),
    )


def _parse_output_column(typed: str) -> str:
    from tagger.text.conll import parse_output_column

    return parse_output_column(typed)


def refuse_together(option: str, value: object, *others: tuple[str, object]) -> None:
    """Refuse options that were given beside another one that brings its own of what they bring.

    Raises:
        BadParameter: one was.
    """
    for other, given in others:
        if value and given:
            raise typer.BadParameter(
                f"what {option} names has its own, or none; leave one of the two out", param_hint=other
            )


def require_together(option: str, value: object, other: str, given: object) -> None:
    """Refuse one of two options that go together without the other.

    Raises:
        BadParameter: one is missing.
    """
    if bool(value) != bool(given):
        raise typer.BadParameter(
            f"{option} and {other} go together; one is missing", param_hint=other if value else option
        )


def check_encoding(name: str) -> str:
    """Return the name of an encoding if text can be read in it."""
    find_decoder(name)
    return name


ENCODING = parsed_by(check_encoding, "NAME")
SCHEMES = "|".join(Scheme)
SCHEME = parsed_by(parse_scheme, f"[{SCHEMES}]")
USUAL_FORMATS = {Task.LABELS: "jsonl", Task.WORDS: "segmented", Task.JOINT: "wordpos"}
"""How sentences that a model labelled are written where nobody says, by what its tags say."""

# Of commands that train
Output = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Directory for the model.")]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with the interrupted run in OUTPUT; with a finished one if --epochs was raised: from its model, "
        "as behind its epochs in a run of so many.",
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace what OUTPUT holds; a finished model stays until the new one is finished."
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Settings in TOML: what `tagger config` prints, or the config.toml of a model.",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.FIELD=VALUE",
        help="Any other setting: --set training.clip_norm=1 (repeatable).",
    ),
]

# Of commands that read labelled corpora
TokenColumn = Annotated[
    str, typer.Option(metavar="COLUMN", help=f"Column of the token: {COLUMN}.", rich_help_panel=READING)
]
TagColumn = Annotated[
    str, typer.Option(metavar="COLUMN", help="Column of the tag, likewise.", rich_help_panel=READING)
]
BLANK_TOKENS = one_of(("error", "skip", "keep"))
BlankTokens = Annotated[
    str,
    typer.Option(
        help="Rows whose token is nothing but blanks: an error, skip them, or keep them.",
        rich_help_panel=READING,
        **BLANK_TOKENS,
    ),
]
TASK = one_of(("auto", *Task))
COMPOUNDS = one_of(("open", "keep"))
ReadingTask = Annotated[
    str,
    typer.Option(
        "--task",
        help="What words are read for: labels of them, words cut out of a text, or joint; auto looks.",
        rich_help_panel=READING,
        **TASK,
    ),
]
Compounds = Annotated[
    str,
    typer.Option(
        help="Brackets around compounds of word/TAG lines: open them, or keep each compound as one word.",
        rich_help_panel=READING,
        **COMPOUNDS,
    ),
]
TAG_NAMES = "Names of tags that are numbers, in their order: O,B-PER,I-PER."


def check_tag_names(names: str) -> str:
    """Return names of tags if each could be written into a column."""
    from tagger.text.conll import parse_names

    parse_names(names)
    return names


TagNames = Annotated[
    str | None,
    typer.Option(help=TAG_NAMES, rich_help_panel=READING, **parsed_by(check_tag_names, "TAG,TAG")),
]
Encoding = Annotated[str, typer.Option(help="Encoding of the files.", rich_help_panel=READING, **ENCODING)]

# Of commands that score
Strict = Annotated[
    bool,
    typer.Option(
        "--strict", help="Count only spans that the scheme spells out in full.", rich_help_panel=RESULTS
    ),
]
TrainingCorpus = Annotated[
    Path | None,
    typer.Option(
        "--train",
        metavar="FILE",
        help="Training corpus, or a list of its words: what is seen and unseen in it is scored apart.",
        rich_help_panel=READING,
    ),
]
Details = Annotated[
    bool,
    typer.Option(
        "--details", help="Show near misses, confusions and scores by length, too.", rich_help_panel=RESULTS
    ),
]
Errors = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="N",
        help="Show the N most frequent kinds of error, with examples.",
        rich_help_panel=RESULTS,
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write a self-contained HTML page with every wrong sentence.",
        rich_help_panel=RESULTS,
    ),
]
Seqeval = Annotated[
    bool,
    typer.Option(
        "--seqeval",
        help="Print the classification report of the package seqeval on the same spans, too.",
        rich_help_panel=RESULTS,
    ),
]

# Of commands that take a trained model
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Model directory.")]
MinConfidence = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        max=1.0,
        metavar="P",
        help="Leave out spans that are less probable; 0: none. If absent, what training chose: half of the dev F1, "
        "or 0 where that cost dev more than chance.",
        rich_help_panel=RESULTS,
    ),
]

# Of commands that read raw text for a model
Inputs = Annotated[
    list[str] | None,
    typer.Argument(metavar="INPUT", help="Files and folders; - or none: the standard input."),
]
InputFormat = Annotated[
    str,
    typer.Option(
        help="auto: what a file's name and beginning say; text: running text; lines: a sentence a line; tokens: "
        "the same, tokens between blanks; segmented: the same, text with blanks in it to a model that cuts words; "
        "wordpos: words with tags, left out; conll: columns; jsonl: JSON objects that hold texts.",
        rich_help_panel=READING,
        **one_of(("auto", "text", "lines", "tokens", "segmented", "wordpos", "conll", "jsonl")),
    ),
]
Texts = Annotated[
    list[str] | None,
    typer.Option("--text", metavar="TEXT", help="A text itself (repeatable).", rich_help_panel=READING),
]
TextField = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Key of JSON objects that holds the text, as data.text; else text, or what is usual.",
        rich_help_panel=READING,
    ),
]
ModelTokenColumn = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Column of the token; else as in training.", rich_help_panel=READING),
]
ModelFeatureColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--feature-column",
        metavar="COLUMN",
        help="Columns that the model reads beside the token (repeatable); else as in training.",
        rich_help_panel=READING,
    ),
]
JoinLines = Annotated[
    bool,
    typer.Option(
        "--join-lines",
        help="Lines of running text are wrapped: blank ones alone end a paragraph.",
        rich_help_panel=READING,
    ),
]
FailFast = Annotated[
    bool,
    typer.Option(
        "--fail-fast",
        help="Stop at the first file that can't be read; else the others are labelled.",
        rich_help_panel=READING,
    ),
]
LabellingWorkers = Annotated[
    int, typer.Option(min=0, metavar="N", help="Processes that label; 0: one per core.")
]
InputEncoding = Annotated[
    str, typer.Option(help="Encoding of the input.", rich_help_panel=READING, **ENCODING)
]
InvalidBytes = Annotated[
    str,
    typer.Option(
        "--invalid-bytes",
        help="strict: an error; replace: by U+FFFD.",
        rich_help_panel=READING,
        **one_of(("strict", "replace")),
    ),
]
Language = Annotated[
    str,
    typer.Option(
        metavar="CODE",
        help="Language of running text, such as de: whose abbreviations end no sentence.",
        rich_help_panel=READING,
    ),
]
Device = Annotated[
    str, typer.Option(help="auto: a GPU if there is one.", **one_of(("auto", "cpu", "cuda", "mps")))
]

Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Say nothing but warnings and errors."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=RESULTS)]
