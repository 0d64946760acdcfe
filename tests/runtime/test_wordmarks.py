"""Known words as a feature: which lists there are, what a training sentence doesn't know, how models go on."""

from __future__ import annotations

import numpy as np
import pytest

from tagger import config as settings
from tagger.config import Config, complete_settings
from tagger.model.batch import encode
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.wordmarks import PARTS, WordMarks, mark_places
from tagger.text.conll import Sentence
from tagger.text.gazetteer import Gazetteer
from tagger.text.wordlist import NO_MARK, ROWS, describe_mark

CONFIG = settings.override(Config(), {"embedding.word_mark_dim": 2}).embedding
SENTENCES = [Sentence(tuple("天地玄黄"), tuple("BEBE")), Sentence(tuple("天地宇宙"), tuple("BEBE"))]
WORDS = [{"天地": 1, "玄黄": 1}, {"天地": 1, "宇宙": 1}]
NAMES = Gazetteer("dictionary", ["玄 黄", "黄 色"])


def build(gazetteers=()) -> Lexicon:
    return Lexicon.build(SENTENCES, ("B", "E"), CONFIG, gazetteers, WORDS)


def marks(rows: np.ndarray, place: int = 0) -> list[tuple[int, int, int]]:
    return [describe_mark(row) for row in rows[:, place].tolist()]


def test_a_training_sentence_does_not_know_the_words_that_it_alone_has():
    corpus = encode(SENTENCES, build((NAMES,)), None, words=WORDS)
    first, second = (example.local["word_marks"] for example in corpus)
    assert marks(first) == [
        (2, 0, 0),
        (0, 2, 0),
        (0, 0, 0),
        (0, 0, 0),
    ]  # the other one has 天地, none has 玄黄
    assert marks(second) == [(2, 0, 0), (0, 2, 0), (0, 0, 0), (0, 0, 0)]
    assert marks(first, 1) == [
        (0, 0, 0),
        (0, 0, 0),
        (2, 0, 0),
        (0, 2, 0),
    ]  # a list that is given knows it


def test_new_text_knows_all_training_words():
    corpus = encode(SENTENCES, build(), None)
    assert marks(corpus[0].local["word_marks"]) == [(2, 0, 0), (0, 2, 0)] * 2


def test_lists_are_the_training_words_and_those_that_are_given_and_come_back():
    lexicon = build((NAMES,))
    found = lexicon.of(WordMarks)
    assert [each.name for each in found.lists] == ["the training words", "dictionary"]
    assert found.lists[0].words == {"天地": 2, "玄黄": 1, "宇宙": 1}
    assert found.size == 2 * len(PARTS) * 2
    assert Lexicon.from_dict(lexicon.as_dict(), CONFIG) == lexicon
    assert not Lexicon.build(SENTENCES, ("B", "E"), Config().embedding, (NAMES,), WORDS).of(WordMarks).lists


def test_a_model_that_goes_on_counts_the_words_of_both_corpora():
    later = Lexicon.build(SENTENCES[:1], ("B", "E"), CONFIG, (), [{"天地": 1, "洪荒": 3}])
    joined = build((NAMES,)).followed_by(later).of(WordMarks)
    assert joined.lists[0].words == {"天地": 3, "玄黄": 1, "宇宙": 1, "洪荒": 3}
    assert [each.name for each in joined.lists] == ["the training words", "dictionary"]


def test_every_row_of_marks_is_three_rows_of_its_parts():
    places = mark_places()
    assert places.shape == (len(PARTS), ROWS)
    assert len({tuple(column) for column in places.T}) == ROWS
    assert (places[:, NO_MARK] == NO_MARK).all()


@pytest.mark.parametrize(
    ("mode", "cuts_words", "expected"),
    [("characters", True, 8), ("characters", False, 0), ("words", True, 0), ("words", False, 0)],
)
def test_known_words_are_a_default_of_models_that_make_words_of_characters(mode, cuts_words, expected):
    found = complete_settings(Config(), "BMES", mode, cuts_words=cuts_words)
    assert found.embedding.word_mark_dim == expected
    assert found.embedding.fold_width == bool(expected)
    chosen = settings.override(Config(), {"embedding.word_mark_dim": 3})
    assert complete_settings(chosen, "BMES", mode, cuts_words=cuts_words).embedding.word_mark_dim == 3


def test_labels_of_all_tokens_get_a_wider_encoder_unless_somebody_says():
    assert complete_settings(Config(), "BARE", "words").encoder.hidden == 200
    assert complete_settings(Config(), "IOB2", "words").encoder.hidden == Config().encoder.hidden
    chosen = settings.override(Config(), {"encoder.hidden": 64})
    assert complete_settings(chosen, "BARE", "words").encoder.hidden == 64
