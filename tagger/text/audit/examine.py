"""One pass over each file of an audit.

Of a sentence, its tags, lines and a digest of its tokens are kept, never the tokens: memory grows by two bytes a
token (measured: 10 million tokens, 86 MB resident in all), and with the words, distinct spans and distinct
sentences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from tagger.errors import DataError
from tagger.text import schemes
from tagger.text.audit import defects
from tagger.text.audit.defects import Defect
from tagger.text.audit.facts import FileFacts, WordFacts
from tagger.text.audit.labels import LabelStore, digest_of, find_words
from tagger.text.audit.wordings import find_wordings
from tagger.text.conll import DEFAULT_COLUMNS, Columns, Sentence
from tagger.text.conll.corpus import LONG_SENTENCE
from tagger.text.conll.mixups import SAMPLE_SENTENCES, ColumnSample
from tagger.text.conll.reader import ColumnReader
from tagger.text.conll.words import check_task
from tagger.text.counting import count_of
from tagger.text.files import display_name
from tagger.text.formats.annotated import is_annotated, read_annotated
from tagger.text.objects import describe
from tagger.text.schemes import EDGE, OUTSIDE, UNKNOWN_TAG, Bigrams, Detection, Scheme, Task
from tagger.text.tokenizer import UNSPACED_ADVICE, has_unspaced_words


@dataclass(frozen=True, slots=True)
class Audit:
    """Facts per file, in the order given, and every defect in the order of file and line."""

    files: tuple[FileFacts, ...]
    defects: tuple[Defect, ...]

    @property
    def is_fit(self) -> bool:
        """Say whether training on these files can go right."""
        return not any(defect.is_error for defect in self.defects)

    def as_dict(self) -> dict[str, object]:
        """Return the audit as JSON holds it."""
        facts = {
            "ok": self.is_fit,
            "files": [facts.as_dict() for facts in self.files],
            "defects": [defect.as_dict() for defect in self.defects],
        }
        return describe("check", facts)


def audit(
    paths: Sequence[str | PathLike[str]],
    *,
    columns: Columns = DEFAULT_COLUMNS,
    scheme: Scheme | None = None,
    encoding: str = "utf-8",
) -> Audit:
    """Examine corpora; what is wrong with them is returned, not raised.

    Args:
        paths: the training file first; the others are held to its scheme and compared with it.
        scheme: of all files; detected from the first where None.
    """
    surveys: list[_Survey] = []
    files = []
    for path in paths:
        survey = _Survey(display_name(path))
        survey.read(path, columns, encoding, surveys)
        files.append(survey.conclude(scheme, surveys, columns.task))
        survey.judge_wordings(path, columns, encoding)
        surveys.append(survey)
    found = [
        defect for survey in surveys for defect in sorted(survey.defects, key=lambda each: each.line or 0)
    ]
    return Audit(tuple(files), tuple(found))


_ABOUT = {
    Task.LABELS: "labels of tokens",
    Task.WORDS: "words without types",
    Task.JOINT: "words with types",
}
_ONE_TASK = "expected one task for all files; --task says which, and reads words of any form for it"


@dataclass(slots=True)
class _Survey:
    """What one pass over a file leaves behind."""

    path: str
    labels: LabelStore = field(default_factory=LabelStore)
    sentences: dict[int, int] = field(default_factory=dict)  # digest -> the first sentence that has it
    words: set[str] = field(default_factory=set)
    lengths: Counter[int] = field(default_factory=Counter)
    defects: list[Defect] = field(default_factory=list)
    sample: ColumnSample = field(default_factory=ColumnSample)
    shared: Counter[str] = field(default_factory=Counter)
    types: dict[str, int] = field(default_factory=dict)
    scheme: Scheme = Scheme.IOB2
    repeated: int = 0
    unknown_tokens: int = 0
    question_marks: list[int] = field(default_factory=list)  # the lines of those tagged `?`
    documents: int = 0
    longest: tuple[int, int] = (0, 0)  # tokens, line
    task: Task = Task.LABELS
    of_form: Scheme | None = None  # the scheme that the form of the file says
    cut: Counter[str] = field(default_factory=Counter)  # words that tags make, should they be about words

    def read(
        self, path: str | PathLike[str], columns: Columns, encoding: str, others: Sequence[_Survey]
    ) -> None:
        """Go through the sentences of the file."""

        def note_fault(fault: DataError) -> None:
            self._add("rows", fault.line, fault.message)

        if is_annotated(path):
            self._read_annotated(path, columns, encoding, others)
            return
        reader = ColumnReader(path, columns, encoding, on_fault=note_fault)
        try:
            for sentence in reader:
                self._note(sentence, others)
        except DataError as error:
            self._add("unreadable", error.line, error.message)
            return
        self.of_form = reader.scheme
        for fact, line in reader.describe_notes():
            self._add("oddity", line, fact)
        if not others and has_unspaced_words(self.words):
            self._add("unspaced", None, UNSPACED_ADVICE)
        for mixup in self.sample.find_mixups(reader.layout):
            self._add("columns" if mixup.is_error else "numbers", mixup.line, mixup.message)
        if not self.labels and not any(defect.is_error for defect in self.defects):
            self._add("unreadable", 1, "found no sentence, expected rows of a token and its tag")

    def _read_annotated(
        self, path: str | PathLike[str], columns: Columns, encoding: str, others: Sequence[_Survey]
    ) -> None:
        """Go through what an annotation tool exported."""
        try:
            corpus = read_annotated(path, columns=columns, encoding=encoding)
        except DataError as error:
            self._add("unreadable", error.line, error.message)
            return
        for sentence in corpus.sentences:
            self._note(sentence, others)
        for fact in corpus.warnings:
            self._add("oddity", None, fact)

    def _note(self, sentence: Sentence, others: Sequence[_Survey]) -> None:
        line, tokens = sentence.line, sentence.tokens
        self.lengths[len(tokens)] += 1
        if len(self.labels) < SAMPLE_SENTENCES:
            self.sample.add(sentence)
        self.documents = sentence.document + 1
        if len(tokens) > self.longest[0]:
            self.longest = (len(tokens), line)
        self.words.update(tokens)
        self.cut.update(find_words(tokens, sentence.tags))
        if others:
            known = others[0].words
            self.unknown_tokens += sum(token not in known for token in tokens)
        self._compare(sentence, others)
        if UNKNOWN_TAG in sentence.tags:
            for i, (token, tag) in enumerate(zip(tokens, sentence.tags, strict=True)):
                if tag == UNKNOWN_TAG and schemes.is_question_mark(token):
                    self.question_marks.append(sentence.line_of(i))
        if len(tokens) > LONG_SENTENCE:
            message = f"this sentence has {count_of(len(tokens), 'token')}; are blank lines missing?"
            self._add("long-sentence", line, message)

    def _compare(self, sentence: Sentence, others: Sequence[_Survey]) -> None:
        """Keep the labels of a sentence, held to those where its tokens stood before."""
        digest = digest_of(sentence.tokens)
        places = [(survey, survey.sentences.get(digest)) for survey in (*others, self)]
        for other, number in places[:-1]:
            self.shared[other.path] += number is not None
        self.repeated += places[-1][1] is not None
        for survey, number in places:
            if number is not None:
                self._judge_recurrence(sentence, survey, number, others)
                break
        self.sentences.setdefault(digest, len(self.labels))
        self.labels.append(sentence.tags, sentence.line, sentence.lines)

    def _judge_recurrence(
        self, sentence: Sentence, survey: _Survey, number: int, others: Sequence[_Survey]
    ) -> None:
        """Note the defects of a sentence whose tokens stood in a file before: other tags, or a file to test on."""
        before, tags = survey.labels.first_line(number), survey.labels.tags_written(number)
        if tags != sentence.tags:
            where = f"in line {before}" if survey.path == self.path else f"in {survey.path}, line {before}"
            self._add("two-labellings", sentence.line, _describe_difference(sentence, tags, where))
        if others and survey.path == others[0].path:
            self._add("leakage", sentence.line, f"this sentence is also in {survey.path}, line {before}")

    def conclude(
        self, wanted: Scheme | None, others: Sequence[_Survey], wanted_task: Task | None = None
    ) -> FileFacts:
        """Find the scheme, look for what is wrong with the tags, and return the counts."""
        bigrams = schemes.count_bigrams(labels.tags for labels in self.labels)
        counts: Counter[str] = Counter()
        for (_, tag), count in bigrams.items():
            counts[tag] += count
        del counts[EDGE]
        detected = schemes.detect_from_bigrams(bigrams)
        given = self.of_form or wanted or (others[0].scheme if others else None)
        brackets = schemes.are_brackets(counts, is_known=given is not None)
        if brackets:
            detected = Detection(Scheme.IOB2, "read from brackets (CoNLL-2005, CoNLL-2012)")
        reason = "as asked for" if wanted else f"as in {others[0].path}" if others else ""
        reason = "made of words" if self.of_form else reason
        scheme, evidence = (given, reason) if given else (detected.scheme, detected.evidence)
        self.scheme = scheme
        if self.labels:
            self._judge_scheme(detected, counts, is_given=given is not None)
            if brackets and scheme is not Scheme.BARE:
                self._read_brackets(scheme)
            else:
                self._judge_tags(bigrams, counts, scheme)
            self._judge_task(scheme, wanted_task, others)
            self._judge_types(scheme, others)
        return FileFacts(
            path=self.path,
            sentences=len(self.labels),
            tokens=counts.total(),
            documents=self.documents,
            words=len(self.words),
            scheme=scheme,
            evidence=evidence,
            tags=dict(counts.most_common()),
            types=self.types,
            unknown_tags=counts[UNKNOWN_TAG],
            longest=self.longest[0],
            longest_line=self.longest[1],
            lengths=dict(sorted(self.lengths.items())),
            repeated=self.repeated,
            shared=dict(self.shared),
            unknown_words=len(self.words - others[0].words) if others else None,
            unknown_tokens=self.unknown_tokens if others else None,
            task=self.task,
            cut=self._count_words(others) if self.task.cuts_words else None,
        )

    def _count_words(self, others: Sequence[_Survey]) -> WordFacts:
        unseen = {word: count for word, count in self.cut.items() if others and word not in others[0].cut}
        return WordFacts(
            words=self.cut.total(),
            distinct=len(self.cut),
            unseen=sum(unseen.values()) if others else None,
            unseen_distinct=len(unseen) if others else None,
        )

    def _judge_task(self, scheme: Scheme, wanted: Task | None, others: Sequence[_Survey]) -> None:
        """Hold what the tags are about to what was asked for, and to what those of the first file are about."""
        tags = self.labels.tags_read
        found = schemes.find_task(tags, scheme, has_characters=self.sample.has_characters)
        if wanted is None and others and self._may_lack_outside(found, others[0]):
            found = Task.LABELS
        self.task = wanted or found
        if wanted is not None:
            try:
                check_task(tags, found, wanted, self.path, self._line_of({OUTSIDE} & tags or tags))
            except DataError as fault:
                self._add("task", fault.line, fault.message)
                self.task = found
        if others and others[0].labels and self.task is not others[0].task:
            about, first = _ABOUT[self.task], f"{_ABOUT[others[0].task]} in {others[0].path}"
            self._add("task", self.labels.first_line(0), f"found {about}, but {first}; {_ONE_TASK}")

    def _may_lack_outside(self, found: Task, first: _Survey) -> bool:
        """Say whether tags that seem to make words label spans in the first file, and lack `O` only by chance."""
        return (
            found.cuts_words
            and self.of_form is None
            and first.task is Task.LABELS
            and first.scheme.has_prefixes
            and not self._find_types().isdisjoint(first._find_types())
        )

    def _find_types(self) -> set[str]:
        """Return the types of the tags."""
        tags = self.labels.tags_read - {OUTSIDE, UNKNOWN_TAG}
        return {schemes.split_tag(tag, self.scheme)[1] for tag in tags}

    def judge_wordings(self, path: str | PathLike[str], columns: Columns, encoding: str) -> None:
        """Look for words that are labelled in several ways; the file is read again, which a pipe can't be."""
        is_whole = self.labels and not any(defect.kind == "unreadable" for defect in self.defects)
        if is_whole and Path(path).is_file():

            def read() -> Iterable[Sentence]:
                if is_annotated(path):
                    return read_annotated(path, columns=columns, encoding=encoding).sentences
                return ColumnReader(path, columns, encoding, on_fault=_overlook)

            found = find_wordings(read, self.labels, self.scheme, self.task)
            self.defects.extend(Defect(self.path, line, "several-labels", message) for line, message in found)

    def _judge_scheme(self, detected: Detection, counts: Counter[str], *, is_given: bool) -> None:
        """Compare what the tags look like with how they are read."""
        foreign = None if is_given or detected.scheme.has_prefixes else schemes.find_foreign_notation(counts)
        if foreign:
            tag, fault = foreign
            self._add("notation", self._line_of({tag}), f"tags such as {tag!r} {fault}")
        elif detected.question and not is_given:
            line = self._line_of(counts.keys() - {OUTSIDE, UNKNOWN_TAG})
            self._add("unclear", line, detected.question)
        if self.scheme is Scheme.BARE and 2 * len(self.question_marks) >= counts[UNKNOWN_TAG] > 0:
            message = schemes.describe_marks_not_known(len(self.question_marks), counts[UNKNOWN_TAG])
            self._add("unclear", self.question_marks[0], message)
        if self.scheme is Scheme.IO and detected.scheme.has_prefixes and not schemes.are_brackets(counts):
            message = f"read as IO, but this file looks like {detected.scheme}: {detected.evidence}"
            self._add("notation", self.labels.first_line(0), message)
        if {self.scheme, detected.scheme} == {Scheme.IOB1, Scheme.IOB2} and "guess" not in detected.evidence:
            message = (
                f"read as {self.scheme}, but this file looks like {detected.scheme}: {detected.evidence}"
            )
            self._add("scheme", self.labels.first_line(0), message)

    def _judge_tags(self, bigrams: Bigrams, counts: Counter[str], scheme: Scheme) -> None:
        """Look for tags and sequences that the scheme does not have; leave in `labels` what can be read."""
        meant = schemes.respell(counts, scheme)
        if meant:
            tag = next(tag for tag in counts if tag in meant)
            number = sum(counts[tag] for tag in meant)
            message = (
                f"{count_of(number, 'tag')} written otherwise in {scheme}; {tag} is read as {meant[tag]}"
            )
            self._add("spelling", self._line_of(meant), message)
        strangers = {tag for tag in counts if tag not in meant and not schemes.is_tag(tag, scheme)}
        if strangers:
            self.defects.extend(defects.find_strangers(self.labels, strangers, scheme, self.path))
        mended = dict.fromkeys(strangers, UNKNOWN_TAG) | meant
        self.labels.read_as(mended)
        if not all(schemes.is_legal_step(*(mended.get(t, t) for t in step), scheme) for step in bigrams):
            self.defects.extend(defects.find_broken_sequences(self.labels, scheme, self.path))

    def _read_brackets(self, scheme: Scheme) -> None:
        """Leave in `labels` the tags that the brackets mean."""
        tokens, read = 0, LabelStore()
        for tags, lines in self.labels:
            spans, fault = schemes.read_brackets(tags)
            if fault:
                self._add("foreign-tag", lines[fault[0]], f"tag {tags[fault[0]]!r} {fault[1]}")
            tokens += len(tags)
            places = () if isinstance(lines, range) else lines
            read.append(schemes.spans_to_tags(spans, len(tags), scheme), lines[0], places)
        message = f"{count_of(tokens, 'tag')} in brackets (CoNLL-2005, CoNLL-2012) read as {scheme}"
        self._add("spelling", self.labels.first_line(0), message)
        self.labels = read

    def _judge_types(self, scheme: Scheme, others: Sequence[_Survey]) -> None:
        """Count spans per type; look for rare and unseen types."""
        types: Counter[str] = Counter()
        first_lines: dict[str, int] = {}
        for tags, lines in self.labels:
            for type_, start, _ in schemes.labels_of(tags, scheme):
                types[type_] += 1
                first_lines.setdefault(type_, lines[start])
        self.types = dict(types.most_common())
        self.defects.extend(defects.find_nearly_other_types(first_lines, types, self.path))
        if others:
            known, train = others[0].types, others[0].path
            self.defects.extend(defects.find_unseen_types(first_lines, types, known, self.path, train))
        else:
            self.defects.extend(defects.find_rare_types(first_lines, types, self.path))
            if not types and not any(defect.kind == "unreadable" for defect in self.defects):
                message = "found no span, expected some to learn from; is this the tag column?"
                self._add("no-span", self.labels.first_line(0), message)

    def _line_of(self, tags: Container[str]) -> int:
        return next(line for labels in self.labels for tag, line in zip(*labels, strict=True) if tag in tags)

    def _add(self, kind: str, line: int | None, message: str) -> None:
        self.defects.append(Defect(self.path, line, kind, message))


def _describe_difference(sentence: Sentence, before: Sequence[str], where: str) -> str:
    """Name the first token that is labelled otherwise, or the first word that is cut otherwise."""
    words = [find_words(sentence.tokens, tags) for tags in (sentence.tags, before)]
    here, there = next((pair for pair in zip(*words, strict=False) if pair[0] != pair[1]), ("", ""))
    if here != there:
        return f"{here!r} is a word here, {there!r} in the same sentence {where}"
    i, here, there = next(
        (i, *pair) for i, pair in enumerate(zip(sentence.tags, before, strict=True)) if pair[0] != pair[1]
    )
    return f"{sentence.tokens[i]!r} is {here} here, {there} in the same sentence {where}"


def _overlook(fault: DataError) -> None:
    """Say nothing of a row at fault, which was told."""
