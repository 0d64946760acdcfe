"""What `tagger convert` does between its options: a corpus read, its tags rewritten, losses said, all written."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from tagger.errors import ConfigError, DataError
from tagger.text import schemes
from tagger.text.counting import Note, count_of
from tagger.text.escape import escape_controls
from tagger.text.files import FilePath, display_name
from tagger.text.output import check_output, open_binary, write_text
from tagger.text.schemes import Scheme, Task

if TYPE_CHECKING:
    from tagger.text.conll import Corpus, CorpusStream, Sentence
    from tagger.text.conll.layout import Layout
    from tagger.text.formats import CorpusSettings, OutputSettings
    from tagger.text.formats.alignment import Report

_HAVE_TAGS = ("conll", "conllu", "jsonl", "tags")  # the others hold spans alone, so no token that is O


def write_target(
    corpus: Corpus | CorpusStream,
    target: str,
    forms: FormatPair,
    settings: CorpusSettings,
    output: OutputSettings,
    path: FilePath,
    warn: Callable[[str], None],
) -> None:
    """Write the corpus, and warn of what is left out; columns of the file at `path` stay where their format does."""
    from tagger.text import conll, formats

    layout = _find_rewritable(corpus, forms, settings, output)
    if layout:
        pieces = conll.rewrite_tags(path, layout, corpus.sentences, settings.encoding)
    else:
        for lost in _describe_lost_columns(corpus.layout, forms.target, settings):
            warn(lost)
        form = formats.FORMATS[forms.target]
        if isinstance(corpus, conll.Corpus) and form.write_files:
            form.write_files(corpus, Path(target), output.note)
            return
        if form.save:
            with open_binary(target) as stream:
                form.save_corpus(corpus, output, stream)
            return
        pieces = form.format_corpus(corpus, output)
    if target == "-":
        is_shown = sys.stdout.isatty()
        sys.stdout.writelines(map(escape_controls, pieces) if is_shown else pieces)
    else:
        write_text(target, pieces)


def _find_rewritable(
    corpus: Corpus | CorpusStream, forms: FormatPair, settings: CorpusSettings, output: OutputSettings
) -> Layout | None:
    """Return the layout with which tags are put into the rows as they are; None where rows are written anew."""
    layout = corpus.layout
    if layout is None or forms.source != forms.target or settings.columns.cuts_words:
        return None
    if layout.is_conllu and corpus.task.cuts_words:
        return None  # its tags belong to characters, which have no rows
    if layout.is_conllu:
        return layout.with_tag(output.column) if output.column else layout
    keeps_rows = not settings.columns.features and settings.columns.blank_tokens != "skip"
    return layout if keeps_rows and not layout.is_spreadsheet else None


def _describe_lost_columns(layout: Layout | None, target: str, settings: CorpusSettings) -> Iterator[str]:
    """Yield what becomes of the columns of a file that are neither tokens nor tags."""
    from tagger.text.formats import FORMATS

    if layout is None:
        return
    kept = layout.wanted if FORMATS[target].has_columns else layout.wanted[:2]
    lost = [column for column in range(layout.width) if column not in kept]
    if layout.is_conllu:
        yield f"the other columns of CoNLL-U are left out: {target} has no place for them"
    elif lost and not (target == "conll" and settings.columns.features):
        columns = f"column{'s' if len(lost) > 1 else ''} {', '.join(map(str, lost))}"
        way = f"; --columns {lost[0]} keeps one as XPOS" if target == "conllu" and len(kept) < 3 else ""
        yield f"{columns} of IN left out: {target} has no place for {'them' if len(lost) > 1 else 'it'}{way}"


class FormatPair(NamedTuple):
    """Names of formats (`tagger.text.formats.FORMATS`)."""

    source: str
    target: str


def choose_forms(source: str, target: str, input_format: str | None, output_format: str | None) -> FormatPair:
    """Return the formats asked for, else those that the names suggest."""
    from tagger.text import formats

    found = input_format or formats.guess_format(source)
    wanted = output_format or (found if target == "-" else formats.guess_format(target, to_write=True))
    forms = FormatPair(found, wanted)
    if formats.FORMATS[forms.target].write_files and target == "-":
        raise typer.BadParameter("brat is a pair of files; name one", param_hint="OUT")
    if formats.FORMATS[forms.target].save and target == "-":
        raise typer.BadParameter(f"{forms.target} is no text to be printed; name a file", param_hint="OUT")
    return forms


def read_source(
    path: FilePath, forms: FormatPair, settings: CorpusSettings, note: Note, report: Report
) -> Corpus | CorpusStream:
    """Read the corpus: as a stream where columns become anything but brat, which is written by documents."""
    from tagger.text import formats
    from tagger.text.formats.columns import stream_columns

    if formats.FORMATS[forms.source].has_columns and not formats.FORMATS[forms.target].write_files:
        return stream_columns(path, settings, note)
    return formats.read_corpus(path, forms.source, settings, report)


def check_targets(source: str, target: str, *, is_pair: bool) -> None:
    """Refuse to write over the corpus, be it by another name."""
    place, from_ = Path(target), Path(source)
    if is_pair and place.suffix not in (".ann", ".txt"):
        folder = from_ if from_.is_dir() else from_.parent
        if (
            source != "-"
            and place.is_dir()
            and place.samefile(folder)
            and from_.suffix in ("", ".ann", ".txt")
        ):
            raise DataError("is also read, expected another folder to write to; choose another OUT", target)
        return
    inputs: list[FilePath] = [source]
    if from_.is_dir():
        inputs = [*from_.rglob("*")]
    elif from_.suffix in (".ann", ".txt"):  # either may stand for a pair of files
        inputs = [from_.with_suffix(".ann"), from_.with_suffix(".txt")]
    for output in [place.with_suffix(".txt"), place.with_suffix(".ann")] if is_pair else [place]:
        check_output(output, inputs, "OUT")


@contextmanager
def spooled(source: str) -> Iterator[str]:
    """Give a path to read from, twice if need be: a pipe is laid in a temporary file."""
    if source != "-" and not Path(source).is_fifo():
        yield source
        return
    # The name is chosen before the file is there: wherever a signal ends the command, the file goes.
    spool = Path(tempfile.gettempdir()) / f"tagger-{uuid.uuid4().hex}"
    try:
        with (
            nullcontext(sys.stdin.buffer) if source == "-" else Path(source).open("rb") as stream,
            open(spool, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as copy,
        ):
            shutil.copyfileobj(stream, copy)
        yield str(spool)
    except DataError as error:
        error.path = display_name(source)
        raise
    finally:
        spool.unlink(missing_ok=True)


def describe(corpus: Corpus | CorpusStream, target: Scheme) -> Iterator[str]:
    """Yield how the tags were read, and how they are written."""
    from tagger.text.conll import Corpus

    count = len(corpus.sentences) if isinstance(corpus, Corpus) else corpus.count
    yield f"{count_of(count, 'sentence')}, {corpus.scheme} ({corpus.evidence})"
    if target is not corpus.scheme:
        yield f"written as {target}{_describe_merging(corpus, target)}"


def describe_losses(corpus: Corpus | CorpusStream, target: Scheme, form: str) -> Iterator[str]:
    """Yield how many bare labels `O` mean less where they are written."""
    if corpus.scheme is not Scheme.BARE or (target is Scheme.BARE and form in _HAVE_TAGS):
        return
    count = sum(sentence.tags.count(schemes.OUTSIDE) for sentence in corpus.sentences)
    if count:
        place = form if target is Scheme.BARE else target
        labelled = f"{count_of(count, 'token')} labelled O, which is no label in {place}"
        yield f"{labelled}; --rename O=LABEL keeps it, --scheme IO if it is none"


def _describe_merging(corpus: Corpus | CorpusStream, target: Scheme) -> str:
    """Say how many spans are lost: in IO one that touches another of its type goes on with it."""
    if target is not Scheme.IO:
        return ""
    touching = sum(schemes.count_touching(each.tags, corpus.scheme) for each in corpus.sentences)
    return (
        f"; {count_of(touching, 'span')} became one with the span before, of the same type"
        if touching
        else ""
    )


def convert_tags(corpus: Corpus | CorpusStream, target: Scheme) -> Corpus | CorpusStream:
    """Return the corpus in another scheme; in its own it stays as it is.

    Raises:
        ConfigError: its words have no types, of which alone the tags of that scheme are made.
    """
    from tagger.text.conll import Corpus, Rereadable

    if target is corpus.scheme:
        return corpus
    if corpus.task is Task.WORDS and not target.has_prefixes:
        raise ConfigError(
            f"found {target}, whose tags are types, but these words have none; choose BMES or IOB2", "--to"
        )

    def change(sentence: Sentence) -> Sentence:
        return replace(sentence, tags=tuple(schemes.convert(sentence.tags, corpus.scheme, target)))

    if isinstance(corpus, Corpus):
        return replace(corpus, sentences=tuple(map(change, corpus.sentences)), scheme=target)
    return replace(corpus, sentences=Rereadable(lambda: map(change, corpus.sentences)), scheme=target)
