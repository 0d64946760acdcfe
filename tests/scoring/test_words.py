"""Words as the bakeoffs score them: examples counted by hand, and the definition told again over places in a text."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import accumulate, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import tagger
from tagger import scoring
from tagger.cli import tables
from tagger.cli.mistakes import frequent_mistakes
from tagger.scoring.answers import read_word_list
from tagger.scoring.report import render_page
from tagger.scoring.result import ScoringResult
from tagger.text.schemes import Scheme, Span, Task, spans_to_tags, tags_to_spans

Labelled = tuple[list[str], list[str]]

# 8 gold words and 9 predicted ones, of which 我们, 在, 学习, 。 and 研究 are right; 北京大学 is cut in two, and 生命
# 起源 elsewhere
GOLD = ["我们 在 北京大学 学习 。", "研究 生命 起源"]
PREDICTED = ["我们 在 北京 大学 学习 。", "研究 生 命起源"]
TRAINING = ["我们 学习 研究 。", "在 北京 生 命起源"]


def segment(line: str, types: str = "") -> Labelled:
    """Return the characters of segmented text with BMES tags; `types` are those of its words."""
    words = line.split()
    ends = list(accumulate(map(len, words), initial=0))
    names = types.split() or [""] * len(words)
    spans = [Span(name, *place) for name, place in zip(names, pairwise(ends), strict=True)]
    return list("".join(words)), spans_to_tags(spans, ends[-1], Scheme.BMES)


def score_lines(gold: list[str], predicted: list[str], training: list[str] | None = None) -> ScoringResult:
    rows = None if training is None else list(map(segment, training))
    return tagger.score(list(map(segment, gold)), list(map(segment, predicted)), training=rows, scheme="BMES")


def test_words_by_hand() -> None:
    scores = score_lines(GOLD, PREDICTED).scores
    assert scores.task is Task.WORDS
    assert scores.types == {"word": scoring.Score(8, 9, 5)}
    assert scores.words == scoring.WordScores(scoring.Score(8, 9, 5))
    assert (scores.headline, scores.headline_name) == (("F1", 10 / 17), "word F1")
    assert (scores.micro.precision, scores.micro.recall) == (5 / 9, 5 / 8)
    assert scores.sentence_accuracy == 0.0


def test_words_unseen_and_seen_by_hand() -> None:
    """Unseen in training: 北京大学, 生命 and 起源, of which none is found; 大学 is found, and is no word of gold."""
    words = score_lines(GOLD, PREDICTED, TRAINING).scores.words
    assert words is not None
    assert (words.unseen, words.seen) == (scoring.Score(3, 1, 0), scoring.Score(5, 8, 5))
    assert (words.oov_rate, words.oov_recall, words.iv_recall) == (3 / 8, 0.0, 1.0)
    right = score_lines(GOLD, GOLD, TRAINING)
    assert right.scores.words is not None
    assert (right.scores.words.oov_recall, right.scores.sentence_accuracy) == (1.0, 1.0)


def test_a_recall_of_no_word_is_no_number() -> None:
    words = score_lines(["我 们"], ["我们"], ["我 们"]).scores.words
    assert words is not None
    assert (words.oov_rate, words.oov_recall, words.iv_recall) == (0.0, None, 0.0)
    assert score_lines(["我 们"], ["我们"]).scores.words == scoring.WordScores(scoring.Score(2, 1, 0))


def test_types_are_nothing_to_words() -> None:
    """Of four words three are cut right, of which two have the right tag; 台 and 大 are one word whatever its tag."""
    gold, predicted = segment("他 在 台大 读书", "PN P NR VV"), segment("他 在 台大 读 书", "PN VV NR VV NN")
    result = tagger.score([gold], [predicted], training=[segment("台大 在", "NN P")], scheme="BMES")
    scores = result.scores
    assert (scores.task, scores.headline_name) == (Task.JOINT, "joint F1")
    assert scores.micro == scoring.Score(4, 5, 2)
    assert scores.words == scoring.WordScores(
        scoring.Score(4, 5, 3), seen=scoring.Score(2, 2, 2), unseen=scoring.Score(2, 3, 1)
    )
    assert result.analysis.novelty == {"seen": scoring.Score(2, 2, 1), "unseen": scoring.Score(2, 3, 1)}


WORDS = st.lists(st.text("甲乙丙", min_size=1, max_size=3), min_size=1, max_size=8)


@given(WORDS, st.randoms(use_true_random=False), st.sets(st.text("甲乙丙", min_size=1, max_size=3)))
def test_equals_the_definition_over_places_in_the_text(
    words: list[str], draw: random.Random, training: set[str]
) -> None:
    """A second opinion, without tags or spans: a word is where it begins and ends."""
    text = "".join(words)
    cuts = sorted(draw.sample(range(1, len(text)), draw.randrange(len(text)))) if len(text) > 1 else []
    found = [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]
    places = [
        {(end - len(word), end) for word, end in zip(line, accumulate(map(len, line)), strict=True)}
        for line in (words, found)
    ]
    gold, both = places[0], places[0] & places[1]
    unseen = {place for place in gold if text[slice(*place)] not in training}
    rows = [segment(" ".join(line)) for line in (words, found)]
    scores = scoring.score(
        [rows[0][1]], [rows[1][1]], Scheme.BMES, task=Task.WORDS, tokens=[rows[0][0]], training=training
    )
    assert scores.micro == scoring.Score(len(words), len(found), len(both))
    assert scores.words is not None
    assert scores.words.oov_rate == len(unseen) / len(gold)
    assert scores.words.oov_recall == (len(unseen & both) / len(unseen) if unseen else None)
    assert scores.words.iv_recall == (len(both - unseen) / len(gold - unseen) if gold - unseen else None)


POS_GOLD = [(["the", "old", "man", "the", "boats"], ["DET", "NOUN", "VERB", "DET", "NOUN"]), (["ok"], ["O"])]
POS_FOUND = [(["the", "old", "man", "the", "boats"], ["DET", "ADJ", "NOUN", "DET", "NOUN"]), (["ok"], ["O"])]


def test_parts_of_speech_seen_and_unseen_by_hand() -> None:
    """Seen are `the` twice, `man` (as another part of speech) and `ok`, whose label is O; `man` is wrong."""
    training = [(["the", "man", "ok"], ["DET", "NOUN", "O"])]
    result = tagger.score(POS_GOLD, POS_FOUND, training=training, scheme="BARE")
    words = result.scores.words
    assert words is not None
    assert (words.all, words.seen, words.unseen) == (
        scoring.Score(6, 6, 4), scoring.Score(4, 4, 3), scoring.Score(2, 2, 1)
    )  # fmt: skip
    assert (result.scores.token_accuracy, words.oov_recall, words.iv_recall) == (4 / 6, 1 / 2, 3 / 4)
    assert result.scores.sentence_accuracy == 1 / 2
    assert tagger.score(POS_GOLD, POS_FOUND, scheme="BARE").scores.words is None
    assert [each for each in result.analysis.confusion.largest() if each[0]] == [
        ("NOUN", "ADJ", 1), ("VERB", "NOUN", 1)
    ]  # fmt: skip
    assert result.analysis.confusion.gold_of("NOUN") == 2


def test_unknown_gold_labels_are_neither_seen_nor_unseen() -> None:
    scores = scoring.score(
        [["NOUN", "?"]], [["NOUN", "VERB"]], Scheme.BARE, tokens=[["a", "b"]], training=frozenset("a")
    )
    assert scores.words is not None
    assert (scores.words.seen, scores.words.unseen) == (scoring.Score(1, 1, 1), scoring.Score(0, 0, 0))


@pytest.mark.parametrize("task", ["words", "labels"])
def test_two_systems_and_the_interval_of_the_headline(task: str) -> None:
    """The test and the interval are of the number that is quoted; the second system has every second line right."""
    if task == "words":
        gold, one = ([segment(line) for line in lines * 20] for lines in (GOLD, PREDICTED))
        scheme, measure = "BMES", "F1"
    else:
        gold, one, scheme, measure = POS_GOLD * 20, POS_FOUND * 20, "BARE", "accuracy"
    other = [gold[i] if i % 2 == 0 else row for i, row in enumerate(one)]
    result = tagger.score(gold, one, other, scheme=scheme)
    assert result.comparison is not None
    assert (result.comparison.first, result.comparison.second) == tuple(
        each.scores.headline[1] for each in result.analyses
    )
    assert result.comparison.p_value < 0.05 < tagger.score(gold, one, one, scheme=scheme).comparison.p_value  # type: ignore[union-attr]
    assert result.scores.headline[0] == measure
    assert result.analysis.interval.low <= result.scores.headline[1] <= result.analysis.interval.high


def names_in(value: object) -> Iterator[str]:
    """Yield every key and every string of a JSON value."""
    if isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from names_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from names_in(each)
    elif isinstance(value, str):
        yield value


class Cells(HTMLParser):
    """The text of each cell of the tables of a page, a picture standing for itself."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.options: list[str] = []
        self._is_open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("td", "th"):
            self._is_open = True
            self.found.append("")
        elif tag == "svg" and self._is_open:
            self.found[-1] += "(picture)"
        self.options += [value or "" for name, value in attrs if name in ("data-t", "data-g", "data-p")]

    def handle_data(self, data: str) -> None:
        if self._is_open:
            self.found[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._is_open = False


def show(result: ScoringResult) -> str:
    console = Console(file=io.StringIO(), width=100)
    for drawn in (
        tables.scores_table(result.scores),
        tables.interval_line(result.analysis),
        tables.details_view(result.analysis),
        frequent_mistakes(result.analysis, 9),
    ):
        console.print(drawn)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


NAMELESS = {
    "words": (list(map(segment, GOLD)), list(map(segment, PREDICTED)), "BMES", "word"),
    "joint": (
        [segment(GOLD[1], "VV NN NN")], [segment(PREDICTED[1], "VV NN NN")], "BMES", None
    ),
    "terms": ([(["a", "b", "c"], ["B", "I", "O"])], [(["a", "b", "c"], ["B", "O", "B"])], "IOB2", "span"),
}  # fmt: skip


@pytest.mark.parametrize("kind", NAMELESS)
def test_a_missing_type_has_a_name_wherever_it_is_told(kind: str) -> None:
    gold, predicted, scheme, name = NAMELESS[kind]
    result = tagger.score(gold, predicted, training=gold, scheme=scheme, seqeval=True)
    facts = json.loads(json.dumps(result.as_dict()))
    assert all(names_in(facts))
    if name is not None:
        assert list(facts["types"]) == [name] == list(facts["type_intervals"])
        assert facts["confusion"]["gold"] == [name, "spurious"]
    page = Cells(render_page(result.analysis))
    assert page.found
    assert all(map(str.strip, page.found))
    assert all(page.options)
    shown = show(result)
    assert ("micro" in shown, "macro" in shown) == ((name is None,) * 2)
    assert ("micro" in page.found, "macro" in page.found) == ((name is None,) * 2)
    if kind != "terms":
        assert not re.search(r"\bspans?\b", shown)
        assert ("words alone" in page.found, "words alone" in shown) == ((kind == "joint",) * 2)


def test_reports_quote_what_the_field_quotes() -> None:
    shown = show(score_lines(GOLD, PREDICTED, TRAINING))
    assert re.search(r"words +55\.56 +62\.50 +58\.82 +8", shown)
    assert "word F1 58.82 (95 % interval" in shown
    assert (
        "recall of words unseen in training (OOV) 0.00, of seen ones (IV) 100.00; 37.50 % of the words"
        in shown
    )
    shown = show(tagger.score(POS_GOLD, POS_FOUND, training=POS_FOUND[:1], scheme="BARE"))
    assert "accuracy of tokens unseen in training (OOV) 100.00, of seen ones (IV) 60.00; 16.67 %" in shown
    assert "token accuracy 66.67, sentence accuracy 50.00, 6 tokens in 2 sentences" in shown
    assert re.search(r"NOUN +ADJ +1 +50\.00", shown)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("我们\n在\n,\n\n1,000\n", {"我们", "在", ",", "1,000"}),
        ("\ufeff在\r\n我\r\n", {"在", "我"}),
        ("我们 在\n", None),
        ("我们\u3000在\n他\n", None),
        ("我们\tB\n", None),
        ("the,DET\nman,NOUN\n", None),
    ],
)
def test_a_list_of_words_is_told_from_a_corpus(tmp_path: Path, content: str, words: set[str] | None) -> None:
    path = tmp_path / "words.utf8"
    path.write_text(content, encoding="utf-8")
    assert read_word_list(path, "utf-8") == words


def test_a_list_of_words_stands_for_the_training_corpus(tmp_path: Path) -> None:
    path = tmp_path / "training_words.utf8"
    path.write_text("\n".join(" ".join(TRAINING).split()), encoding="utf-8")
    rows = [list(map(segment, lines)) for lines in (GOLD, PREDICTED)]
    found = tagger.score(*rows, training=path, scheme="BMES").scores
    assert found == score_lines(GOLD, PREDICTED, TRAINING).scores


def test_a_word_is_its_characters_however_they_are_cut() -> None:
    [tokens], [tags] = [["AB", "C", "D"]], [["B", "E", "S"]]
    spans = tags_to_spans(tags, Scheme.BMES)
    assert [scoring.surface(tokens, span, Task.WORDS) for span in spans] == ["ABC", "D"]
    assert scoring.collect_surfaces([tokens], [tags], Scheme.BMES, Task.WORDS) == {"ABC", "D"}
