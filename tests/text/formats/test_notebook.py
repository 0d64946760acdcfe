"""What a notebook shows of sentences: one piece of HTML, read by Python's own parser."""

from __future__ import annotations

import json
import pickle
from html.parser import HTMLParser

from tagger.text.formats import LabelledSentence, LabelledSpan, Sentences
from tagger.text.formats.hues import find_hue
from tagger.text.formats.sentence import MOST_SHOWN
from tagger.text.schemes import Task

HOSTILE = 'Ada</script><img src=x onerror="alert(1)"> met\nLi & 北京'


class Shown(HTMLParser):
    """The text of a piece of HTML, its marks, and all its tags and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.open = "", [""]
        self.marks: list[dict[str, str | None]] = []
        self.seen: set[str] = set()
        self.feed(html)
        self.close()
        assert self.open == [""]

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen |= {tag, *(name for name, _ in attrs)}
        if tag == "mark":
            self.marks.append(dict(attrs))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] != "b":
            self.text += data


def sentence(text: str, *spans: LabelledSpan, start: int = 0, space: str = "", task: Task = Task.LABELS):
    return LabelledSentence(
        doc="0", start=start, end=start + len(text), text=text, tokens=[], spans=spans, space=space, task=task
    )


def test_a_sentence_shows_its_spans_and_nothing_of_it_is_markup():
    spans = [
        LabelledSpan('"><b>', 0, 3, "Ada", 0.98765),
        LabelledSpan("LOC", len(HOSTILE) - 2, len(HOSTILE), "北京"),
    ]
    shown = Shown(sentence(HOSTILE, *spans)._repr_html_())
    assert shown.text == HOSTILE
    assert shown.seen <= {"div", "mark", "b", "style", "dir", "title"}
    assert [mark["title"] for mark in shown.marks] == ['"><b>, confidence 0.9877', "LOC"]
    assert f"hsla({find_hue('LOC')}, " in str(shown.marks[1]["style"])


def test_the_sentences_of_a_text_show_the_text():
    text = "Ada met Li.\n\n  She left.  北京。他走。"
    places = [(0, 11, "\n\n"), (15, 24, "  "), (26, 29, ""), (29, 32, "")]
    found = Sentences(sentence(text[a:b], start=a, space=space) for a, b, space in places)
    assert Shown(found._repr_html_()).text == text.replace("\n\n  She", "\n\n\nShe")
    assert Shown(Sentences()._repr_html_()).text == ""


def test_words_without_types_have_no_labels():
    spans = [LabelledSpan("word", 0, 1, "我", 0.5), LabelledSpan("word", 1, 2, "爱", float("nan"))]
    html = sentence("我爱", *spans, task=Task.WORDS)._repr_html_()
    assert Shown(html).marks[1]["title"] == "word"
    assert "<b" not in html


def test_a_notebook_does_not_hold_a_book():
    many = Sentences([sentence("Ada.")] * (MOST_SHOWN + 1_234))
    shown = Shown(many._repr_html_()).text
    assert shown.count("Ada.") == MOST_SHOWN
    assert shown.endswith("... and 1,234 more sentences")


def test_sentences_are_a_list_like_any_other():
    one = sentence("Ada.", LabelledSpan("PER", 0, 3, "Ada", 0.5))
    found = Sentences([one])
    assert found == [one]
    assert repr(found) == repr([one])
    assert pickle.loads(pickle.dumps(found)) == found
    assert json.dumps([each.as_dict() for each in found]) == json.dumps([one.as_dict()])
    assert json.dumps(Sentences()) == "[]"
