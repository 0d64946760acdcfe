"""Files -> what training needs: checked corpora, a dev split, the tables, encoded sentences.

It says what it found as facts; printing them is the caller's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.config import Config, complete_settings
from tagger.errors import ConfigError, DataError
from tagger.model.batch import Choices, EncodedCorpus, encode
from tagger.model.vectors import Vectors
from tagger.runtime.evaluation import find_columns, read_gold
from tagger.runtime.kinds import TextCounts
from tagger.runtime.language import TrainedLanguageModel
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.trained import TrainedModel, inner_scheme, inner_tags
from tagger.text import costs, schemes
from tagger.text.clusters import Clusters
from tagger.text.conll import Corpus, Sentence, fit_corpus, pack_corpus
from tagger.text.conll.packed import PackedSentences, pack
from tagger.text.features import fold_width
from tagger.text.formats.annotated import is_annotated, read_annotated
from tagger.text.gazetteer import Gazetteer
from tagger.text.schemes import Scheme
from tagger.text.spool import Spool, stretches
from tagger.text.tokenizer import Mode, detect, has_unspaced_words
from tagger.training.pretrained import TrainedTextEncoder

_NO_SPANS = (
    "no gold span, so that it can choose nothing: the last epoch is kept, nothing is calibrated, and F1 is 0 by "
    "convention; give a --dev file with spans, or hold out more with --set corpus.dev_share"
)


@dataclass(frozen=True)
class Corpora:
    """The corpora of one training run.

    Attributes:
        config: settings with the scheme and the mode of the corpus filled in.
        held_out: whether dev was cut from the training sentences because no dev file was given.
        types: the entity types (or bare labels) of the training sentences, sorted.
        language: the language model that the labeller uses, if any.
        vectors: pretrained word vectors, if any.
        base: the model whose training the run continues, if any; its types are among `types`.
        gazetteers: lists of names.
        encoder: what learnt from raw text, with which the labeller begins, if any.
        clusters: trees of words.
        base_words: the words that the training of `base` had; None where nobody knows.
        room: the folder of what memory isn't to hold; None: that of temporary files.
        is_taught: whether a lesson teaches the training sentences (`distillation.silver`), which then tell the words
            and the types alone.
    """

    config: Config
    train: Corpus
    dev: Corpus
    test: Corpus | None
    held_out: bool
    types: tuple[str, ...]
    language: TrainedLanguageModel | None = None
    vectors: Vectors | None = None
    base: TrainedModel | None = None
    gazetteers: tuple[Gazetteer, ...] = ()
    encoder: TrainedTextEncoder | None = None
    clusters: tuple[Clusters, ...] = ()
    base_words: AbstractSet[str] | None = frozenset()
    room: Path | None = None
    is_taught: bool = False

    @cached_property
    def training_words(self) -> frozenset[str] | None:
        """The words that the model has seen labelled; None where its labels are no words', or nobody knows."""
        is_of_words = self.train.task.cuts_words or self.train.scheme is Scheme.BARE
        return (
            frozenset(_list_words(self.train)) | self.base_words
            if is_of_words and self.base_words is not None
            else None
        )

    @property
    def has_unspaced_words(self) -> bool:
        """Whether training tokens are words of a script without blanks, into which raw text can't be cut."""
        tokens = (token for sentence in self.train.sentences for token in sentence.tokens)
        return Mode(self.config.corpus.mode) is Mode.WORDS and has_unspaced_words(tokens)

    @cached_property
    def dev_has_spans(self) -> bool:
        """Whether dev can choose anything: without a gold span every F1 on it is 0."""
        return any(_spans(sentence, self.dev.scheme) for sentence in self.dev.sentences)

    def fingerprint(self) -> bytes:
        """Return what differs where the training or the dev sentences differ."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> bytes:
        return pack(self.train.sentences).digest() + pack(self.dev.sentences).digest()


@dataclass(frozen=True, slots=True)
class CorpusFacts:
    """What one corpus holds.

    Attributes:
        unknown: share of the tokens that the training sentences lack, or of the words that tags make of them; None
            for those themselves.
        strange_types: types that the training sentences lack, with their number of spans; a model can't find
            them, so they are counted as missed.
        repeated: sentences that are also in the training corpus; None for that itself.
    """

    path: str
    sentences: int
    tokens: int
    spans: int
    unknown: float | None
    strange_types: dict[str, int]
    repeated: int | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GazetteerFacts:
    """How much a list of names knows: shares of the spans of train and dev that are an entry from end to end."""

    name: str
    entries: int
    train: float
    dev: float


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """How much a tree of words knows: shares of the tokens of train and dev that have a class."""

    name: str
    words: int
    classes: int
    train: float
    dev: float


def read_corpora(
    train: Path | Corpus,
    dev: Path | Corpus | None,
    test: Path | Corpus | None,
    config: Config,
    room: Path | None = None,
) -> Corpora:
    """Read and check the corpora of a run; without a dev corpus, hold some training sentences out by seed.

    Args:
        train, dev, test: files, or corpora that are in memory.
        config: the settings.
        room: the folder of what memory isn't to hold; None: that of temporary files.

    Raises:
        DataError: a file is missing or faulty, or too small to hold sentences out.
        ConfigError: a feature's column is that of the tag, or a type that has a cost isn't there.
    """
    wanted = None if config.corpus.scheme == "auto" else schemes.parse_scheme(config.corpus.scheme)
    columns, encoding = find_columns(config), config.corpus.encoding
    if isinstance(train, Path) and is_annotated(train):
        train = read_annotated(train, columns=columns, scheme=wanted, encoding=encoding)
    learned = (
        fit_corpus(train, columns.task or train.task)
        if isinstance(train, Corpus)
        else pack_corpus(train, columns=columns, scheme=wanted, encoding=encoding, room=room)
    )
    _refuse_tag_as_feature(learned, config)
    others = (
        read_gold(each, learned.scheme, columns=replace(columns, task=learned.task), encoding=encoding)
        if isinstance(each, Path)
        else each and fit_corpus(each, learned.task)
        for each in (dev, test)
    )
    return prepare_corpora(learned, *others, config=config, room=room)


def _refuse_tag_as_feature(corpus: Corpus, config: Config) -> None:
    layout = corpus.layout
    if layout is None or layout.tag is None:
        return
    _, tag, *others = zip(layout.wanted, layout.keys, strict=True)
    for name, place in zip(config.embedding.feature_columns, others, strict=True):
        if place == tag:
            raise ConfigError(
                f"found {name}, which is the column of the tag; expected another: a model that is shown the answer "
                "learns nothing (--tag-column names the tag's)",
                "--feature-column",
            )


def prepare_corpora(
    learned: Corpus, dev: Corpus | None, test: Corpus | None, *, config: Config, room: Path | None = None
) -> Corpora:
    """Settle what the settings left to the corpus; without a dev corpus, hold some sentences out by seed.

    Raises:
        DataError: there is nothing to learn, or too little to hold sentences out.
        ConfigError: a type that has a cost isn't among those of the training corpus.
    """
    chosen = config.corpus
    learned = replace(learned, sentences=pack(learned.sentences, room))
    found = detect(sentence.tokens for sentence in learned.sentences)
    mode = found.mode if chosen.mode == "auto" else Mode(chosen.mode)
    settled = complete_settings(
        config,
        learned.scheme,
        mode.value,
        found.splits if chosen.splits == "auto" else chosen.splits,
        cuts_words=learned.task.cuts_words,
    )
    held_out = dev is None
    if dev is None:
        learned, dev = hold_out(learned, settled, room)
    types = sorted(
        {span.type for tag in _list_tags(learned) for span in schemes.tags_to_spans((tag,), learned.scheme)}
    )
    if not types:
        fault = "found no span, expected some to learn from; is the tag column the right one? (--tag-column)"
        raise DataError("; ".join((fault, *learned.warnings)), learned.path)
    costs.check(config.training.costs, types)
    found_corpora = Corpora(settled, learned, dev, test, held_out, tuple(types), room=room)
    if found_corpora.dev_has_spans:
        return found_corpora
    return replace(found_corpora, dev=replace(dev, warnings=(*dev.warnings, _NO_SPANS)))


def count_tokens(corpus: Corpus) -> int:
    """Return the tokens of all sentences."""
    return pack(corpus.sentences).num_tokens


def mean_span_length(corpus: Corpus) -> float:
    """Return the mean number of tokens of a span."""
    spans, tokens = schemes.measure_spans(pack(corpus.sentences).count_steps(), corpus.scheme)
    return tokens / spans


def hold_out(corpus: Corpus, config: Config, room: Path | None = None) -> tuple[Corpus, Corpus]:
    """Split sentences into training and dev by the configuration's seed; both keep the corpus's order."""
    is_held = draw_held_out(len(corpus.sentences), config, corpus.path)
    packed = pack(corpus.sentences, room)
    learned = replace(corpus, sentences=packed.select(~is_held, room))
    held = replace(corpus, sentences=tuple(packed.select(is_held, room)))
    return learned, replace(held, path=f"{corpus.path} (held out)", warnings=())


def draw_held_out(total: int, config: Config, path: str) -> NDArray[np.bool_]:
    """Say of each of so many sentences whether it is held out; `path` is named where they are too few.

    Raises:
        DataError: there is one alone, or none.
    """
    if total < 2:
        raise DataError(
            "found one sentence, expected two or more to hold some out; give a dev file with --dev", path
        )
    size = min(total - 1, max(1, round(config.corpus.dev_share * total)))
    is_held = np.zeros(total, np.bool_)
    is_held[np.random.default_rng(config.seed).choice(total, size, replace=False)] = True
    return is_held


def describe_corpus(corpus: Corpus, learned: Corpus | None = None, types: Sequence[str] = ()) -> CorpusFacts:
    """Count what a corpus holds, beside the training corpus where one is given."""
    packed = pack(corpus.sentences)
    spans = _count_labels(packed, corpus.scheme)
    unknown = repeated = None
    strange: dict[str, int] = {}
    if learned is not None:
        known_types = {*types, schemes.OUTSIDE} if _has_outside(learned) else set(types)
        counts = Counter(
            span.type for each in corpus.sentences for span in schemes.labels_of(each.tags, corpus.scheme)
        )
        strange = {type_: counts[type_] for type_ in sorted(set(counts) - known_types)}
        known, words = set(_list_words(learned)), _count_all_words(corpus)
        unknown = sum(count for word, count in words.items() if word not in known) / max(1, words.total())
        seen = pack(learned.sentences).find(corpus.sentences)
        repeated = sum(sentence.tokens in seen for sentence in corpus.sentences)
    return CorpusFacts(
        corpus.path, len(packed), packed.num_tokens, spans, unknown, strange, repeated, corpus.warnings
    )


def _count_labels(packed: PackedSentences, scheme: Scheme) -> int:
    """Count what `schemes.labels_of` finds."""
    steps = packed.count_steps()
    if scheme is not Scheme.BARE:
        return schemes.measure_spans(steps, scheme)[0]
    return sum(count for (_, tag), count in steps.items() if tag not in (schemes.EDGE, schemes.UNKNOWN_TAG))


def _list_words(corpus: Corpus) -> Iterable[str]:
    """Return the distinct tokens of a corpus, or the words that its tags make of them, which may come again."""
    if not corpus.task.cuts_words:
        return list_tokens(corpus)
    return (word for sentence in corpus.sentences for word in _find_words(sentence, corpus.scheme))


def _count_all_words(corpus: Corpus) -> Counter[str]:
    return Counter(_list_words(corpus)) if corpus.task.cuts_words else pack(corpus.sentences).count_words()


def _find_words(sentence: Sentence, scheme: Scheme) -> Iterator[str]:
    """Yield the words that the tags of a sentence make of its characters."""
    return ("".join(sentence.tokens[start:end]) for _, start, end in _spans(sentence, scheme))


def list_tokens(corpus: Corpus) -> Collection[str]:
    """Return the distinct tokens of a corpus."""
    return pack(corpus.sentences).count_words().keys()


def _list_tags(corpus: Corpus) -> set[str]:
    """Return the distinct tags of a corpus."""
    return {tag for _, tag in pack(corpus.sentences).count_steps() if tag != schemes.EDGE}


def count_known_names(corpora: Corpora) -> list[GazetteerFacts]:
    """Count what each list of names knows."""
    parts = (corpora.train, corpora.dev)
    return [
        GazetteerFacts(each.name, len(each), *(_known_share(each, corpus) for corpus in parts))
        for each in corpora.gazetteers
    ]


def _known_share(names: Gazetteer, corpus: Corpus) -> float:
    spans = known = 0
    for sentence in corpus.sentences:
        found = {(start, stop) for _, start, stop in _spans(sentence, corpus.scheme)}
        spans += len(found)
        known += len(found.intersection(names.find(sentence.tokens)))
    return known / max(1, spans)


def count_clustered(corpora: Corpora) -> list[ClusterFacts]:
    """Count what each tree of words knows."""
    parts = (corpora.train, corpora.dev)
    return [
        ClusterFacts(
            each.name, len(each), each.classes, *(_clustered_share(each, corpus) for corpus in parts)
        )
        for each in corpora.clusters
    ]


def _clustered_share(tree: Clusters, corpus: Corpus) -> float:
    words = pack(corpus.sentences).count_words()
    return sum(count for word, count in words.items() if word in tree) / max(1, words.total())


def build_lexicon(corpora: Corpora, raw: TextCounts | None = None) -> Lexicon:
    """Number the words and tags of the training sentences, and the words of raw text where some is learnt from."""
    tags = list_tags(corpora)
    sentences, embedding = corpora.train.sentences, corpora.config.embedding
    words = (
        (_count_words(each, corpora.train.scheme) for each in sentences) if embedding.word_mark_dim else ()
    )
    lexicon = Lexicon.build(sentences, tags, embedding, corpora.gazetteers, words, corpora.clusters, raw)
    if corpora.base is not None:
        lexicon = corpora.base.lexicon.followed_by(lexicon)
    if corpora.encoder is not None:
        lexicon = lexicon.behind(corpora.encoder.lexicon)
    if corpora.vectors is not None:
        lexicon = lexicon.with_words(corpora.vectors.words)
    return replace(lexicon, speller=corpora.language.tables.speller) if corpora.language else lexicon


def list_tags(corpora: Corpora) -> list[str]:
    """List the inner tags that a labeller of these corpora chooses from."""
    has_outside = not corpora.train.task.cuts_words and (
        corpora.train.scheme.has_prefixes or _has_outside(corpora.train)
    )
    return inner_tags(corpora.types, corpora.train.scheme, has_outside=has_outside)


def _count_words(sentence: Sentence, scheme: Scheme) -> Counter[str]:
    """Count the words that the tags of a sentence make of its characters."""
    return Counter(map(fold_width, _find_words(sentence, scheme)))


def _has_outside(corpus: Corpus) -> bool:
    return schemes.OUTSIDE in _list_tags(corpus)


def encode_training(
    corpora: Corpora, lexicon: Lexicon, spool: Spool | None = None, room: Path | None = None
) -> EncodedCorpus:
    """Encode the training sentences with their tags in the inner scheme.

    A sentence too long to be read at once is cut between two of its spans, so that the memory of a step is bounded
    where somebody forgot the blank lines.

    Args:
        corpora: of the run.
        lexicon: its tables.
        spool: where the arrays lie; None: in memory.
        room: the folder of what is needed meanwhile and memory isn't to hold.
    """
    packed, scheme = pack(corpora.train.sentences), corpora.train.scheme
    choices = find_choices(packed, scheme, room)
    places = _find_cuts(packed, choices, inner_scheme(scheme), corpora.config.encoder.max_tokens)
    pieces = packed.cut(places)
    words = None
    if corpora.config.embedding.word_mark_dim:
        words = (_count_words(each, scheme) for each in pieces)
    return encode(pieces, lexicon, choices, words, spool)


def encode_beside(
    corpora: Corpora, lexicon: Lexicon, others: Sequence[Sentence], options: Sequence[_Options]
) -> EncodedCorpus:
    """Encode the training sentences as `encode_training` does, and others behind them, in memory.

    Where a lesson teaches the training sentences they are among the others.

    Args:
        corpora: of the run.
        lexicon: its tables.
        others: sentences without tags of their own.
        options: for each token of these the inner tags that it may have.
    """
    scheme = corpora.train.scheme
    packed = pack(() if corpora.is_taught else corpora.train.sentences)
    gold = find_choices(packed, scheme)
    pieces = packed.cut(_find_cuts(packed, gold, inner_scheme(scheme), corpora.config.encoder.max_tokens))
    own = Choices.of(options)
    numbers = np.concatenate((np.asarray(gold.numbers), np.asarray(own.numbers) + len(gold.sets)))
    choices = Choices([*gold.sets, *own.sets], numbers.astype(np.int32))
    words = None
    if corpora.config.embedding.word_mark_dim:
        words = chain((_count_words(each, scheme) for each in pieces), (Counter[str]() for _ in others))
    return encode(pack(chain(pieces, others)), lexicon, choices, words)


def find_choices(packed: PackedSentences, scheme: Scheme, room: Path | None = None) -> Choices:
    """Return the inner tags that each token may have.

    They follow from its tag and the two beside it, so that what `schemes.candidates` says of three tokens holds
    wherever these three tags stand. Any corpus has few such triples.
    """
    inner, edge = inner_scheme(scheme), len(packed.labels)
    names: tuple[tuple[str, ...], ...] = (*((label,) for label in packed.labels), ())
    numbers: dict[int, int] = {}  # of a triple's set of tags
    sets: dict[tuple[str, ...], int] = {}
    column = Spool(room).column("choices", np.int32)
    for part in stretches(packed.starts):
        starts = packed.starts[part.start : part.stop + 1] - packed.starts[part.start]
        tags = packed.tags_within(part).astype(np.int64)
        before, behind = np.append(edge, tags[:-1]), np.append(tags[1:], edge)
        before[starts[:-1]] = behind[starts[1:] - 1] = edge
        triples, places = np.unique((before * (edge + 1) + tags) * (edge + 1) + behind, return_inverse=True)
        for triple in triples.tolist():
            if triple not in numbers:
                left, middle = names[triple // (edge + 1) ** 2], names[triple // (edge + 1) % (edge + 1)]
                tokens = (*left, *middle, *names[triple % (edge + 1)])
                found = schemes.candidates(tokens, scheme, inner)[len(left)]
                numbers[triple] = sets.setdefault(found, len(sets))
        column.append(np.array([numbers[triple] for triple in triples.tolist()], np.int32)[places])
    return Choices(list(sets), column.done())


def _find_cuts(packed: PackedSentences, choices: Choices, scheme: Scheme, limit: int) -> NDArray[np.int64]:
    """Return where sentences of more tokens than the limit are cut: offsets among the tokens of all."""
    cuts: list[int] = []
    for part in stretches(packed.starts):
        starts = packed.starts[part.start : part.stop + 1]
        for number in np.flatnonzero(np.diff(starts) > limit).tolist():
            begin, end = starts[number : number + 2].tolist()
            options = [choices.sets[each] for each in choices.numbers[begin:end].tolist()]
            cuts += [begin + place for place in _cut(options, scheme, limit)]
    return np.array(cuts, np.int64)


_Options = Sequence[Sequence[str]]  # for each token the tags that it may have


def _cut(options: _Options, scheme: Scheme, limit: int) -> Iterator[int]:
    """Yield where a sentence is cut so that its parts are within a limit, as far as its spans let it."""
    start = 0
    while len(options) - start > limit:
        stop = start + limit
        near = chain(range(stop, start + limit // 2, -1), range(stop + 1, len(options)))
        place = next((each for each in near if _is_between_spans(options, each, scheme)), None)
        if place is None:
            break
        yield place
        start = place


def _is_between_spans(options: _Options, place: int, scheme: Scheme) -> bool:
    """Tell whether surely no span reaches from the token before a place to the one after it."""
    sides = ((options[place - 1], "OES"), (options[place], "OBS"))
    return all(
        tags and all(schemes.split_tag(tag, scheme)[0] in roles for tag in tags) for tags, roles in sides
    )


def _spans(sentence: Sentence, scheme: Scheme) -> list[schemes.Span]:
    return schemes.tags_to_spans(sentence.tags, scheme)
