"""How a corpus is read in any format, and how texts with spans become one: tags in IOB2, every misfit counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby

from tagger.errors import DataError
from tagger.text import conll
from tagger.text.conll import DEFAULT_COLUMNS, Columns, Corpus, Sentence
from tagger.text.conll.surface import join_sources
from tagger.text.counting import Oddities
from tagger.text.files import FilePath, display_name
from tagger.text.formats.alignment import Cutting, Document, Report, align
from tagger.text.formats.wording import are_words, drop_word_type
from tagger.text.schemes import Scheme
from tagger.text.tokenizer import Mode

Warn = Callable[[str], None]
Documents = Iterable[Sentence | Document]


class Misaligned(StrEnum):
    """What becomes of a span that does not meet token boundaries; it is reported in any case."""

    ERROR = "error"
    TRIM = "trim"  # white space at its ends is left out of it; what else does not fit is an error
    SPLIT = "split"  # the tokens it cuts are cut
    SKIP = "skip"  # it is left out
    UNKNOWN = "unknown"  # it is left out, and the tags of its tokens are `?`

    @property
    def is_strict(self) -> bool:
        """Say whether a span that cuts a token is an error."""
        return self in (Misaligned.ERROR, Misaligned.TRIM)


class Unlabelled(StrEnum):
    """What becomes of a text that nobody labelled; it is counted in any case."""

    SKIP = "skip"  # it is left out
    UNKNOWN = "unknown"  # every tag is `?`
    OUTSIDE = "O"  # it is taken for one without any span


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusSettings:
    """How a corpus is to be read.

    Args:
        columns: of a column file; the names of tags that are numbers are those of records, too.
        scheme: of its tags; detected where None.
        encoding: of the file.
        mode: how a text without tokens is cut into them.
        lines: a line of such a text is a sentence; else sentences are found.
        misaligned: what becomes of spans that do not fit tokens.
        rename: tags to take for others before their scheme is found.
        unlabelled: what becomes of texts that nobody labelled.
        annotator: whose labels are read where several people's differ; `first`, or `all`, each as a text of its own.
        offsets: what the offsets of spans count (`records.UNITS`); None: code points, or what the texts that stand
            with the spans prove.
        is_silver: whether the labels are a machine's: predictions count as labels, and scores are kept.
        text_field: the key of a record that holds its text, dots between keys of objects inside each other; None: one
            of the usual.
    """

    columns: Columns = DEFAULT_COLUMNS
    scheme: Scheme | None = None
    encoding: str = "utf-8"
    mode: Mode = Mode.WORDS
    lines: bool = False
    misaligned: Misaligned = Misaligned.ERROR
    rename: Mapping[str, str] = field(default_factory=dict)
    unlabelled: Unlabelled = Unlabelled.SKIP
    annotator: str | None = None
    offsets: str | None = None
    text_field: str | None = None
    is_silver: bool = False

    @property
    def cutting(self) -> Cutting:
        """Return how texts are cut."""
        return Cutting(
            self.mode,
            self.lines,
            split=self.misaligned is Misaligned.SPLIT,
            trim=self.misaligned is not Misaligned.ERROR,
            open=self.misaligned is Misaligned.UNKNOWN,
        )


def align_corpus(
    path: FilePath,
    read: Callable[[Report, Warn], Documents],
    settings: CorpusSettings,
    report: Report,
) -> Corpus:
    """Return a corpus of documents whose spans are aligned with tokens.

    Args:
        path: of the corpus, for messages.
        read: yields its documents, or sentences that have tags already; it gets a place for the faults of spans
            and one for warnings.
        settings: how texts are cut, and the scheme of tags that are there already.
        report: called for each span that does not meet token boundaries, before the error they amount to.

    Raises:
        DataError: spans don't fit tokens, and nothing was said about them; or what `read` raises.
    """
    faults = 0

    def note_fault(fault: DataError) -> None:
        nonlocal faults
        faults += 1
        report(fault)

    def sentences() -> Iterator[Sentence]:
        for is_aligned, group in groupby(
            read(note_fault, warnings.append), lambda found: isinstance(found, Sentence)
        ):
            if is_aligned:
                yield from join_sources(each for each in group if isinstance(each, Sentence))
                continue
            documents = [each for each in group if isinstance(each, Document)]
            cutting = settings.cutting
            if are_words(documents):
                documents, cutting = drop_word_type(documents), cutting._replace(mode=Mode.CHARACTERS)
            for document in documents:
                yield from align(document, cutting, note_fault, oddities.note)

    warnings: list[str] = []
    oddities = Oddities()
    aligned = tuple(sentences())
    if faults and settings.misaligned.is_strict:
        found = "1 span does" if faults == 1 else f"{faults} spans do"
        ways = (
            "trim, split, skip or unknown"
            if settings.misaligned is Misaligned.ERROR
            else "split, skip or unknown"
        )
        raise DataError(f"{found} not fit tokens; mend them, or say --misaligned {ways}", path)
    corpus = Corpus(display_name(path), aligned, Scheme.IOB2, "", (*warnings, *oddities.lines()))
    return conll.resolve_scheme(corpus, settings.scheme, rename=settings.rename)
