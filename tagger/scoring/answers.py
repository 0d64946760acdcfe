"""Gold and predicted labels from column files: read, checked to be the same tokens, analysed and compared.

The labels stand in two files, or in two columns of one file as `conlleval` reads them. What they are worth is
the business of its neighbours; this file makes sure that like is compared with like.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from os import fspath
from unicodedata import normalize

from tagger import scoring
from tagger.errors import ConfigError, DataError
from tagger.scoring.report import Analysis, analyse
from tagger.text import schemes
from tagger.text.conll import (
    Columns,
    Compounds,
    Corpus,
    MissingColumnError,
    Sentence,
    liken,
    resolve_scheme,
)
from tagger.text.files import FilePath, display_name, is_stdin, read_text
from tagger.text.formats.annotated import is_annotated, read_labelled
from tagger.text.schemes import LETTERS, OUTSIDE, Detection, Scheme, Task

Column = int | str
_CHUNK_SCHEMES = {Scheme.IOB1, Scheme.IOB2}
_SAME_FILE = "label that very file, and compare again"
_TWO_LABELS = "name the file with the predicted labels, too, or the columns of both labels in this one"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerColumns:
    """Where the labels stand and how they are spelt; columns count from 0, or from the last as -1, or have names."""

    token_column: Column = 0
    gold_column: Column | None = None  # None: the last one, or the last but one where predicted follows it
    predicted_column: Column = -1
    scheme: Scheme | None = None  # of gold; None: detected
    predicted_scheme: Scheme | None = (
        None  # None: that of gold if given, else settled by what the tags look like
    )
    encoding: str = "utf-8"
    task: Task | None = None  # None: found by looking
    compounds: Compounds = "open"

    @property
    def of_gold(self) -> Columns:
        """The columns of a file of gold labels alone."""
        return self._columns(-1 if self.gold_column is None else self.gold_column)

    @property
    def of_answers(self) -> Columns:
        """The columns of a file of predicted labels alone."""
        return self._columns(self.predicted_column)

    def _columns(self, tag: Column) -> Columns:
        return Columns(token=self.token_column, tag=tag, task=self.task, compounds=self.compounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a system answered to the sentences of a gold corpus: tags, how to read them, and what was odd."""

    path: str
    tags: tuple[tuple[str, ...], ...]
    scheme: Scheme
    warnings: tuple[str, ...] = ()


def read_answers(paths: Sequence[FilePath], wanted: AnswerColumns) -> tuple[Corpus, list[Answers]]:
    """Read gold and the answers of any number of systems.

    Args:
        paths: the gold file and then one for each system; a single file holds gold and predicted tags.
        wanted: where the labels stand.

    Raises:
        DataError: a file is faulty, or two don't hold the same tokens: the first place that differs.
    """
    if [fspath(path) for path in paths].count("-") > 1:
        raise ConfigError("found - twice, expected at most one file from the standard input", "score")
    if len(paths) == 1:
        corpus, answers = _read_both(paths[0], wanted)
        return corpus, [answers]
    corpus = read_labelled(
        paths[0],
        columns=wanted.of_gold,
        scheme=wanted.scheme,
        encoding=wanted.encoding,
    )
    answered = [_read_predicted(corpus, path, wanted) for path in paths[1:]]
    return match_all_answers(corpus, answered, wanted.predicted_scheme or wanted.scheme)


def _read_predicted(gold: Corpus, path: FilePath, wanted: AnswerColumns) -> Corpus:
    return read_labelled(
        path,
        columns=wanted.of_answers,
        scheme=wanted.predicted_scheme or wanted.scheme,
        encoding=wanted.encoding,
        likely=likely_scheme(gold.scheme),
        beside=gold.sentences,
    )


def match_all_answers(
    gold: Corpus, answered: Sequence[Corpus], given: Scheme | None = None
) -> tuple[Corpus, list[Answers]]:
    """Return gold and the answers of systems to it, all in one form: words may stand in files of many kinds."""
    likened, *others = liken([gold, *answered])
    return likened, [match_answers(likened, each, given) for each in others]


def likely_scheme(expected: Scheme) -> Scheme:
    """Return how tags without prefixes are read beside those of a scheme where they don't tell it themselves."""
    return Scheme.BARE if expected is Scheme.BARE else Scheme.IO


