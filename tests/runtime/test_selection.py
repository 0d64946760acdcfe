"""What is doubtful about a sentence, against every reading there is; and which sentences are chosen, by hand."""

from __future__ import annotations

import doctest
import math
import random
from collections import Counter

import pytest
from toy_models import WORDS, make_model, random_sentences

from tagger.runtime import selection
from tagger.runtime.questions import Doubt, Question
from tagger.runtime.selection import Candidate, Shortlist, choose, digest
from tagger.runtime.tagger import Tagger
from tagger.text.formats import LabelledSentence
from tagger.text.passages import split_text

MODELS = {
    "BIOES": {"scheme": "BIOES"},
    "IO": {"scheme": "IO"},
    "bare": {"scheme": "BARE"},
    "words": {"scheme": "BMES", "mode": "characters", "has_outside": False, "types": ("",)},
    "softmax": {"scheme": "IOB2", "decoder__kind": "softmax"},
}
ALL = 10_000  # readings: more than three tokens have


def label(kind, doubt, **changes):
    """Return the sentences of three tokens, what is said of each, and all of its readings."""
    model = make_model(**MODELS[kind]).with_fitted(temperature=1.7, **changes)
    sentences = [each[:3] for each in random_sentences(12) if len(each) >= 3]
    asked = Tagger(model).predict_tokens(sentences, doubt=doubt, nbest=ALL)
    for each in asked:
        assert math.fsum(reading.confidence for reading in each.nbest) == pytest.approx(1, abs=1e-4)
    return sentences, asked


@pytest.mark.parametrize("kind", MODELS)
def test_entropy_is_that_of_all_readings(kind):
    sentences, asked = label(kind, Doubt.ENTROPY)
    for words, each in zip(sentences, asked, strict=True):
        shares = [reading.confidence for reading in each.nbest if reading.confidence]
        assert len(each.doubts) == len(words)
        assert sum(each.doubts) == pytest.approx(-sum(p * math.log(p) for p in shares), abs=1e-4)


@pytest.mark.parametrize("least", [0.0, 0.4])
@pytest.mark.parametrize("kind", ["BIOES", "bare", "words"])
def test_errors_are_the_spans_that_all_readings_miss_or_lack(kind, least):
    changes = {} if kind == "words" else {"min_confidence": least}
    _, asked = label(kind, Doubt.ERRORS, **changes)
    seen = 0
    for each in asked:
        given = {span[:3] for span in each.spans}
        expected = math.fsum(
            reading.confidence * len(given ^ {span[:3] for span in reading.spans}) for reading in each.nbest
        )
        assert sum(each.doubts) == pytest.approx(expected, abs=1e-4)
        seen += len(given)
    assert seen


def test_doubts_change_nothing_else():
    labels = Tagger(make_model())
    sentences = [*random_sentences(30), []]
    plain = labels.predict_tokens(sentences, expected_spans=True)
    for doubt in Doubt:
        asked = labels.predict_tokens(sentences, doubt=doubt, expected_spans=True)
        assert [each.spans for each in asked] == [each.spans for each in plain]
        assert [each.expected_spans for each in asked] == [each.expected_spans for each in plain]
        assert [len(each.doubts) for each in asked] == [len(each) for each in sentences]
    assert all(each.doubts is None for each in plain)


def test_doubts_lie_beside_the_tokens_of_a_text():
    labels = Tagger(make_model())
    passages = list(split_text("a", "Ada met Li. New York  spoke !"))
    for sentence in labels.label(passages, Question(doubt=Doubt.ENTROPY)):
        assert len(sentence.doubts) == len(sentence.tokens)


def greedy(candidates, n, fade):
    """Return the choice by weighing all candidates anew each time."""
    met, chosen = Counter(), []
    while len(chosen) < min(n, len(candidates)):

        def weigh(place):
            each = candidates[place]
            doubts = zip(each.words, each.doubts, strict=True)
            return sum(doubt * fade ** met[word] for word, doubt in doubts) / each.cost

        best = max((place for place in range(len(candidates)) if place not in chosen), key=weigh)
        chosen.append(best)
        met.update(set(candidates[best].words))
    return chosen


