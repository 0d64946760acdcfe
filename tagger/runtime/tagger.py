"""A trained model as its users meet it: text or tokens in, tags and spans with their probabilities out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import overload

from tagger.collector import held_collector
from tagger.runtime.arguments import check_beside, check_tokens
from tagger.runtime.batching import Batcher, Call
from tagger.runtime.decode import LONGEST_CHAIN, Decoder
from tagger.runtime.directory import load_model
from tagger.runtime.network import ColumnRows, EmissionScorer, Network
from tagger.runtime.placing import find_parted, place
from tagger.runtime.questions import Doubt, Labelling, Question, build_question
from tagger.runtime.reports import find_dev_f1
from tagger.runtime.softlabels import SoftLabels
from tagger.runtime.tagtable import Known
from tagger.runtime.threads import one_blas_thread
from tagger.runtime.trained import TrainedModel
from tagger.runtime.windows import group_sentences
from tagger.text import tokenizer
from tagger.text.features import normalise
from tagger.text.formats import LabelledSentence, Sentences
from tagger.text.marks import parse_feature_columns
from tagger.text.passages import Event, Passage, split_text, watch_for_pauses
from tagger.text.raw import InputSettings, Pause, Row
from tagger.text.repetition import find_repeats, number_scopes, scope_size
from tagger.text.schemes import Span, name_type
from tagger.text.tokenizer import (
    DEFAULT_SPLITS,
    Mode,
    Split,
    all_abbreviations,
    find_abbreviations,
    has_unspaced_words,
)

_CHARACTERS_OF_A_TOKEN = 5
_SHORTEST_CHUNK = 4_000  # labelled side by side by several threads; smaller ones are answered together


class Tagger:
    """Labels text with a trained model; safe to use from several threads at once.

    Args:
        model: its settings, tables and weights.
        network: computes emission scores; None: the model's weights on a CPU.
        dev_f1: what training measured on dev, for `repr`; None: nobody knows.

    >>> tagger = load("models/en")  # doctest: +SKIP
    >>> [(span.type, span.text) for span in tagger.predict("Ada met Mr. Li.")[0].spans]  # doctest: +SKIP
    [('PER', 'Ada'), ('PER', 'Li')]
    """

    def __init__(
        self,
        model: TrainedModel,
        network: EmissionScorer | None = None,
        *,
        dev_f1: float | None = None,
        directory: Path | None = None,
    ) -> None:
        self.model = model
        self.directory = directory
        self._dev_f1 = dev_f1
        self._network = network or Network(model)
        self._decoder = Decoder(model)
        self._batcher = Batcher(self._network.chunk_tokens)
        settings = model.config.corpus
        self._mode = Mode.WORDS if settings.mode == "auto" else Mode(settings.mode)
        self.known_abbreviations = _find_known(model)
        self._splits = DEFAULT_SPLITS if settings.splits == "auto" else frozenset(map(Split, settings.splits))

    def __repr__(self) -> str:
        found = self.model
        dev = "" if self._dev_f1 is None else f", dev F1 {100 * self._dev_f1:.2f}"
        return f"<Tagger of {', '.join(self.types)} ({found.scheme}), {found.parameters:,} parameters{dev}>"

    @property
    def types(self) -> list[str]:
        """The types (or bare labels) that the model knows, sorted; spans without one are `word` or `span`."""
        return [name_type(each, self.model.task) for each in self.model.types]

    @property
    def is_on_device(self) -> bool:
        """Whether something else than the runtime computes the scores: PyTorch, on a GPU."""
        return not isinstance(self._network, Network)

    @property
    def shared_network(self) -> EmissionScorer | None:
        """What computes the scores, if other processes may use it as well."""
        return self._network if self._network.is_shared else None

    @property
    def scope(self) -> int:
        """How many neighbouring sentences of a document have a say in each other's labels."""
        return scope_size(self.model.config.encoder.context)

    @property
    def feature_columns(self) -> tuple[int | str, ...]:
        """The columns of a corpus that the model reads beside the tokens; raw text has none."""
        columns = self.model.config.embedding.feature_columns
        return tuple(each.column for each in parse_feature_columns(columns))

    @property
    def has_unspaced_words(self) -> bool:
        """Whether the corpus's tokens are words of a script without blanks, into which raw text can't be cut."""
        return self._mode is Mode.WORDS and has_unspaced_words(self.model.lexicon.words.items)

    @overload  # a string is an iterable of strings too; the first form that fits holds
    def predict(  # type: ignore[overload-overlap]
        self,
        texts: str,
        *,
        min_confidence: float | None = ...,
        nbest: int = ...,
        language: str = ...,
        words_across_blanks: bool = ...,
        rivals: int = ...,
    ) -> Sentences: ...

    @overload
    def predict(
        self,
        texts: Iterable[str],
        *,
        min_confidence: float | None = ...,
        nbest: int = ...,
        language: str = ...,
        words_across_blanks: bool = ...,
        rivals: int = ...,
    ) -> list[Sentences]: ...

    def predict(
        self,
        texts: str | Iterable[str],
        *,
        min_confidence: float | None = None,
        nbest: int = 0,
        language: str = "en",
        words_across_blanks: bool = False,
        rivals: int = 0,
    ) -> Sentences | list[Sentences]:
        """Label raw text: its sentences in order, their offsets counted in code points from the text's beginning.

        Args:
            texts: a text, or several; several give a list of sentences each. Notebooks show such a list as the text
                with its spans.
            min_confidence: leave out spans that are less probable; None: what training chose, 0: nothing.
            nbest: also give the n best readings of each sentence.
            language: code such as "de"; it chooses the abbreviations that end no sentence.
            words_across_blanks: whether a word that a model cuts out of a text may hold blanks; else they end it.
            rivals: also give up to so many other things that the tokens of each span could be, with their
                probabilities: `sentence.rivals` has a list for each of `sentence.spans`.

        Raises:
            ModelError: the model reads columns that raw text doesn't have.
            ConfigError: `min_confidence` is above 0, and the model cuts all text into words.
        """
        question = build_question(
            min_confidence, nbest, words_across_blanks=words_across_blanks, rivals=rivals
        )
        several = [texts] if isinstance(texts, str) else list(texts)
        reading = InputSettings(language=language, known_abbreviations=self.known_abbreviations)
        events = chain.from_iterable(
            split_text(str(n), text, reading, self.scope) for n, text in enumerate(several)
        )
        found = [Sentences() for _ in several]
        with held_collector():
            for chunk in self.chunks(events):
                assert not isinstance(chunk, Pause)
                for sentence in filter(_has_text, self.label(chunk, question)):
                    found[int(sentence.doc)].append(sentence)
        return found[0] if isinstance(texts, str) else found

    def stream(
        self,
        texts: Iterable[str],
        *,
        min_confidence: float | None = None,
        nbest: int = 0,
        language: str = "en",
        words_across_blanks: bool = False,
    ) -> Iterator[Sentences]:
        """Label texts as they come, in order and in bounded memory: the sentences of each text.

        A thread of its own pulls the texts, so that no answer waits for the next text. Arguments as for `predict`.
        """
        question = build_question(min_confidence, nbest, words_across_blanks=words_across_blanks)
        reading = InputSettings(language=language, known_abbreviations=self.known_abbreviations)
        pulled = answered = 0

        def events() -> Iterator[Event]:
            nonlocal pulled
            for text in watch_for_pauses(texts):
                if isinstance(text, Pause):
                    yield text
                else:
                    pulled += 1
                    yield from split_text(str(pulled - 1), text, reading, self.scope)

        found: dict[int, Sentences] = {}
        for chunk in chain(self.chunks(events()), [Pause()]):
            if isinstance(chunk, Pause):
                complete = pulled  # nothing waits: every text that came has been labelled
            else:
                for sentence in filter(_has_text, self.label(chunk, question)):
                    found.setdefault(int(sentence.doc), Sentences()).append(sentence)
                complete = int(chunk[-1].doc)
            for number in range(answered, complete):
                yield found.pop(number, Sentences())
            answered = complete

    def predict_tokens(
        self,
        sentences: Iterable[Sequence[str]],
        *,
        documents: Sequence[int] | None = None,
        features: Sequence[Sequence[Sequence[str]]] | None = None,
        known: Sequence[Sequence[Known] | None] | None = None,
        min_confidence: float | None = None,
        nbest: int = 0,
        confidences: bool = True,
        expected_spans: bool = False,
        workers: int = 1,
        rivals: int = 0,
        doubt: Doubt | None = None,
        on_part: Callable[[int], None] | None = None,
    ) -> list[Labelling]:
        """Label sentences that are tokens already: a tag for each token, and spans in token indices.

        Args:
            sentences: the tokens of each sentence.
            documents: a number for each sentence; neighbours of equal number have a say in each other's labels.
                None: every sentence stands alone, and their order changes nothing.
            features: for each sentence and each feature column that the model reads, in the order of training, one
                value a token.
            known: for each sentence None, or for each token what is known of its tag: the tag, a set of tags that
                it may have, or None. The rest is decoded, and its probabilities computed, given that.
            min_confidence: leave out spans that are less probable, and their tags, unless what is known demands
                them; None: what training chose, 0: nothing.
            nbest: also give the n best readings of each sentence.
            confidences: False: don't compute the probability of spans.
            expected_spans: also say how many spans each sentence is expected to have, found or not.
            workers: threads; the result doesn't depend on it.
            rivals: also give up to so many other things that the tokens of each span could be, with their
                probabilities: `labelling.rivals` has a list for each of `labelling.spans`.
            doubt: also measure how doubtful each token is, in this way: `labelling.doubts`.
            on_part: called with the number of tokens of each part of a long call, about 24,000, when they are
                labelled; by the thread that did it.

        Raises:
            DataError: a known tag is not one of the model's, or those of a sentence contradict each other.
            ModelError: the model reads other columns than `features` has.
        """
        rows = list(check_tokens(sentences))
        numbers = range(len(rows)) if documents is None else number_scopes(documents, self.scope)
        check_beside(rows, documents, known, features)
        question = build_question(
            min_confidence,
            nbest,
            confidences=confidences,
            expected_spans=expected_spans,
            rivals=rivals,
            doubt=doubt,
        )
        held = [place for place, words in enumerate(rows) if words]
        parts = self._parts([rows[place] for place in held], [numbers[place] for place in held], workers)

        def answer(part: range) -> list[Labelling]:
            places = held[part.start : part.stop]
            facts = None if known is None else [known[place] for place in places]
            columns = None if features is None else [features[place] for place in places]
            sentences = [rows[place] for place in places]
            call = Call(sentences, [numbers[place] for place in places], question, facts, columns)
            answers = self._answer(call)
            if on_part is not None:
                on_part(sum(map(len, sentences)))
            return answers

        if workers > 1 and len(parts) > 1:
            with ThreadPoolExecutor(workers, "tagger") as pool:
                answers = list(pool.map(answer, parts))
        else:
            with held_collector():
                answers = [answer(part) for part in parts]
        found = chain.from_iterable(answers)
        return [next(found) if words else _label_nothing(question) for words in rows]

    def label(self, passages: Sequence[Passage], question: Question) -> list[LabelledSentence]:
        """Label passages, one by itself each; what `predict` and the command line do at heart.

        Rows of white space alone come back as sentences without text.
        """
        sentences: list[list[str]] = []
        starts: list[list[int]] = []
        numbers: list[int] = []
        columns: list[ColumnRows] = []
        is_given: list[
            bool
        ] = []  # whether the input says what the tokens are; blanks between them say nothing then
        for number, row, words, places in self._cut(passages):
            sentences.append(words)
            starts.append(places)
            numbers.append(number)
            columns.append(row.columns)
            is_given.append(row.words is not None)
        cuts_characters = self.model.task.cuts_words and self._mode is Mode.CHARACTERS
        is_parted = cuts_characters and not question.words_across_blanks
        parted = find_parted(sentences, starts, is_given) if is_parted else None
        answers = self._answer(Call(sentences, numbers, question, None, columns, parted))
        labellings = iter(zip(sentences, starts, answers, strict=True))
        nothing: tuple[list[str], list[int], Labelling] = [], [], Labelling([])
        task = self.model.task
        return [
            place(passage.doc, row, *(next(labellings) if row.text else nothing), task)
            for passage in passages
            for row in passage.rows
        ]

    def _cut(self, passages: Sequence[Passage]) -> Iterator[tuple[int, Row, list[str], list[int]]]:
        """Yield for each row with text its passage's number, itself, its tokens, and where these start."""
        for number, passage in enumerate(passages):
            abbreviations = find_abbreviations(passage.language, self.known_abbreviations)
            for row in passage.rows:
                if not row.text:
                    continue
                words, places = (
                    (row.words, row.starts)
                    if row.words is not None and row.starts is not None
                    else tokenizer.cut(row.text, self._mode, self._splits, abbreviations)
                )
                yield number, row, words, places

    def cut(self, passages: Sequence[Passage]) -> Iterator[tuple[int, list[str], list[int]]]:
        """Yield for each sentence of passages the number of its passage, its tokens, and where these start in it."""
        return ((number, words, places) for number, _, words, places in self._cut(passages))

    def weigh(
        self,
        sentences: Sequence[Sequence[str]],
        spans: Sequence[Sequence[Span]],
        *,
        documents: Sequence[int] | None = None,
        features: Sequence[Sequence[Sequence[str]]] | None = None,
    ) -> list[list[float | None]]:
        """Return how probable given spans of each sentence are, whether `predict_tokens` would find them or not.

        A type that the model lacks has no probability, nor has a span of a sentence that is decoded in parts: None.

        Args:
            sentences, documents, features: as of `predict_tokens`.
            spans: of each sentence, in token indices.
        """
        numbers = range(len(sentences)) if documents is None else number_scopes(documents, self.scope)
        values: list[list[float | None]] = [[None] * len(each) for each in spans]
        short = [index for index, words in enumerate(sentences) if 0 < len(words) <= LONGEST_CHAIN]
        scopes = [numbers[index] for index in short]
        for part in self._parts([sentences[index] for index in short], scopes, 1):
            indices = short[part.start : part.stop]
            asked = [spans[index] for index in indices]
            if not any(asked):
                continue
            words = [sentences[index] for index in indices]
            columns = [() if features is None else features[index] for index in indices]
            with one_blas_thread():
                emissions = self._network.emissions(words, scopes[part.start : part.stop], columns)
                repeats = (
                    find_repeats(words, scopes[part.start : part.stop])
                    if self._decoder.weighs_repeats
                    else None
                )
                found = self._decoder.weigh(emissions, [*map(len, words)], asked, repeats=repeats)
            for index, each in zip(indices, found, strict=True):
                values[index] = each
        return values

    def soften(
        self,
        sentences: Sequence[Sequence[str]],
        documents: Sequence[int],
        *,
        known: Sequence[Sequence[Known] | None] | None = None,
        temperature: float = 1.0,
    ) -> SoftLabels:
        """Return how probable the tags of sentences are, for a student; see `runtime.softlabels`.

        Args:
            sentences: the tokens of each sentence, at least one.
            documents: a number for each, as of `predict_tokens`.
            known: what is known of each token's tag, as of `predict_tokens`.
            temperature: what the temperature that training fitted is multiplied by; 1: the probabilities are the
                confidences of `predict`.
        """
        numbers = number_scopes(documents, self.scope)
        with one_blas_thread():
            emissions = self._network.emissions(sentences, numbers, [()] * len(sentences))
            repeats = find_repeats(sentences, numbers) if self._decoder.weighs_repeats else None
            return self._decoder.soften(
                emissions,
                [len(words) for words in sentences],
                temperature=temperature * self.model.temperature,
                repeats=repeats,
                known=known,
            )

    def chunks(self, events: Iterable[Event]) -> Iterator[list[Passage] | Pause]:
        """Gather passages into chunks that are labelled at once; what waits is passed on where input is slow."""
        waiting: list[Passage] = []
        tokens = 0.0
        for event in events:
            if not isinstance(event, Pause):
                waiting.append(event)
                tokens += sum(self.estimate_tokens(row) for row in event.rows)
            if waiting and (isinstance(event, Pause) or tokens >= self._network.chunk_tokens):
                yield waiting
                waiting, tokens = [], 0.0
            if isinstance(event, Pause):
                yield event
        if waiting:
            yield waiting

    def estimate_tokens(self, row: Row) -> float:
        """Return about how many tokens a row has."""
        if row.words is not None:
            return len(row.words)
        return len(row.text) / (1 if self._mode is Mode.CHARACTERS else _CHARACTERS_OF_A_TOKEN)

    def _answer(self, call: Call) -> list[Labelling]:
        if not call.sentences:
            return []
        return (
            self._label_call(call)
            if call.tokens >= _SHORTEST_CHUNK
            else self._batcher(call, self._label_call)
        )

    def _label_call(self, call: Call) -> list[Labelling]:
        sentences, numbers, question, known, columns, parted = call
        with one_blas_thread():
            emissions = self._network.emissions(sentences, numbers, columns)
            lengths = [len(words) for words in sentences]
            repeats = find_repeats(sentences, numbers) if self._decoder.weighs_repeats else None
            return self._decoder.decode(emissions, lengths, question, known, repeats, parted)

    def _parts(self, sentences: Sequence[Sequence[str]], numbers: Sequence[int], workers: int) -> list[range]:
        """Cut sentences into parts between those that have a say in each other's labels."""
        sizes = [len(words) for words in sentences]
        wanted = max(_SHORTEST_CHUNK, min(self._network.chunk_tokens, sum(sizes) // max(1, workers)))
        parts: list[range] = []
        start = tokens = 0
        encoder = self.model.config.encoder
        for group in group_sentences(sizes, numbers, encoder.context, encoder.max_tokens):
            tokens += group.tokens
            if tokens >= wanted and group.stop < len(numbers) and numbers[group.stop] != numbers[group.start]:
                parts.append(range(start, group.stop))
                start, tokens = group.stop, 0
        return [*parts, range(start, len(sentences))] if start < len(sentences) else parts


def _find_known(model: TrainedModel) -> frozenset[str]:
    """Return the abbreviations of all languages that the training corpus wrote with their full stop."""
    lowercase, words = model.config.embedding.lowercase, model.lexicon.words
    return frozenset(
        word for word in all_abbreviations().kept if normalise(f"{word}.", lowercase=lowercase) in words
    )


def load_tagger(directory: str | os.PathLike[str]) -> Tagger:
    """Read a model directory and return its tagger, which runs on the CPU.

    Raises:
        ModelError: the directory or a file in it is missing, damaged or of another format version.
    """
    place = Path(directory)
    return Tagger(load_model(place), dev_f1=find_dev_f1(place), directory=place)


def _label_nothing(question: Question) -> Labelling:
    """Return the answer for a sentence without tokens."""
    return Labelling(
        [],
        nbest=[] if question.nbest else None,
        rivals=[] if question.rivals else None,
        expected_spans=0.0 if question.expected_spans else None,
        doubts=[] if question.doubt else None,
    )


def _has_text(sentence: LabelledSentence) -> bool:
    """Say whether it is a sentence, and not white space between sentences."""
    return bool(sentence.text)