def match_answers(gold: Corpus, corpus: Corpus, given: Scheme | None = None) -> Answers:
    """Return the tags of a corpus as answers to gold, whose tokens it must hold.

    Args:
        gold: the right labels.
        corpus: the predicted ones.
        given: their scheme; None: that which they look like, unless that of gold will do.

    Raises:
        DataError: the first place where the tokens differ.
    """
    check_same_tokens(gold, corpus)
    tags = tuple(sentence.tags for sentence in corpus.sentences)
    if given:
        return Answers(path=corpus.path, tags=tags, scheme=corpus.scheme)
    return _resolve_scheme(gold, corpus.path, tags, Detection(corpus.scheme, corpus.evidence))


def _read_both(path: FilePath, wanted: AnswerColumns) -> tuple[Corpus, Answers]:
    """Read one file with two columns of tags; it is read once, so that `-` will do."""
    if is_annotated(path):
        raise DataError(
            "found the export of an annotation tool, which has one label a token; name the file with the predicted "
            "labels, too",
            display_name(path),
        )
    columns = Columns(
        token=wanted.token_column,
        tag=-2 if wanted.gold_column is None else wanted.gold_column,
        features=(wanted.predicted_column,),
    )
    try:
        corpus = read_labelled(path, columns=columns, scheme=wanted.scheme, encoding=wanted.encoding)
    except MissingColumnError as error:
        raise DataError(f"{error.message}; {_TWO_LABELS}", error.path, error.line) from error
    layout = corpus.layout
    if layout and layout.is_conllu and (wanted.gold_column is None or wanted.predicted_column == -1):
        raise DataError(
            f"found CoNLL-U, which has one label a token; {_TWO_LABELS}", corpus.path, layout.line
        )
    tags = tuple(sentence.features[0] for sentence in corpus.sentences)
    given = wanted.predicted_scheme or wanted.scheme
    if given is not Scheme.BARE and schemes.are_brackets({tag for row in tags for tag in row}):
        rows = zip(corpus.sentences, tags, strict=True)
        answered = tuple(replace(sentence, tags=row, features=()) for sentence, row in rows)
        return corpus, match_answers(
            corpus, resolve_scheme(replace(corpus, sentences=answered), given), given
        )
    found = Detection(given, "given") if given else schemes.detect(tags)
    meant = schemes.respell({tag for row in tags for tag in row}, found.scheme)
    tags = tuple(tuple(meant.get(tag, tag) for tag in row) for row in tags)
    _check_tags(corpus, tags, found.scheme)
    if given:
        return corpus, Answers(path=corpus.path, tags=tags, scheme=given)
    return corpus, _resolve_scheme(corpus, corpus.path, tags, found)


def _check_tags(corpus: Corpus, tags: Sequence[Sequence[str]], scheme: Scheme) -> None:
    """Raise a DataError at the first predicted tag that the scheme doesn't have."""
    strangers = {tag for tag in {tag for row in tags for tag in row} if not schemes.is_tag(tag, scheme)}
    if not strangers:
        return
    for sentence, row in zip(corpus.sentences, tags, strict=True):
        for token, tag in enumerate(row):
            if tag in strangers:
                raise DataError(
                    f"found predicted tag {tag!r}, expected {schemes.describe_tags(scheme)} ({scheme}); "
                    "mend the tag, or name the column or the scheme of the predicted tags",
                    corpus.path,
                    sentence.line_of(token),
                )


def _resolve_scheme(gold: Corpus, path: str, tags: tuple[tuple[str, ...], ...], found: Detection) -> Answers:
    """Decide how predicted tags are read: in the scheme they look like, unless that of gold will do.

    Few predictions, or faulty ones, look like another scheme than they are in. IOB1 and IOB2 have the same spans,
    so that the tags stay as they are, as conlleval has it; schemes that mark the end of spans share their letters.
    """
    used = {tag for row in tags for tag in row}
    both_chunks = {gold.scheme, found.scheme} == _CHUNK_SCHEMES
    same_letters = "E" in LETTERS[found.scheme] and all(schemes.is_tag(tag, gold.scheme) for tag in used)
    lacks_prefixes = not (gold.scheme.has_prefixes or found.scheme.has_prefixes)
    if lacks_prefixes or used <= {OUTSIDE} or both_chunks or same_letters or _are_gold_labels(used, gold):
        warnings = (
            (
                f"the predicted tags look like {found.scheme} ({found.evidence}) and are read as {gold.scheme}, the "
                "scheme of gold: the spans are the same, token accuracy compares the tags as they stand; "
                "--predicted-scheme overrides",
            )
            if both_chunks and used > {OUTSIDE}
            else ()
        )
        return Answers(path=path, tags=tags, scheme=gold.scheme, warnings=warnings)
    return Answers(path=path, tags=tags, scheme=found.scheme)


