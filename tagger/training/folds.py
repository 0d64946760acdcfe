"""A corpus dealt into folds, and for each fold a model that learnt from all the others (Stone 1974,
"Cross-validatory choice and assessment of statistical predictions").

What such a model says of its fold it can't have read there. So no sentence of a fold is among those that it learns
from, be it somewhere else in the corpus, and no part of a document whose other part it has to judge.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tagger.config import Config, override
from tagger.errors import ConfigError, DataError
from tagger.runtime.judging import Judge
from tagger.runtime.trained import TrainedModel
from tagger.scoring.review import LabelDoubt
from tagger.text import schemes
from tagger.text.conll import Corpus
from tagger.text.conll.packed import pack
from tagger.text.counting import count_of
from tagger.training import loop, state
from tagger.training.data import Corpora, prepare_corpora
from tagger.training.loop import StepFacts
from tagger.training.recipes import labelled
from tagger.training.workers.crew import Outcome, Tell, work_off

_DOCUMENTS = 10  # for each fold: with fewer, folds of whole documents are too uneven
_STEPS = 1_500  # that a fold is worth: beyond it the suspects hardly change
_EPOCHS = 3, 8  # at least and at most

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


def deal(corpus: Corpus, folds: int, seed: int) -> Ints:
    """Return the fold of each sentence, (S,): documents whole where there are many, else equal sentences together.

    Which fold a document or a sentence is dealt to is drawn by the seed; the folds have about as many tokens each.

    Raises:
        ConfigError: there are more folds than documents or sentences to deal.
    """
    units = number_units(corpus, folds)
    sizes = np.bincount(units, [len(sentence) for sentence in corpus.sentences])
    if len(sizes) < folds:
        found = count_of(len(sizes), "distinct sentence")
        raise ConfigError(
            f"found {folds}, but the corpus has {found}; expected no more folds than that", "folds"
        )
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[
        np.argsort(-sizes[order], kind="stable")
    ]  # the large ones first, so that the small ones level
    filled = np.zeros(folds)
    chosen = np.zeros(len(sizes), np.int64)
    for unit in order.tolist():
        chosen[unit] = fold = int(filled.argmin())
        filled[fold] += sizes[unit]
    return chosen[units]


def number_units(corpus: Corpus, folds: int) -> Ints:
    """Return for each sentence the number of what is dealt as a whole, (S,)."""
    if has_documents(corpus, folds):
        return np.array([sentence.document for sentence in corpus.sentences], np.int64)
    numbers: dict[tuple[str, ...], int] = {}
    return np.array(
        [numbers.setdefault(sentence.tokens, len(numbers)) for sentence in corpus.sentences], np.int64
    )


def has_documents(corpus: Corpus, folds: int) -> bool:
    """Say whether a corpus has so many documents that each can be dealt whole."""
    return len({sentence.document for sentence in corpus.sentences}) >= _DOCUMENTS * folds


def settle(corpus: Corpus, config: Config, folds: int) -> Config:
    """Return the settings of all folds: those of the corpus, and what makes a short training of exact probabilities.

    A cost of mistakes would make spans more probable than they are. Sentences that are no neighbours any more aren't
    read together.
    """
    settled = prepare_corpora(corpus, corpus, None, config=config).config
    asked = config.training.model_fields_set
    changes: dict[str, object] = {
        "training.recall_cost": 0.0,
        "training.patience": None,
        "training.workers": 1,
    }
    if "epochs" not in asked:
        steps = len(corpus.sentences) / settled.training.batch_sentences
        changes["training.epochs"] = int(np.clip(np.ceil(_STEPS / steps), *_EPOCHS))
    if "context" not in config.encoder.model_fields_set and not has_documents(corpus, folds):
        changes["encoder.context"] = 1
    return override(settled, changes)


def judge_folds(
    corpus: Corpus,
    config: Config,
    folds: int,
    *,
    workers: int = 0,
    on_progress: Callable[[float], None] = lambda share: None,
) -> list[LabelDoubt]:
    """Return where models that had not seen them would label the sentences of a corpus otherwise.

    Args:
        corpus: with gold tags.
        config: the settings; what they leave open is chosen by `settle`.
        folds: into which the corpus is dealt, at least 2.
        workers: folds that are trained at once, each by a process on one core; 0: one per core. The result doesn't
            depend on it.
        on_progress: called with the share of all work that is done.

    Raises:
        ConfigError: there are too few sentences for so many folds, or a setting is at fault.
        DataError: there are too few spans to learn from.
        CrewLostError: a process was killed.
    """
    settled = settle(corpus, config, folds)
    work = FoldWork(corpus, deal(corpus, folds, settled.seed), settled)
    done = [0.0] * folds
    doubts: list[LabelDoubt] = []
    for fact in work_off(work, range(folds), workers or os.cpu_count() or 1):
        if isinstance(fact, Outcome):
            doubts += fact.value
        done[fact.task] = 1.0 if isinstance(fact, Outcome) else fact.share
        on_progress(sum(done) / folds)
    return sorted(doubts)


@dataclass(frozen=True, slots=True)
class FoldWork:
    """What is done with each fold, in whatever process.

    Attributes:
        corpus: all of it.
        dealt: (S,) the fold of each sentence.
        config: of `settle`.
    """

    corpus: Corpus
    dealt: Ints
    config: Config

    def __call__(self, task: int, tell: Tell) -> list[LabelDoubt]:
        """Return the doubts about the sentences of a fold."""
        is_held = self.dealt == task
        model = train_fold(self.corpus, is_held, self.config, tell)
        numbers = np.flatnonzero(is_held).tolist()
        held = pack(self.corpus.sentences).select(is_held)
        doubts = Judge(model, self.corpus.scheme).judge(held)
        return [each._replace(sentence=numbers[each.sentence]) for each in doubts]


def train_fold(
    corpus: Corpus, is_held: Mask, config: Config, tell: Tell = lambda share: None
) -> TrainedModel:
    """Return a model of what isn't in a fold.

    Args:
        corpus: all of it.
        is_held: (S,) which sentences are in the fold.
        config: of `settle`.
        tell: called with the share of the training that is done.

    Raises:
        DataError: too few spans are left to learn from.
    """
    data = _part(corpus, is_held, config)
    recipe = labelled.prepare(data)
    run = state.begin(recipe.learner.network, recipe.settings)
    for fact in loop.train(run, recipe):
        if isinstance(fact, StepFacts):
            tell(fact.progress)
    return recipe.model_of(run.averaged)


def _part(corpus: Corpus, is_held: Mask, config: Config) -> Corpora:
    """Return what a fold's model learns from: all other sentences that aren't also in the fold."""
    packed = pack(corpus.sentences)
    held = packed.select(is_held)
    inside = {sentence.tokens for sentence in held}
    is_learnt = ~is_held & np.array([sentence.tokens not in inside for sentence in packed], np.bool_)
    learned = replace(corpus, sentences=packed.select(is_learnt), warnings=())
    if not any(schemes.tags_to_spans(each.tags, corpus.scheme) for each in learned.sentences):
        raise DataError(
            "found no span outside of one fold, expected some in each part to learn from; give fewer --folds, or "
            "label more first",
            corpus.path,
        )
    dev = replace(corpus, sentences=held[:1], warnings=())  # it chooses nothing here, so one sentence will do
    return prepare_corpora(learned, dev, None, config=config)
