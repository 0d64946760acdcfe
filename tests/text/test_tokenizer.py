"""The tokenizer: every character kept in place, what is a word, what a corpus says about words, linear time."""

from __future__ import annotations

import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tagger.text.tokenizer.words as rules
from tagger.text import conll
from tagger.text.tokenizer import (
    DEFAULT_SPLITS,
    Mode,
    Split,
    cut,
    detect,
    detect_mode,
    detect_splits,
    tokenize,
)

SHARED = Path(__file__).parents[3] / "shared" / "data"
RAW = sorted((SHARED / "raw").rglob("*.txt"))
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared corpora are not here")

# Random Unicode alone seldom meets a rule, so the pieces that rules are about are thrown in.
RULED = """
don't l'homme 's U.S. Mr. z.B. http://a.b/c_(d). www. x@y.org #tag @me $5 15% 1,000.5 a-b a/b ... ?! -- `` &amp;
:-) <3 1️⃣ 👩🏽‍🚀 🇩🇪🇫🇷 🏴󠁧󠁢󠁥󠁮󠁧󠁿 中文 日本 한국 हिन्दी שָׁלוֹם e\u0301 \u0301 \u200d \ufeff
"""
BLANK = " \u00a0\u3000\u2028\x85\n\t\x1c"
PIECES = [*RULED.split(), *BLANK, "\ud800", "\x00", "\x1b[31m", "\u202e"]
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.characters(), st.characters())).map("".join)
splits = st.frozensets(st.sampled_from(Split))


def words(text: str, mode: Mode = Mode.WORDS, where: frozenset[Split] = DEFAULT_SPLITS) -> list[str]:
    return [text[start:end] for start, end in tokenize(text, mode, where)]


def assert_nothing_lost(text: str, mode: Mode, where: frozenset[Split]) -> None:
    spans = tokenize(text, mode, where)
    tokens = cut(text, mode, where)
    assert tokens.words == [text[start:end] for start, end in spans]
    assert tokens.starts == [start for start, _ in spans]
    reached = 0
    for start, end in spans:
        assert reached <= start < end
        assert text[reached:start].strip() == ""
        assert text[start:end].split() == [text[start:end]]
        reached = end
    assert text[reached:].strip() == ""


@given(texts, st.sampled_from(Mode), splits)
@settings(max_examples=300, deadline=None)
def test_every_character_but_white_space_is_in_one_token_at_its_place(text, mode, where):
    assert_nothing_lost(text, mode, where)


@pytest.mark.parametrize("mode", Mode)
def test_every_code_point_is_kept(mode):
    step = 0x1000
    for start in [*range(0, 0x12000, step), 0x1F000, 0x20000, 0x2F000, 0xE0000, 0x10F000]:
        assert_nothing_lost("".join(map(chr, range(start, start + step))), mode, DEFAULT_SPLITS)


@pytest.mark.slow
@needs_shared
@pytest.mark.parametrize("mode", Mode)
def test_real_texts_are_kept(mode):
    for path in RAW:
        assert_nothing_lost(path.read_bytes().decode("utf-8", "replace"), mode, DEFAULT_SPLITS)


