"""What to label next: the sentences of a pool from which a model has most to learn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any

from tagger.api.sources import FilePath, describe_value, load
from tagger.errors import ConfigError, DataError
from tagger.runtime.questions import Doubt, Question
from tagger.runtime.selection import Chosen, Shortlist, digest, digest_all
from tagger.runtime.tagger import Tagger
from tagger.runtime.workers import Answer, answer
from tagger.text.formats import LabelledSentence
from tagger.text.objects import describe
from tagger.text.passages import Event, split_text
from tagger.text.raw import InputSettings, Pause

USUAL_NUMBER = 200


class Criterion(StrEnum):
    """By what sentences are chosen."""

    ERRORS = Doubt.ERRORS.value
    ENTROPY = Doubt.ENTROPY.value
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class Selection:
    """The sentences that were chosen, and what they were chosen from.

    Attributes:
        criterion: by what.
        chosen: the sentences, best first.
        sentences: of the pool.
        tokens: of the pool.
        labelled: sentences of the pool that were left out since they are labelled already.
        repeated: those that were left out since a candidate is the same but for digits, case and white space.
    """

    criterion: Criterion
    chosen: tuple[Chosen, ...]
    sentences: int
    tokens: int
    labelled: int
    repeated: int

    def __repr__(self) -> str:
        return f"<Selection of {len(self.chosen):,} of {self.sentences:,} sentences by {self.criterion}>"

    @property
    def singled_out(self) -> list[LabelledSentence]:
        """The sentences, each as a document of its own, with the reason beside it: as they are written."""
        return [each.single_out(rank) for rank, each in enumerate(self.chosen, 1)]

    def as_dict(self) -> dict[str, Any]:
        """Return what `tagger next --json` prints."""
        pool = {name: getattr(self, name) for name in ("sentences", "tokens", "labelled", "repeated")}
        facts = {
            "criterion": str(self.criterion),
            "pool": pool,
            "tokens": sum(len(each.sentence.tokens) for each in self.chosen),
            "chosen": [each.as_dict(rank) for rank, each in enumerate(self.chosen, 1)],
        }
        return describe("selection", facts)


def choose_sentences(
    model: Tagger | FilePath,
    texts: str | Iterable[str],
    n: int = USUAL_NUMBER,
    *,
    criterion: Criterion | str = Criterion.ERRORS,
    exclude: Iterable[str | Sequence[str]] = (),
    seed: int = 1,
    language: str = "en",
) -> Selection:
    """Choose the sentences of raw texts that are best labelled next; the texts go by once, in bounded memory.

    Args:
        model: a tagger, or its directory.
        texts: the pool: raw text, as `Tagger.predict` takes it.
        n: how many sentences.
        criterion: `errors`: names that are expected to be wrong or missing; `entropy`: of all ways to label a
            sentence; `random`.
        exclude: sentences that are labelled already, each a text or its tokens.
        seed: of a random choice.
        language: of the texts, as of `Tagger.predict`.

    Raises:
        DataError: there is no sentence to choose from.
        ModelError: the model is at fault.
        ConfigError: an argument is not what it should be.

    >>> found = choose_sentences("models/english", ["Ada met Li in Paris.", "It rained."], 1)  # doctest: +SKIP
    >>> found.chosen[0].sentence.text, found.chosen[0].reasons  # doctest: +SKIP
    ('Ada met Li in Paris.', ('Li',))
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ConfigError(f"found {describe_value(n)}, expected a number of sentences, 1 or more", "n")
    if criterion not in list(Criterion):
        raise ConfigError(f"found {criterion!r}, expected one of {', '.join(Criterion)}", "criterion")
    several = [texts] if isinstance(texts, str) else texts
    if isinstance(several, bytes) or not isinstance(several, Iterable):
        raise ConfigError(f"found {describe_value(texts)}, expected a text or texts", "texts")
    tagger = model if isinstance(model, Tagger) else load(model)
    reading = InputSettings(language=language, known_abbreviations=tagger.known_abbreviations)

    def checked(text: object) -> str:
        if not isinstance(text, str):
            raise ConfigError(f"found {describe_value(text)}, expected a text", "texts")
        return text

    events = chain.from_iterable(
        split_text(str(number), checked(text), reading, tagger.scope) for number, text in enumerate(several)
    )
    excluded = {digest([each] if isinstance(each, str) else each) for each in exclude}
    chosen = Criterion(criterion)
    return choose_answered(answer_pool(tagger, events, chosen), n, chosen, excluded, seed)


def answer_pool(
    tagger: Tagger, events: Iterable[Event], criterion: Criterion, workers: int = 1
) -> Iterator[Answer | None]:
    """Yield the answers to passages among which is chosen, and None where the input pauses."""
    doubt = None if criterion is Criterion.RANDOM else Doubt(criterion)
    return answer(tagger, events, Question(doubt=doubt), workers=workers)


def choose_answered(
    answers: Iterable[Answer | None],
    n: int,
    criterion: Criterion,
    excluded: AbstractSet[bytes] = frozenset(),
    seed: int = 1,
) -> Selection:
    """Choose among answers as they come.

    Raises:
        DataError: there is no sentence to choose from.
    """
    shortlist = Shortlist(n, excluded, seed if criterion is Criterion.RANDOM else None)
    for found in answers:
        if found is not None:
            assert not isinstance(found.content, str)
            for sentence in found.content:
                shortlist.add(sentence)
    if not shortlist.sentences:
        raise DataError("the pool: found no sentence, expected some to choose from")
    counts = (shortlist.sentences, shortlist.tokens, shortlist.labelled, shortlist.repeated)
    return Selection(criterion, tuple(shortlist.choose()), *counts)


def collect_digests(events: Iterable[Event]) -> set[bytes]:
    """Return what tells the sentences of passages apart, to be left out of a pool."""
    return digest_all(event for event in events if not isinstance(event, Pause))
