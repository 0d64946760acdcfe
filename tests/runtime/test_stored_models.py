"""Models that an older version wrote, and what it said of a text with them: they must go on saying so.

`tests/stored` holds them: version 0.1.0 before prediction left PyTorch, trained for a moment on a few sentences of
`data/`, so that they are small and unsure. `expected.jsonl` is what `tagger predict` of that version printed.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tagger.api.sources import load
from tagger.runtime.lexicon import Lexicon

STORED = Path(__file__).parents[1] / "stored"


@pytest.mark.parametrize("name", ["words", "characters"])
def test_spans_are_equal_and_confidences_nearly_so(name):
    place = STORED / name
    found = load(place).predict((place / "text.txt").read_text(encoding="utf-8"))
    expected = [
        json.loads(line) for line in (place / "expected.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [[[*token] for token in each.tokens] for each in found] == [each["tokens"] for each in expected]
    spans = [(span.type, span.start, span.end) for each in found for span in each.spans]
    wanted = [span for each in expected for span in each["spans"]]
    assert spans == [(span["type"], span["start"], span["end"]) for span in wanted]
    assert len(spans) > 10
    confidences = [span.confidence for each in found for span in each.spans]
    assert confidences == pytest.approx([span["confidence"] for span in wanted], abs=1e-4)


@pytest.mark.parametrize("name", ["words", "characters"])
def test_what_stands_beside_the_tokens_of_a_long_sentence_is_looked_up_once(name, monkeypatch):
    """It is read in hundreds of windows; looking all of it up for each of them took hours for a long one."""
    tagger = load(STORED / name)
    sizes = []
    look_up = Lexicon.pair_rows
    monkeypatch.setattr(
        Lexicon, "pair_rows", lambda self, words: sizes.append(len(words)) or look_up(self, words)
    )
    tagger.predict_tokens([["a"] * 30_000])
    assert sum(sizes) <= 30_000
