"""The shipped corpora: made by their script, well formed, varied, unseen and ambiguous names in the test part."""

from __future__ import annotations

import re
import runpy
from collections import Counter, defaultdict
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path

import pytest

from tagger.text.conll import Corpus, read_corpus
from tagger.text.schemes import Scheme, Span, Task, tags_to_spans

DATA = Path(__file__).parent.parent / "data"
SCHEMES = {"english": Scheme.IOB2, "chinese": Scheme.BMES}
TYPES = {
    "english": {"PER", "ORG", "LOC", "EVENT", "DATE"},
    "chinese": {"PER", "ORG", "LOC", "TITLE", "TIME"},
}
NAMES = {"PER", "ORG", "LOC", "EVENT"}  # the types that name something; dates and titles recur by nature
PARTS = ("train", "dev", "test")

every_corpus = pytest.mark.parametrize("name", SCHEMES)


@cache
def read(name: str, part: str) -> Corpus:
    return read_corpus(DATA / name / f"{part}.conll")


def list_names(name: str, part: str) -> list[tuple[str, str]]:
    """List the (surface, type) of every name of a part, in order."""
    return [
        (" ".join(sentence.tokens[span.start : span.end]), span.type)
        for sentence in read(name, part).sentences
        for span in tags_to_spans(sentence.tags, SCHEMES[name])
        if span.type in NAMES
    ]


def test_the_script_makes_the_same_bytes_again(tmp_path: Path) -> None:
    runpy.run_path(str(DATA / "make.py"))["main"](tmp_path)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.*"))
    shipped = [*DATA.rglob("*.conll"), *DATA.rglob("*.pos")]
    assert made == sorted(path.relative_to(DATA) for path in shipped)
    for path in made:
        assert (tmp_path / path).read_bytes() == (DATA / path).read_bytes(), path


@every_corpus
@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_well_formed(name: str, part: str) -> None:
    corpus = read(name, part)
    assert corpus.scheme == SCHEMES[name]
    assert corpus.warnings == ()
    assert {tag[2:] for sentence in corpus.sentences for tag in sentence.tags if tag != "O"} == TYPES[name]
    assert len(corpus.sentences) == {"english": 2400, "chinese": 1600}[name] if part == "train" else 400
    if name == "chinese":
        assert all(len(token) == 1 for sentence in corpus.sentences for token in sentence.tokens)


@every_corpus
@pytest.mark.parametrize("part", PARTS)
def test_tags_are_strictly_valid(name: str, part: str) -> None:
    inside = {"english": ("B-", "I-"), "chinese": ("B-", "M-")}[name]
    following = {"english": ("I-",), "chinese": ("M-", "E-")}[name]
    for sentence in read(name, part).sentences:
        for tag, after in zip(("O", *sentence.tags), (*sentence.tags, "O"), strict=True):
            opened = tag.startswith(inside)
            if after.startswith(following):
                assert opened and tag[2:] == after[2:], sentence
            elif name == "chinese":
                assert not opened, sentence


@every_corpus
def test_no_sentence_stands_in_two_parts_or_twice(name: str) -> None:
    sentences = [sentence.tokens for part in PARTS for sentence in read(name, part).sentences]
    assert len(sentences) == len(set(sentences))


@every_corpus
@pytest.mark.parametrize("part", ["dev", "test"])
def test_names_are_mostly_unseen_in_training(name: str, part: str) -> None:
    known = {surface for surface, _ in list_names(name, "train")}
    mentions = list_names(name, part)
    distinct = set(mentions)
    assert sum(surface not in known for surface, _ in mentions) > 0.8 * len(mentions)
    assert sum(surface not in known for surface, _ in distinct) > 0.8 * len(distinct)


@every_corpus
def test_a_table_of_training_names_labels_next_to_nothing(name: str) -> None:
    counts: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for surface, type_ in list_names(name, "train"):
        counts[tuple(surface.split(" "))][type_] += 1
    table = {surface: types.most_common(1)[0][0] for surface, types in counts.items()}
    longest = max(map(len, table))
    gold = right = found = 0
    for sentence in read(name, "test").sentences:
        names = {span for span in tags_to_spans(sentence.tags, SCHEMES[name]) if span.type in NAMES}
        gold += len(names)
        t = 0
        while t < len(sentence.tokens):
            sizes = range(min(longest, len(sentence.tokens) - t), 0, -1)
            size = next((size for size in sizes if sentence.tokens[t : t + size] in table), None)
            if size is not None:
                found += 1
                right += Span(table[sentence.tokens[t : t + size]], t, t + size) in names
            t += size or 1
    assert 2 * right / (gold + found) < 0.2  # F1 of the longest match, the most frequent type


@every_corpus
@pytest.mark.parametrize("part", PARTS)
def test_some_names_have_two_types_and_only_context_tells(name: str, part: str) -> None:
    types = defaultdict(set)
    for surface, type_ in list_names(name, part):
        types[surface].add(type_)
    assert sum(len(found) > 1 for found in types.values()) >= 10


@every_corpus
def test_words_of_names_also_stand_outside_names(name: str) -> None:
    tokens = defaultdict(set)
    for sentence in read(name, "test").sentences:
        for token, tag in zip(sentence.tokens, sentence.tags, strict=True):
            tokens[token].add(tag[2:])
    assert sum("" in found and len(found) > 1 for found in tokens.values()) >= 30


@every_corpus
def test_sentences_are_varied(name: str) -> None:
    """With every entity cut to its type, most sentences of the test part still follow no sentence of training."""
    skeletons = {part: [_skeleton(name, part, index) for index in range(400)] for part in ("dev", "test")}
    training = {_skeleton(name, "train", index) for index in range(len(read(name, "train").sentences))}
    assert len(training) > 0.8 * len(read(name, "train").sentences)
    for part in ("dev", "test"):
        assert sum(skeleton not in training for skeleton in skeletons[part]) > 0.6 * 400


