"""Sentence splitting: exact places, paragraphs and lines, the same however the text arrives, linear time."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.text.tokenizer import Located, SentenceSplitter, split_sentences, stream_sentences

SHARED = Path(__file__).parents[3] / "shared" / "data"
RAW = sorted((SHARED / "raw").rglob("*.txt"))
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared corpora are not here")

RULED = """
a B . ! ? … 。 ！ ' " “ ” « » ( ) [ ] 1 12 * - – • é ß 😀 👨‍👩‍👧 🇩🇪 中 日本。」 と א ا । e\u0301 \u200d \ufeff \x1b
Mr. U.S. e.g. i. II. a) 1) ① I ﬁ İ ſ : ; Yahoo! Nr. z.B.
"""
PIECES = [
    *RULED.split(),
    *" \n\n\r\t\u00a0\u3000\u2028\x85\x00\ud800",
    "  ",
    "\r\n",
    "\n\n",
    "x" * 60,
    "word " * 30,
]
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(PIECES), st.characters())).map("".join)
LANGUAGES = ["en", "de", "fr", "ru", "hi", "zh", "ja", "xx"]


def sentences(text: str, language: str = "en") -> list[str]:
    return [text[start:end] for start, end in split_sentences(text, language)]


def assert_nothing_lost(text: str, spans: list[tuple[int, int]]) -> None:
    reached = 0
    for start, end in spans:
        assert reached <= start < end
        assert text[reached:start].strip() == ""
        assert text[start:end] == text[start:end].strip()
        reached = end
    assert text[reached:].strip() == ""


@given(texts, st.sampled_from(LANGUAGES))
@settings(max_examples=300, deadline=None)
def test_every_character_but_white_space_is_in_one_sentence(text, language):
    assert_nothing_lost(text, list(split_sentences(text, language)))


def fed(text: str, sizes: random.Random) -> list[Located]:
    splitter = SentenceSplitter()
    found: list[Located] = []
    at = 0
    while at < len(text):
        size = sizes.choice([1, 2, 7, 100, 3_000])
        found += splitter.feed(text[at : at + size])
        at += size
    return found + splitter.flush()


@given(st.lists(st.sampled_from(PIECES), max_size=400).map("".join), st.integers(1, 40), st.randoms())
@settings(max_examples=100, deadline=None)
def test_the_sizes_in_which_text_arrives_change_nothing(text, repeats, sizes):
    text *= repeats  # beyond the size of a piece
    found = fed(text, sizes)
    assert [(one.start, one.start + len(one.text)) for one in found] == list(split_sentences(text))
    assert all(text[one.start :].startswith(one.text) for one in found)


@needs_shared
def test_real_texts_are_kept_and_arrive_in_any_size():
    sizes = random.Random(1)
    for path in RAW:
        text = path.read_bytes().decode("utf-8", "replace")
        spans = list(split_sentences(text))
        assert_nothing_lost(text, spans)
        assert [(one.start, one.start + len(one.text)) for one in fed(text[:20_000], sizes)][:50] == spans[
            :50
        ]


SENTENCES = {
    "Mr. Li left. He took the U.S. flag! Why?": ["Mr. Li left.", "He took the U.S. flag!", "Why?"],
    "Es gibt z.B. Hr. Meier bzw. Fr. Abel, vgl. Nr. 5. Ja.": [
        "Es gibt z.B. Hr. Meier bzw. Fr. Abel, vgl. Nr. 5.",
        "Ja.",
    ],
    "El Sr. Pérez y la Sra. García, de EE.UU. y la pág. 5 del art. 7. Fin.": [
        "El Sr. Pérez y la Sra. García, de EE.UU. y la pág. 5 del art. 7.",
        "Fin.",
    ],
    '"Go. Now!" he said. (It rained. Hard.) "So?" asked she.': [
        '"Go.',
        'Now!" he said.',
        "(It rained.",
        "Hard.)",
        '"So?" asked she.',
    ],
    "An open “quote does no harm. None at all. Really.": [
        "An open “quote does no harm.",
        "None at all.",
        "Really.",
    ],
    "Version 2.0 of a.b costs $3.50. Good.": ["Version 2.0 of a.b costs $3.50.", "Good."],
    "Wait...what? Well... maybe.": ["Wait...what?", "Well... maybe."],
    "Il dit\u00a0: «\u00a0Oui\u00a0!\u00a0» Et puis. B\u00a0! C.": [
        "Il dit\u00a0: «\u00a0Oui\u00a0!",
        "» Et puis.",
        "B\u00a0!",
        "C.",
    ],
    "他说：“你好。”我走了！ok吗？真的……好": ["他说：“你好。”", "我走了！", "ok吗？", "真的……", "好"],
    "「行く。」と言った。それから？": ["「行く。」と言った。", "それから？"],
    "王伟任CEO。He left. He came back。": ["王伟任CEO。", "He left.", "He came back。"],
    "मैं गया। वह आया।": ["मैं गया।", "वह आया।"],
    "  \n ": [],
    "": [],
}


@pytest.mark.parametrize("text", SENTENCES)
def test_sentences(text):
    assert sentences(text) == SENTENCES[text]


FILLED = "This line has been filled by an editor up to about"  # 50 characters
LINES = {
    "A title\nThe text begins": ["A title", "The text begins"],
    "A title\n\nthe text begins": ["A title", "the text begins"],
    "short lines\nof small letters\nare one": ["short lines\nof small letters\nare one"],
    f"{FILLED}\nSeventy columns.": [f"{FILLED}\nSeventy columns."],
    f"{FILLED}\r\nSeventy columns.": [f"{FILLED}\r\nSeventy columns."],
    f"{FILLED}\n \t\nAnother": [FILLED, "Another"],
    f"{FILLED}\n- an item\n- a second": [FILLED, "- an item", "- a second"],
    f"{FILLED}\n1. an item\n2. a second": [FILLED, "1. an item", "2. a second"],
    f"{'A long line. ' * 10}\nand another": [*["A long line."] * 10, "and another"],
    f"{FILLED}\u2029\u2028Page two": [FILLED, "Page two"],
}


@pytest.mark.parametrize("text", LINES)
def test_line_breaks(text):
    assert sentences(text) == LINES[text]


COLUMN = """Der Rat hat gestern in der
Stadthalle beschlossen, dass
Anna Müller und ihr Bruder
Bernd gehen müssen, weil in
der Kasse kein Geld mehr ist
und auch sonst keiner mehr
Lust hat. Die Sitzung in New
York war kurz."""

NARROW = {  # text: how many sentences
    "The council decided in New\nYork that Ann\nLee must go.": 1,
    "Der Rat der Stadt\nBerlin hat Anna\nMüller gewählt.": 1,
    COLUMN: 2,
    "Roses are red,\nViolets are blue,\nSugar is sweet,\nAnd so are you.": 4,
    "The woods are lovely\nBut I have promises": 2,
    "Council meets\nThe council met in New York.": 2,
    "Berlin\nNew York\nAnn Lee": 3,
    "Ann Lee\nBob Ray\nTom Fox\nJim Poe\nAda Low\nEva Law": 6,
    "He met Mr.\nLi and Dr.\nOx.": 1,
    "Dear Ann\n\nwe met in New\nYork": 3,
}


@pytest.mark.parametrize("text", NARROW)
def test_narrow_lines_end_sentences_unless_the_layout_says_otherwise(text):
    assert len(sentences(text)) == NARROW[text]


def test_joined_lines_end_no_sentence_but_blank_ones_do():
    text = "We met in New\nYork and\n- so he said - Ann\nLee.\n\nA title\n\nBob. Ann."
    splitter = SentenceSplitter(joins_lines=True)
    found = splitter.feed(text) + splitter.flush()
    assert [one.text for one in found] == [
        "We met in New\nYork and\n- so he said - Ann\nLee.", "A title", "Bob.", "Ann.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", "Am 3. Mai kam er.", ["Am 3. Mai kam er."]),
        ("en", "I met Jan. Bob left. He came on Jan. 5.", ["I met Jan.", "Bob left.", "He came on Jan. 5."]),
        ("en", "He lives in Viña del Mar. Then he left.", ["He lives in Viña del Mar.", "Then he left."]),
        ("en", "On Fri. Jan. 5 Dr. Li came.", ["On Fri. Jan. 5 Dr. Li came."]),
        ("en", "I saw the Gen. He left. Gen. Lee came.", ["I saw the Gen.", "He left.", "Gen. Lee came."]),
        ("nl", "Hij woont in Gent. Zij kent Bob.", ["Hij woont in Gent.", "Zij kent Bob."]),
        ("en", "He lives in Gent. Zoe too.", ["He lives in Gent.", "Zoe too."]),
        ("it", "Il Gent. Sig. Rossi parla.", ["Il Gent. Sig. Rossi parla."]),
        ("en-GB", "Mr. Li met Dr. Ox.", ["Mr. Li met Dr. Ox."]),
        ("xx", "Mr. Li met J. R. Ox.", ["Mr.", "Li met J. R. Ox."]),
        ("klingon", "It was etc. Then.", ["It was etc.", "Then."]),
    ],
)
def test_each_language_has_its_own_abbreviations_and_an_unknown_one_none(language, text, expected):
    assert sentences(text, language) == expected


def test_a_corpus_makes_abbreviations_of_other_languages_known():
    splitter = SentenceSplitter("nl", frozenset(["Gent"]))
    assert [one.text for one in splitter.feed("Il Gent. Rossi parla.\n\n")] == ["Il Gent. Rossi parla."]


WRITTEN = [  # with gaps between
    "We met", "Ann Lee", "in New", "York", "Newcastle", "yesterday.", "Mr.", "Jan.", "Dr. Ox", "U.S.", "etc.", "3.",
    "5", "Why?", "go!", '"Yes."', "and", "The", "He left.", "(so)", "王伟。", "Gen.", "...", "No.", "word " * 12,
    "x" * 50, "e.g.", "Am 3. Mai", "he said.",
]  # fmt: skip


def assert_pauses_change_nothing(draw: random.Random, parts: int) -> None:
    """Pause anywhere, but not where a pause decides: behind a line that ends like a sentence and isn't one's end."""
    gaps = [" ", " ", " ", "\n", "\n", "\r\n", "\n\n", "  ", "\n "]
    text = "".join(draw.choice(WRITTEN) + draw.choice(gaps) for _ in range(parts))
    language, joins = draw.choice(["en", "de", "fr", "nl", "it", "xx"]), draw.random() < 0.2
    whole = SentenceSplitter(language, joins_lines=joins)
    expected = whole.feed(text) + whole.flush()
    ends = {one.start + len(one.text) for one in expected}
    splitter, found, at = SentenceSplitter(language, joins_lines=joins), [], 0
    while at < len(text):
        size = draw.choice([1, 2, 3, 5, 10, 30, 100])
        found += splitter.feed(text[at : at + size])
        at += size
        line = text[:at].rstrip()
        ends_line = {"\r", "\n"} & set(text[len(line) : at]) and line.endswith(tuple('.?!。"'))
        if draw.random() < 0.5 and (not ends_line or len(line) in ends):
            found += splitter.pause()
    assert found + splitter.flush() == expected


def test_pauses_anywhere_give_the_sentences_of_the_whole_text():
    for seed in range(300):
        assert_pauses_change_nothing(random.Random(seed), 1 + seed % 40)


@pytest.mark.slow
def test_pauses_in_ten_thousand_texts_give_the_sentences_of_the_whole():
    for seed in range(10_000):
        assert_pauses_change_nothing(random.Random(seed), 1 + seed % 40 if seed % 50 else 1_500)


@pytest.mark.parametrize(
    ("pieces", "answers"),
    [  # what comes, what is answered when nothing follows for a while
        (["We met Ann Lee in New", "castle yesterday.\n"], [[], ["We met Ann Lee in Newcastle yesterday."]]),
        ([f"{FILLED} New\n", "York now.\n"], [[], [f"{FILLED} New\nYork now."]]),
        (["He lives in New\n", "York now.\n"], [[], []]),
        (["One. Two", " three.\n"], [[], ["One.", "Two three."]]),
        (["One. Two three", ".\n"], [["One."], ["Two three."]]),
        (["He met Mr.\n", "Li.\n"], [[], ["He met Mr.\nLi."]]),
        (["A title\n", "\n"], [[], ["A title"]]),
        (["Ada left.\n", "Li too.\n"], [["Ada left."], ["Li too."]]),
    ],
)
def test_a_pause_answers_what_is_complete(pieces, answers):
    splitter = SentenceSplitter()
    for piece, expected in zip(pieces, answers, strict=True):
        assert [one.text for one in splitter.feed(piece) + splitter.pause()] == expected


def test_a_paragraph_waits_for_its_end_and_flush_does_not():
    splitter = SentenceSplitter()
    assert splitter.feed("One. Two") == []
    assert splitter.feed(".\n\nThree.") == [Located(0, "One."), Located(5, "Two.")]
    assert splitter.flush() == [Located(11, "Three.")]
    assert splitter.flush() == []
    assert splitter.feed(" Four.") + splitter.flush() == [Located(18, "Four.")]


def test_streaming_yields_before_the_text_ends():
    def pieces():
        yield "One line.\n\n"
        yield "Another line.\n\nA third."
        raise AssertionError("asked for more before yielding")

    stream = stream_sentences(pieces())
    assert [next(stream).text, next(stream).text] == ["One line.", "Another line."]


def test_a_word_of_a_million_characters_is_whole():
    text = "Before " + "a" * 1_000_000 + " after."
    assert max(map(len, sentences(text)), default=0) >= 1_000_000
    assert_nothing_lost(text, list(split_sentences(text)))


@pytest.mark.parametrize("unit", ["word ", "word, ", "中", "中，", "a.b ", "“", "word-"])
def test_what_waits_is_bounded(unit):
    splitter = SentenceSplitter()
    most = 0
    for _ in range(100):
        splitter.feed(unit * (20_000 // len(unit)))
        most = max(most, len(splitter._waiting))
    assert most < (10_000 if unit[-1] in " 中，" else 1 << 22)


HOSTILE_UNITS = "a- . ( « 他。 他 “ a x, ~ ~~ a~ ...~ -_a~ 1)_ a._ A_b._ 1._a_ ! \r~ a\u00a0 _ “a.”_ Mr._"
HOSTILE = [unit.replace("_", " ").replace("~", "\n") for unit in re.split(" ", HOSTILE_UNITS)]


@pytest.mark.parametrize("unit", HOSTILE)
def test_time_is_linear(unit):
    def seconds(length: int) -> float:
        text = unit * (length // len(unit))
        start = time.perf_counter()
        assert_nothing_lost(text, list(split_sentences(text)))
        return time.perf_counter() - start

    small, large = seconds(20_000), seconds(200_000)
    assert large < 40 * small + 0.05  # linear is 10, quadratic 100


def test_a_hundred_thousand_empty_lines_fed_one_by_one_are_fast():
    splitter = SentenceSplitter()
    start = time.perf_counter()
    assert not any(splitter.feed("\n") for _ in range(100_000))
    assert time.perf_counter() - start < 5


@pytest.mark.slow
def test_ten_million_characters_without_a_line_break():
    text = "The committee met Mr. Li in Oslo on Monday, and it left. " * 180_000
    start = time.perf_counter()
    assert len(sentences(text)) == 180_000
    assert time.perf_counter() - start < 30


@needs_shared
def test_sentences_of_english_web_text_are_found():
    """Sentence F1 on UD English-EWT, its paragraphs kept; sentencex alone reaches 0.828."""
    document, gold, expected, found = "", [], set(), set()
    path = SHARED / "ud-en-ewt" / "en_ewt-ud-test.conllu"
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        comments = dict(re.findall(r"^# (newdoc|newpar|text)[^=]*= (.*)$", block, re.MULTILINE))
        if "newdoc" in comments and document:
            expected |= {(document, span) for span in gold}
            found |= {(document, span) for span in split_sentences(document)}
            document, gold = "", []
        if "text" in comments:
            document += ("\n\n" if "newpar" in comments else " ") if document else ""
            gold.append((len(document), len(document) + len(comments["text"])))
            document += comments["text"]
    f1 = 2 * len(expected & found) / (len(expected) + len(found))
    assert f1 > 0.835
