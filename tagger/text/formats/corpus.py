"""How a corpus is read in any format, and how texts with spans become one: tags in IOB2, every misfit counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tagger.errors import DataError
from tagger.text import conll
from tagger.text.conll import DEFAULT_COLUMNS, Columns, Corpus, Sentence
from tagger.text.files import display_name
from tagger.text.formats.alignment import Cutting, Document, Report, align
from tagger.text.schemes import Scheme
from tagger.text.tokenizer import Mode

Warn = Callable[[str], None]
Documents = Iterable[Sentence | Document]


class Misaligned(StrEnum):
    """What becomes of a span that does not meet token boundaries; it is reported in any case."""

    ERROR = "error"
    SPLIT = "split"  # the tokens it cuts are cut
    SKIP = "skip"  # it is left out


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusSettings:
    """How a corpus is to be read.

    Args:
        columns: of a column file.
        scheme: of its tags; detected where None.
        encoding: of the file.
        mode: how a text without tokens is cut into them.
        lines: a line of such a text is a sentence; else sentences are found.
        misaligned: what becomes of spans that do not fit tokens.
        rename: tags to take for others before their scheme is found.
    """

    columns: Columns = DEFAULT_COLUMNS
    scheme: Scheme | None = None
    encoding: str = "utf-8"
    mode: Mode = Mode.WORDS
    lines: bool = False
    misaligned: Misaligned = Misaligned.ERROR
    rename: Mapping[str, str] = field(default_factory=dict)

    @property
    def cutting(self) -> Cutting:
        """Return how texts are cut."""
        return Cutting(self.mode, self.lines, self.misaligned is Misaligned.SPLIT)


def align_corpus(
    path: str,
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
        for found in read(note_fault, warnings.append):
            if isinstance(found, Sentence):
                yield found
            else:
                yield from align(found, settings.cutting, note_fault)

    warnings: list[str] = []
    aligned = tuple(sentences())
    if faults and settings.misaligned is Misaligned.ERROR:
        found = "1 span does" if faults == 1 else f"{faults} spans do"
        raise DataError(f"{found} not fit tokens; mend them, or say --misaligned split or skip", path)
    corpus = Corpus(display_name(path), aligned, Scheme.IOB2, "", tuple(warnings))
    return conll.resolve_scheme(corpus, settings.scheme, rename=settings.rename)
