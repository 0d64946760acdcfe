"""Suspects: their order and groups by hand, what is printed of them, and the page in a browser."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from browsers import start_browser

from tagger.scoring.review import LabelDoubt, Review, rank_suspects, render_page, write_page
from tagger.text.conll import Corpus, Sentence
from tagger.text.decisions import decide
from tagger.text.schemes import Scheme, Span

HOSTILE = "<script>alert(1)</script>"


def make_corpus(*rows: tuple[str, str]) -> Corpus:
    sentences = tuple(
        Sentence(tuple(words.split()), tuple(tags.split()), line=10 * number + 1)
        for number, (words, tags) in enumerate(rows)
    )
    return Corpus("folder/x.conll", sentences, Scheme.IOB2, "", ())


CORPUS = make_corpus(
    ("Ada met York", "B-PER O B-ORG"),
    ("in York today", "O B-LOC O"),
    ("New York wins", "O B-LOC O"),
    ("Li left York", "O O O"),
    (f"{HOSTILE} won", "B-PER O"),
)
DOUBTS = [
    LabelDoubt(2, 0, 2, (Span("LOC", 1, 2),), (Span("ORG", 0, 2),), 0.1, 0.4),  # two labels change
    LabelDoubt(0, 2, 3, (Span("ORG", 2, 3),), (Span("LOC", 2, 3),), 0.1, 0.8),
    LabelDoubt(3, 0, 1, (), (Span("PER", 0, 1),), 0.01, 0.98),
    LabelDoubt(3, 2, 3, (), (Span("LOC", 2, 3),), 0.3, 0.6),
    LabelDoubt(4, 0, 1, (Span("PER", 0, 1),), (), 0.2, 0.7),
    LabelDoubt(1, 1, 2, (Span("LOC", 1, 2),), (), 0.5, 0.4),  # gold is the likelier
]


def make_review() -> Review:
    return rank_suspects(CORPUS, DOUBTS, 5)


def test_the_surest_come_first() -> None:
    review = make_review()
    expected = {
        "Li": 98.0,
        "York": 8.0,
        HOSTILE: 3.5,
        "New York": math.exp(math.log(4) / math.sqrt(2)),
    }
    found = [(each.text, each.probability / (1 - each.probability)) for each in review.suspects]
    assert [text for text, _ in found] == ["Li", "York", HOSTILE, "New York", "York"]
    assert dict(found[:4]) == pytest.approx(expected)
    assert found[4][1] == pytest.approx(2.0)
    assert (review.sentences, review.spans) == (5, 5)


def test_what_is_printed_of_a_suspect() -> None:
    suspect = next(each for each in make_review().suspects if each.text == "New York")
    assert suspect.as_dict("x.conll") == {
        "id": suspect.id,
        "file": "x.conll",
        "line": 21,
        "end_line": 22,
        "text": "New York",
        "gold": [{"type": "LOC", "text": "York", "line": 22, "end_line": 22}],
        "proposed": [{"type": "ORG", "text": "New York", "line": 21, "end_line": 22}],
        "probability": suspect.probability,
    }
    assert suspect.describe(suspect.doubt.gold) == "New [York]LOC"
    [decision] = decide(CORPUS, [suspect.id])
    assert (decision.sentence, decision.start, decision.end, decision.spans) == (2, 0, 2, suspect.doubt.found)


def test_words_with_several_labels_are_one_group() -> None:
    groups = list(make_review().grouped())
    assert [[each.text for each in group] for _, group in groups] == [
        ["Li"],
        ["York", "New York", "York"],
        [HOSTILE],
    ]
    uses = groups[1][0]
    assert uses is not None
    assert (uses.text, str(uses)) == ("York", "LOC 2, O 1, ORG 1")


def test_the_page_escapes_and_asks_for_nothing() -> None:
    page = render_page(make_review())
    assert HOSTILE not in page
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_page_without_suspects() -> None:
    assert "There are none." in render_page(rank_suspects(CORPUS, [], 5))


@pytest.mark.slow
def test_ticking_and_exporting_in_a_browser(tmp_path: Path) -> None:
    review = make_review()
    place = tmp_path / "review.html"
    write_page(review, place)
    with start_browser() as browser:
        page = browser.new_page(viewport={"width": 360, "height": 740}, accept_downloads=True)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(place.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.keyboard.press("j")
        page.keyboard.press("x")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("x")
        assert "2 ticked, 5 of 5 shown" in page.inner_text("#status")
        with page.expect_download() as waiting:
            page.click("#save")
        text = Path(waiting.value.path()).read_text(encoding="utf-8")
        assert waiting.value.suggested_filename == "x.conll.ids.txt"
        ids = [line.partition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
        listed = [suspect for _, group in review.grouped() for suspect in group]
        assert ids == [listed[0].id, listed[2].id]
        assert len(decide(CORPUS, ids)) == 2
        page.reload()  # what was ticked is remembered
        assert "2 ticked" in page.inner_text("#status")
        page.fill("#search", "left york")
        assert "2 of 5 shown" in page.inner_text("#status")
        page.keyboard.press("Escape")
        page.select_option("#type", "PER")
        assert "2 of 5 shown" in page.inner_text("#status")
        page.check("#ticked")
        assert "1 of 5 shown" in page.inner_text("#status")
        assert page.evaluate("location.hash") == "#type=PER&ticked=yes"
        page.reload()  # the address says what is shown
        assert "2 ticked, 1 of 5 shown" in page.inner_text("#status")
        ground = "getComputedStyle(document.body).backgroundColor"
        before = page.evaluate(ground)
        page.click("#theme")
        assert page.evaluate(ground) != before
        assert json.dumps(faults) == "[]"
