"""Half of a corpus's tags hidden: what is left must still train a useful model."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from training_runs import fit

from tagger.config import Config, override
from tagger.text.conll import Corpus, read_corpus
from tagger.text.schemes import UNKNOWN_TAG
from tagger.training.data import prepare_corpora
from tagger.training.recipe import Finished

DATA = Path(__file__).parents[2] / "data" / "english"


def hide(corpus: Corpus, share: float) -> Corpus:
    """Replace a share of the tags by `?`."""
    generator = random.Random(1)
    return replace(
        corpus,
        sentences=tuple(
            replace(
                sentence,
                tags=tuple(UNKNOWN_TAG if generator.random() < share else tag for tag in sentence.tags),
            )
            for sentence in corpus.sentences
        ),
    )


@pytest.mark.slow
def test_half_of_the_tags_train_a_useful_model(tmp_path: Path) -> None:
    whole, dev, test = (read_corpus(DATA / f"{part}.conll") for part in ("train", "dev", "test"))
    learned = hide(whole, 0.5)
    unknown = sum(sentence.tags.count(UNKNOWN_TAG) for sentence in learned.sentences)
    assert 0.49 < unknown / sum(map(len, learned.sentences)) < 0.51
    data = prepare_corpora(learned, dev, test, config=override(Config(), {"training.epochs": 6}))
    (finished,) = (fact for fact in fit(data, tmp_path / "model") if isinstance(fact, Finished))
    assert finished.test is not None
    assert finished.test.scores.micro.f1 > 0.85