WORDS = {
    # clitics
    "I don't know, they'll've gone": "I do n't know , they 'll 've gone",
    "Won’t can't CAN'T": "Wo n’t ca n't CA N'T",
    "the boys' dog, Anna's cat, the 1990's": "the boys ' dog , Anna 's cat , the 1990's",
    "L'homme qu'il n'aime pas, aujourd'hui": "L' homme qu' il n' aime pas , aujourd'hui",
    "dell'arte, O'Neill, c'mon, o'clock": "dell' arte , O'Neill , c'mon , o'clock",
    "'Tis the '90s 'em": "'Tis the '90s 'em",
    "John 's is n't": "John 's is n't",
    # abbreviations
    "Mr. Li of the U.S. Army, e.g. z.B. u.a. Ph.D.": "Mr. Li of the U.S. Army , e.g. z.B. u.a. Ph.D.",
    "J. R. R. Tolkien and J.K. Rowling": "J. R. R. Tolkien and J.K. Rowling",
    "EE.UU. y la Sra. Gómez, pág. 5, No. 7, bzw. usw.": "EE.UU. y la Sra. Gómez , pág. 5 , No. 7 , bzw. usw.",
    "Foo Inc., etc.)": "Foo Inc. , etc. )",
    "etc...": "etc ...",
    "The answer is No.": "The answer is No .",
    "We need a plan B.": "We need a plan B .",
    "The end.Next": "The end . Next",
    # numbers
    "1,000,000.50 and .5 and 10:30pm, 16/08/2000, 1/2": "1,000,000.50 and .5 and 10:30pm , 16/08/2000 , 1/2",
    "$5.50, 15%, €3, 20°C": "$ 5.50 , 15 % , € 3 , 20 ° C",
    "In 1990. The": "In 1990 . The",
    "1st 3D 4x4 mp3 C-3PO": "1st 3D 4x4 mp3 C-3PO",
    # hyphens, dashes, slashes
    "a state-of-the-art well-being": "a state-of-the-art well-being",
    "yes--no – so—what ---": "yes -- no – so — what ---",
    "and/or w/o b/c 9/11": "and / or w/o b/c 9/11",
    # the web
    "See http://x.org/a_(b)?c=d. (www.x.de/y)": "See http://x.org/a_(b)?c=d . ( www.x.de/y )",
    "Mail me.too+x@foo-bar.co.uk, ok": "Mail me.too+x@foo-bar.co.uk , ok",
    "example.com, report.pdf.": "example.com , report.pdf .",
    "RT @some_one: #WeAre1 #5 AT&T &amp;": "RT @some_one : #WeAre1 # 5 AT&T &amp;",
    "nice:-) :D <3 ;) no:no": "nice :-) :D <3 ;) no : no",
    "见http://a.cn/b查看": "见 http://a.cn/b 查 看",
    # emoji
    "ok👍🏽👩‍👩‍👧🇩🇪🇫🇷1️⃣❤️😀😀": "ok 👍🏽 👩‍👩‍👧 🇩🇪 🇫🇷 1️⃣ ❤️ 😀 😀",
    # quotes, brackets, ellipses
    "“He said ‘no’”, (she [too])": "“ He said ‘ no ’ ” , ( she [ too ] )",
    "«Oui», ``so'' \"x\" 'y'": "« Oui » , `` so '' \" x \" ' y '",
    "Wait... what…… ?!! ¿Qué?": "Wait ... what …… ?!! ¿ Qué ?",
    # other scripts
    "王伟任IBM公司2019年CEO，「好」。": "王 伟 任 IBM 公 司 2019 年 CEO ， 「 好 」 。",
    "हिन्दी में लिखो।": "हिन्दी में लिखो ।",
    "Он сказал: «Да».": "Он сказал : « Да » .",
    "naïve cafe\u0301 soft\u00adhyphen": "naïve cafe\u0301 soft\u00adhyphen",
}


@pytest.mark.parametrize("text", WORDS)
def test_words(text):
    assert " ".join(words(text)) == WORDS[text]


SPLITS = {  # split: (text, tokens where a corpus splits, tokens where it doesn't)
    Split.CONTRACTION: ("I'm don't", "I 'm do n't", "I'm don't"),
    Split.POSSESSIVE: ("Anna's", "Anna 's", "Anna's"),
    Split.ELISION: ("l'homme", "l' homme", "l'homme"),
    Split.HYPHEN: (
        "well-known non-smoker 555-1234",
        "well - known non-smoker 555-1234",
        "well-known non-smoker 555-1234",
    ),
    Split.SLASH: ("and/or", "and / or", "and/or"),
    Split.PERCENT: ("15%", "15 %", "15%"),
    Split.CURRENCY: ("$5", "$ 5", "$5"),
    Split.HASHTAG: ("#tag", "# tag", "#tag"),
    Split.MENTION: ("@me", "@ me", "@me"),
    Split.UNIT: ("10:30pm", "10:30 pm", "10:30pm"),
    Split.FUSED: ("cannot Gonna", "can not Gon na", "cannot Gonna"),
    Split.STOP: ("Mr. Li", "Mr . Li", "Mr. Li"),
}


@pytest.mark.parametrize("split", Split)
def test_each_split_can_be_made_or_not(split):
    text, divided, whole = SPLITS[split]
    assert " ".join(words(text, where=frozenset([split]))) == divided
    assert " ".join(words(text, where=frozenset(Split) - {split})) == whole


@pytest.mark.parametrize("split", Split)
def test_each_split_is_read_off_a_corpus(split):
    _, divided, whole = SPLITS[split]
    assert split in detect_splits([divided.split()])
    assert split not in detect_splits([whole.split()])
    assert (split in detect_splits([["no", "evidence"]])) == (split in DEFAULT_SPLITS)


def test_characters():
    assert words("任CEO 2年é中\ufe00👩‍👩‍👧e\u0301", Mode.CHARACTERS) == [
        *"任CEO2年é",
        "中\ufe00",
        "👩‍👩‍👧",
        "e\u0301",
    ]


def test_blanks():
    assert words(" don't,  split\u3000me.\n", Mode.BLANKS) == ["don't,", "split", "me."]


@pytest.mark.parametrize(
    ("sentence", "mode"),
    [
        ([*"王伟任IBM公司2019年董事。"], Mode.CHARACTERS),
        ([*"王伟任", "IBM", *"公司", "2019", *"年董事。"], Mode.WORDS),
        (["王伟", "任", "公司", "董事", "。"], Mode.WORDS),
        (["a", "b", "c"], Mode.CHARACTERS),
        (["Well,", "he", "said:", "No!"], Mode.BLANKS),
        (["Well", ",", "he", "said", ":", "No", "!"], Mode.WORDS),
        ([], Mode.WORDS),
    ],
)
def test_mode_is_read_off_a_corpus(sentence, mode):
    assert detect_mode([sentence]) is mode