def _are_gold_labels(used: set[str], gold: Corpus) -> bool:
    """Say whether gold has tags without prefixes and every predicted tag is one of them."""
    if gold.scheme.has_prefixes:
        return False
    return used <= {tag for sentence in gold.sentences for tag in sentence.tags}


def check_same_tokens(gold: Corpus, predicted: Corpus) -> None:
    """Raise a DataError at the first place where two corpora don't hold the same tokens."""
    for expected, found in zip(gold.sentences, predicted.sentences, strict=False):
        if expected.tokens != found.tokens:
            raise _difference(gold.path, expected, predicted.path, found)
    shorter, longer = sorted((gold, predicted), key=lambda corpus: len(corpus.sentences))
    common = len(shorter.sentences)
    if common < len(longer.sentences):
        raise DataError(
            f"found sentence {common + 1}, which has no counterpart: {shorter.path} ends after {common}; "
            f"expected the same sentences in both files: {_SAME_FILE}",
            longer.path,
            longer.sentences[common].line,
        )


def _difference(gold_path: str, expected: Sentence, path: str, found: Sentence) -> DataError:
    pairs = zip(expected.tokens, found.tokens, strict=False)
    shared = min(len(expected), len(found))
    place = next((i for i, (left, right) in enumerate(pairs) if left != right), shared)
    line = expected.line_of(min(place, len(expected) - 1))
    texts = ["".join(each.tokens) for each in (expected, found)]
    if texts[0] == texts[1]:
        way = "say --task joint to compare words that were cut otherwise"
    elif len({normalize("NFKC", text) for text in texts}) == 1:
        way = "the characters are of other widths, and a tagger must leave them as they are"
    else:
        way = _SAME_FILE
    return DataError(
        f"found {_describe(found, place)} where {gold_path}:{line} has {_describe(expected, place)}; "
        f"expected the same tokens in both files: {way}",
        path,
        found.line_of(min(place, len(found) - 1)),
    )


def _describe(sentence: Sentence, place: int) -> str:
    if place < len(sentence):
        return f"token {sentence.tokens[place]!r}"
    return f"the end of the sentence (after {sentence.tokens[-1]!r})"


def analyse_answers(
    gold: Corpus, answers: Answers, *, strict: bool = False, training_surfaces: AbstractSet[str] | None = None
) -> Analysis:
    """Compute every fact about the answers of one system."""
    return analyse(
        gold.sentences,
        answers.tags,
        gold.scheme,
        predicted_scheme=answers.scheme,
        strict=strict,
        training_surfaces=training_surfaces,
        task=gold.task,
        name=gold.path,
        system=answers.path,
    )


def report_answers_with_seqeval(
    gold: Corpus, answers: Answers, *, strict: bool = False
) -> scoring.SeqevalReport | str:
    """Return seqeval's report on the answers of one system, or why it has none."""
    tags = [sentence.tags for sentence in gold.sentences]
    pairs = scoring.pair_spans(tags, answers.tags, gold.scheme, answers.scheme, strict=strict, task=gold.task)
    return scoring.report_with_seqeval(pairs, gold.scheme)


def compare_answers(
    gold: Corpus, first: Answers, second: Answers, *, strict: bool = False
) -> scoring.Comparison:
    """Test whether two systems differ in micro F1, or in accuracy for bare labels."""
    tags = [sentence.tags for sentence in gold.sentences]
    if gold.scheme is Scheme.BARE:
        one, two = (scoring.count_tags(tags, each.tags) for each in (first, second))
        return scoring.compare(one, two, scoring.accuracy_of_counts)
    readings = (
        scoring.read_pairs(tags, each.tags, gold.scheme, each.scheme, strict=strict)
        for each in (first, second)
    )
    one, two = (scoring.count_spans(read.pair for read in reading) for reading in readings)
    return scoring.compare(one, two)


def read_word_list(path: FilePath, encoding: str) -> frozenset[str] | None:
    """Return the words of a file with one on each line, as the bakeoffs and `words.txt` of a model have it.

    None where it holds anything else: a corpus has columns, or blanks between words, or commas between fields.
    """
    if is_stdin(path):
        return None
    lines = [line for line in read_text(path, encoding).splitlines() if line]
    if any(len(line.split()) != 1 or line != line.strip() for line in lines):
        return None
    has_fields = all("," in line for line in lines) or all(";" in line for line in lines)
    return None if has_fields else frozenset(lines)


def surfaces_of(corpus: Corpus) -> frozenset[str]:
    """Return the words of every span of a corpus, or its tokens where labels are bare."""
    tokens, tags = zip(*((each.tokens, each.tags) for each in corpus.sentences), strict=True)
    return scoring.collect_surfaces(tokens, tags, corpus.scheme, corpus.task)