@pytest.mark.parametrize("fade", [1.0, 0.5, 0.1])
def test_the_heap_finds_what_weighing_everything_finds(fade):
    draw = random.Random(3)
    candidates = []
    for words in random_sentences(120):
        doubts = [draw.random() ** 4 for _ in words]
        candidates.append(Candidate(words, doubts, draw.choice([1.0, 2.0, 1.0 + len(words)])))
    found = choose(candidates, 50, fade)
    assert [place for place, _ in found] == greedy(candidates, 50, fade)


def test_the_examples_in_the_module_hold():
    assert doctest.testmod(selection).failed == 0


def test_ten_of_a_kind_are_not_chosen_first():
    kind = [Candidate(["Real", "won"], [1.0, 0.1], 1.0) for _ in range(10)]
    other = Candidate(["Betis", "lost"], [0.6, 0.1], 1.0)
    third = Candidate(["Cádiz", "lost"], [0.58, 0.1], 1.0)
    chosen = choose([*kind, other, third], 3)
    assert [place for place, _ in chosen] == [0, 10, 11]
    assert chosen[0][1] == [1.0, 0.1]
    assert chosen[2][1] == [0.58, 0.05]  # "lost" stood in the one before
    assert [place for place, _ in choose([*kind, other, third], 3, fade=1.0)] == [0, 1, 2]
    assert choose([], 3) == []


def make_sentence(text, doubt, start=0):
    words, tokens, at = text.split(), [], start
    for word in words:
        tokens.append((at, at + len(word), "O"))
        at += len(word) + 1
    doubts = [doubt / len(words)] * len(words)
    end = start + len(text)
    return LabelledSentence(doc="a", start=start, end=end, text=text, tokens=tokens, spans=[], doubts=doubts)


def test_a_text_comes_but_once_and_what_is_labelled_not_at_all():
    shortlist = Shortlist(5, {digest(["It", "rained", "."])})
    for text in ("Page 12 of 90", "page 13 of 91", "It rained .", "Ada came", "Ada  came"):
        shortlist.add(make_sentence(text, 1.0))
    assert (shortlist.sentences, shortlist.labelled, shortlist.repeated) == (5, 1, 2)
    assert [each.sentence.text for each in shortlist.choose()] == ["Ada came", "Page 12 of 90"]


def test_long_sentences_cost_more():
    shortlist = Shortlist(1)
    shortlist.add(make_sentence(" ".join(WORDS * 30), 3.0))
    shortlist.add(make_sentence("Ada met Li", 0.5))
    assert shortlist.choose()[0].sentence.text == "Ada met Li"


def test_few_are_kept_however_many_go_by():
    shortlist = Shortlist(2)
    for number in range(3000):
        name = "".join(chr(97 + int(digit)) for digit in str(number))
        shortlist.add(make_sentence(f"{name} came", number % 1000))
    assert len(shortlist._heap) == len(shortlist._held) == 20
    assert [each.doubt for each in shortlist.choose()] == pytest.approx([999, 999])


def test_a_random_choice_depends_on_the_seed_alone_and_takes_each_as_often():
    def draw(seed):
        shortlist = Shortlist(4, seed=seed)
        for word in WORDS:
            shortlist.add(make_sentence(word, 0.0))
        return [each.sentence.text for each in shortlist.choose()]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    counts = Counter(word for seed in range(1000) for word in draw(seed))
    share = 4000 / len(set(WORDS))
    assert all(abs(count - share) < 5 * math.sqrt(share) for count in counts.values())
    assert counts.keys() == set(WORDS)


def test_the_reasons_are_the_doubtful_words_in_their_order():
    sentence = make_sentence("the Real of Madrid won", 0.0)
    shortlist = Shortlist(1)
    object.__setattr__(sentence, "doubts", [0.01, 0.5, 0.0, 0.9, 0.02])
    shortlist.add(sentence)
    (chosen,) = shortlist.choose()
    assert chosen.reasons == ("Real", "Madrid")
    assert chosen.doubt == pytest.approx(1.43)
    assert chosen.score == pytest.approx(1.43 / 1.1)


def test_a_chosen_sentence_is_a_document_of_its_own():
    shortlist = Shortlist(1)
    shortlist.add(make_sentence("Ada came", 1.0, start=40))
    single = shortlist.choose()[0].single_out(1)
    assert (single.doc, single.start, single.end, single.words()) == ("a@40", 0, 8, ["Ada", "came"])
    assert single.facts["rank"] == 1
    assert single.spell_facts()[0] == "# rank = 1"