@needs_shared
@pytest.mark.parametrize(
    ("path", "token", "mode", "made", "not_made"),
    [
        ("resume-zh/train.char.bmes", 0, Mode.CHARACTERS, "", ""),
        ("wikigold/wikigold.conll.txt", 0, Mode.WORDS, "contraction possessive", "hyphen percent currency"),
        ("wnut17/wnut17train.conll", 0, Mode.WORDS, "possessive", "contraction hashtag mention"),
        ("ud-en-ewt/en_ewt-ud-dev.conllu", "FORM", Mode.WORDS, "contraction hyphen percent fused", ""),
        ("conll2002-es/esp.train", 0, Mode.WORDS, "", "hyphen percent"),
    ],
)
def test_conventions_of_real_corpora(path, token, mode, made, not_made):
    columns = conll.Columns(token=token, tag=None)
    found = detect(sentence.tokens for sentence in conll.read_sentences(SHARED / path, columns=columns))
    assert found.mode is mode
    assert set(made.split()) <= found.splits
    assert not set(not_made.split()) & found.splits


@needs_shared
def test_characters_of_the_resumes_are_reproduced_exactly():
    for sentence in conll.read_sentences(SHARED / "resume-zh" / "dev.char.bmes"):
        assert words("".join(sentence.tokens), Mode.CHARACTERS) == list(sentence.tokens)


@needs_shared
@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("wikigold/wikigold.conll.txt", 0.999),
        ("conll2002-es/esp.testa", 0.995),
        ("wnut17/wnut17train.conll", 0.985),
    ],
)
def test_tokens_between_blanks_are_kept_whole(path, kept):
    sentences = [sentence.tokens for sentence in conll.read_sentences(SHARED / path)]
    _, where = detect(sentences)
    total = whole = 0
    for tokens in sentences:
        starts = dict.fromkeys(tokenize(" ".join(tokens), Mode.WORDS, where))
        at = 0
        for token in tokens:
            total += 1
            whole += (at, at + len(token)) in starts
            at += len(token) + 1
    assert whole / total > kept


HOSTILE_UNITS = """
a- . ( « 1) a' a. @ @a http:// www. #1 $1 a/ 1, & x@ 's l' e\u0301 👩\u200d 中 a_ - U.S. \u200d n't a.b :- 0-
\U0001f1e9
"""
HOSTILE = [*HOSTILE_UNITS.split(), "1) ", "a "]


@pytest.mark.parametrize(
    "where", [DEFAULT_SPLITS, frozenset(Split), frozenset()], ids=["default", "all", "none"]
)
@pytest.mark.parametrize("unit", HOSTILE)
def test_time_is_linear(unit, where):
    def seconds(length: int) -> float:
        text = unit * (length // len(unit))
        times = []
        for _ in range(3):
            start = time.thread_time()
            cut(text, Mode.WORDS, where)
            times.append(time.thread_time() - start)
        return min(times)

    small, large = seconds(2_000), seconds(20_000)
    assert large < 40 * small + 0.01  # linear is 10, quadratic 100


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["a-", ".", "(", "«", "1) "])
def test_a_million_characters_take_seconds(unit):
    text = unit * 1_000_000
    start = time.thread_time()
    assert_nothing_lost(text, Mode.WORDS, frozenset(Split))
    assert time.thread_time() - start < 20


def test_a_word_of_a_million_letters_is_one_token():
    assert tokenize("a" * 1_000_000 + " b") == [(0, 1_000_000), (1_000_001, 1_000_002)]


def test_words_of_every_script_keep_their_marks():
    for code in range(0x300, 0x1FB00):
        if unicodedata.category(chr(code)).startswith("M"):
            assert words(f"a{chr(code)}b c") == [f"a{chr(code)}b", "c"] or code >= 0x10000, hex(code)


def test_the_same_run_gives_the_same_string_object():
    first, second = cut("tokenizing tokenizing").words
    assert first is second


def test_greedy_groups_cut_as_possessive_ones(monkeypatch):
    """What the first versions of Python 3.11 get instead of groups that they match wrongly."""
    text = (Path(__file__).parents[2] / "data" / "english.txt").read_text(encoding="utf-8")
    runs = [
        *text.split(),
        *["a@b.example.org", "v2.0", "10:30pm", "and/or", "👩\u200d👩\u200d👧", "e-mail's", "x"],
        "a" * 3000,
    ]
    usual = rules.word_cutter(DEFAULT_SPLITS, frozenset())
    expected = [usual(run) for run in runs]
    pattern = rules._pattern(DEFAULT_SPLITS, frozenset())
    greedy = rules._POSSESSIVE_GROUP.sub(r"\1", pattern)
    assert greedy != pattern
    monkeypatch.setattr(rules, "_pattern", lambda *_: greedy)
    rules.word_cutter.cache_clear()
    cut = rules.word_cutter(DEFAULT_SPLITS, frozenset())
    assert [cut(run) for run in runs] == expected
    rules.word_cutter.cache_clear()