def _skeleton(name: str, part: str, index: int) -> tuple[str, ...]:
    sentence = read(name, part).sentences[index]
    types = {span.start: span.type for span in tags_to_spans(sentence.tags, SCHEMES[name])}
    return tuple(
        types.get(t, token)
        for t, (token, tag) in enumerate(zip(sentence.tokens, sentence.tags, strict=True))
        if tag == "O" or t in types
    )


@every_corpus
def test_a_quarter_of_the_sentences_at_most_is_without_entities(name: str) -> None:
    sentences = read(name, "train").sentences
    empty = sum(set(sentence.tags) == {"O"} for sentence in sentences)
    assert 0.04 * len(sentences) < empty < 0.25 * len(sentences)


# Strings that are a word in one sense and two words in another, and those whose middle belongs to either side.
TWO_SENSES = {
    *("现在", "老人家", "难过", "才能", "不过", "要点", "的话", "一起", "后来"),
    *("个人", "都会", "将来", "只要", "同学会", "把手", "已经", "马上", "十分"),
}
OVERLAPPING = {"从小学", "内容易", "水果断", "研究生命", "前提出", "同学会", "白天鹅", "和平均"}


@cache
def read_words(part: str) -> list[list[tuple[str, str]]]:
    """Read the words of `words/` and their tags, by the form that the README describes."""
    lines = (DATA / "words" / f"{part}.pos").read_text(encoding="utf-8").splitlines()
    sentences = []
    for line in lines:
        pairs = [item.rpartition("/") for item in line.split(" ")]
        sentences.append([(word, tag) for word, _, tag in pairs])
    return sentences


@pytest.mark.parametrize("part", PARTS)
def test_every_line_of_words_reads_back(part: str) -> None:
    corpus = read_corpus(DATA / "words" / f"{part}.pos")
    assert (corpus.scheme, corpus.task, corpus.warnings) == (Scheme.BMES, Task.JOINT, ())
    expected = read_words(part)
    assert len(expected) == (1600 if part == "train" else 400)
    read_back = [
        [
            ("".join(sentence.tokens[span.start : span.end]), span.type)
            for span in tags_to_spans(sentence.tags, Scheme.BMES)
        ]
        for sentence in corpus.sentences
    ]
    assert read_back == expected


def test_words_have_the_documented_parts_of_speech() -> None:
    grammar = (DATA / "words.grammar").read_text(encoding="utf-8")
    paragraph = grammar[grammar.index("// The tags are") : grammar.index("\nsentence:")]
    documented = set(re.findall(r"\b[A-Z]{1,3}\b", paragraph))
    assert len(documented) == 31
    assert {tag for part in PARTS for sentence in read_words(part) for _, tag in sentence} == documented


def test_no_sentence_of_words_stands_in_two_parts_or_twice() -> None:
    texts = ["".join(word for word, _ in sentence) for part in PARTS for sentence in read_words(part)]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize("part", ["dev", "test"])
def test_some_words_are_unseen_in_training(part: str) -> None:
    known = {word for sentence in read_words("train") for word, _ in sentence}
    words = [word for sentence in read_words(part) for word, _ in sentence]
    assert 0.1 * len(words) < sum(word not in known for word in words) < 0.2 * len(words)


def test_a_string_is_cut_in_two_ways_only_where_it_has_two_senses() -> None:
    """Names aside, which are composed of the characters of words."""
    sentences = [sentence for part in PARTS for sentence in read_words(part)]
    words = {word for sentence in sentences for word, tag in sentence if tag != "NR"}
    neighbours = {
        (first, second)
        for sentence in sentences
        for (first, first_tag), (second, second_tag) in pairwise(sentence)
        if "NR" not in (first_tag, second_tag)
    }
    assert {first + second for first, second in neighbours} & words == TWO_SENSES
    cuts = Counter(first + second for first, second in neighbours)
    assert {text for text, count in cuts.items() if count > 1} == OVERLAPPING


@pytest.mark.parametrize("part", ["dev", "test"])
def test_the_longest_known_word_is_right_most_of_the_time_and_not_always(part: str) -> None:
    known = {word for sentence in read_words("train") for word, _ in sentence}
    longest = max(map(len, known))
    gold = right = found = 0
    for sentence in read_words(part):
        text = "".join(word for word, _ in sentence)
        ends = list(accumulate(len(word) for word, _ in sentence))
        words = set(zip([0, *ends], ends, strict=False))
        gold += len(words)
        t = 0
        while t < len(text):
            sizes = range(min(longest, len(text) - t), 1, -1)
            size = next((size for size in sizes if text[t : t + size] in known), 1)
            found += 1
            right += (t, t + size) in words
            t += size
    assert 0.7 < 2 * right / (gold + found) < 0.9


@pytest.mark.parametrize(
    ("grammar", "message"),
    [
        ("sentence:\n    a <missing>\n", "used and not defined, or defined and not used: missing"),
        ("sentence:\n    a\nsentence:\n    b\n", ":3: symbol sentence is defined twice"),
        ("sentence:\n    a ] b\n", ":2: ']' closes nothing"),
        ("sentence:\n    {a|b\n", ":2: '}' is missing"),
    ],
)
def test_a_faulty_grammar_is_refused(tmp_path: Path, grammar: str, message: str) -> None:
    path = tmp_path / "faulty.grammar"
    path.write_text(grammar, encoding="utf-8")
    with pytest.raises(ValueError) as error:
        runpy.run_path(str(DATA / "make.py"))["read_grammar"](path)
    assert message in str(error.value)
