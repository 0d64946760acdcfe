"""Parts of a corpus: what stays together, what is balanced, and rows that are neither lost nor changed."""

from __future__ import annotations

import gzip
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tagger
from tagger.errors import ConfigError, DataError
from tagger.text.conll import read_corpus
from tagger.text.splitting import parse_parts
from tagger.text.splitting.dealing import deal

ENGLISH = Path(__file__).parents[2] / "data" / "english" / "train.conll"


def write(path: str, text: str) -> str:
    Path(path).write_text(text, encoding="utf-8", newline="")
    return path


def read(path: str) -> str:
    return Path(path).read_bytes().decode("utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def documents(count: int, sentences: int, draw: random.Random, shared: str = "") -> str:
    """Return a corpus of documents with random sentences, some with a name, each document with a shared one."""
    rows = []
    for number in range(count):
        rows.append("-DOCSTART- O\n\n")
        rows += [shared] if shared else []
        for _ in range(sentences):
            words = [f"w{draw.randrange(1000)} O" for _ in range(draw.randrange(3, 9))]
            words.append(f"n{number} {draw.choice(['B-PER', 'B-LOC', 'O'])}")
            rows.append("\n".join(words) + "\n\n")
    return "".join(rows)


def test_documents_stay_whole_and_no_row_is_lost() -> None:
    text = documents(30, 5, random.Random(0))
    found = tagger.split(write("all.conll", text), "parts", parts="8,1,1")
    assert (found.keeps_documents, found.groups) == (True, 30)
    names = [f"parts/{name}.conll" for name in ("train", "dev", "test")]
    assert Counter("".join(map(read, names)).splitlines()) == Counter(text.splitlines())
    homes = [
        {token for each in read_corpus(name).sentences for token in each.tokens if token[0] == "n"}
        for name in names
    ]
    assert sum(map(len, homes)) == 30
    assert set.union(*homes) == {f"n{number}" for number in range(30)}
    assert [read_corpus(name).sentences[-1].document + 1 for name in names] == [
        part.documents for part in found.parts
    ]


def test_repeated_sentences_stay_together() -> None:
    draw = random.Random(1)
    rows = [f"a{draw.randrange(40)} B-A\nb{draw.randrange(3)} O\n\n" for _ in range(400)]
    found = tagger.split(write("all.conll", "".join(rows)), "parts", parts="1,1,1")
    seen = [{each.tokens for each in read_corpus(part.path).sentences} for part in found.parts]
    assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])
    assert found.least == 1


def test_short_sentences_of_all_documents_dont_put_them_all_in_one_part() -> None:
    text = documents(30, 5, random.Random(2), shared="Sport O\n\n")
    found = tagger.split(write("all.conll", text), "parts", parts="8,1,1")
    assert (found.groups, found.least) == (30, 2)
    assert [part.recurring > 0 for part in found.parts] == [False, True, True]


def test_types_are_balanced() -> None:
    found = tagger.split(str(ENGLISH), "parts", parts="80,10,10")
    for type_ in found.parts[0].types:
        whole = sum(part.types[type_] for part in found.parts)
        for part in found.parts:
            assert part.types[type_] == pytest.approx(part.asked * whole, abs=max(2, 0.01 * whole)), type_


def test_the_seed_decides_and_nothing_else() -> None:
    def parts(seed: int, name: str) -> list[str]:
        return [read(part.path) for part in tagger.split(str(ENGLISH), name, seed=seed).parts]

    assert parts(1, "a") == parts(1, "b") != parts(2, "c")


@given(st.lists(st.integers(1, 50), min_size=3, max_size=40), st.integers(0, 5))
def test_every_part_gets_its_share_as_near_as_a_group_is_large(sizes: list[int], seed: int) -> None:
    shares = [0.5, 0.3, 0.2]
    types = [{0: size % 3} if size % 3 else {} for size in sizes]
    parts = deal(sizes, [1] * len(sizes), types, shares, seed)
    assert set(parts) == {0, 1, 2}
    for part, share in enumerate(shares):
        held = sum(size for size, own in zip(sizes, parts, strict=True) if own == part)
        assert abs(held - share * sum(sizes)) <= 2 * max(sizes)


def test_a_type_of_few_spans_goes_to_the_largest_part_first() -> None:
    parts = deal([1] * 10, [1] * 10, [{0: 1}] * 2 + [{}] * 8, [0.8, 0.1, 0.1], 1)
    assert parts[:2] == [0, 0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.csv", "Sentence #,Word,Tag\n1,Ada,B-A\n1,met,O\n2,Li,B-A\n3,Bo,B-A\n4,Cy,B-A\n"),
        ("x.conll", "word ner\nAda B-A\n\nLi B-A\n\nBo B-A\n\nCy B-A\n"),
        ("x.conllu", "# global.columns = ID FORM NER\n# s = 1\n1\tAda\tB-A\n\n1\tLi\tB-A\n\n1\tBo\tB-A\n\n"),
    ],
)
def test_the_row_of_names_stands_in_every_part(name: str, text: str) -> None:
    found = tagger.split(write(name, text), "parts", parts="1,1")
    assert all(read(part.path).startswith(text.splitlines(keepends=True)[0]) for part in found.parts)
    assert sum(part.sentences for part in found.parts) == len(read_corpus(name).sentences)
    for part in found.parts:
        assert len(read_corpus(part.path).sentences) == part.sentences


def test_lines_of_words() -> None:
    text = "我 爱 北京\n他 来\n\n我 来\n他 爱 北京\n"
    found = tagger.split(write("x.seg", text), "parts", parts="1,1", task="words")
    assert sorted("".join(read(part.path) for part in found.parts).split()) == sorted(text.split())


def test_line_ends_stay_and_a_packed_corpus_is_unpacked() -> None:
    rows = [f"w{number} B-A\r\n\r\n" for number in range(10)]
    Path("x.conll.gz").write_bytes(gzip.compress("".join(rows).encode()))
    found = tagger.split("x.conll.gz", "parts", parts="1,1")
    assert [part.path for part in found.parts] == [
        str(Path("parts") / f"{name}.conll") for name in ("train", "test")
    ]
    assert sorted(read(part.path).count("\r\n") for part in found.parts) == [10, 10]


def test_documents_without_a_blank_line_between_them_dont_run_together() -> None:
    text = "".join(f"-DOCSTART- O\nw{number} B-A\n" for number in range(6))
    found = tagger.split(write("x.conll", text), "parts", parts="1,1")
    assert [len(read_corpus(part.path).sentences) for part in found.parts] == [3, 3]


@settings(max_examples=25)
@given(st.data())
def test_any_corpus_comes_back_whole(data: st.DataObject) -> None:
    words = st.sampled_from(["a", "b", "c", "dd"])
    sentences = data.draw(st.lists(st.lists(words, min_size=1, max_size=3), min_size=4, max_size=12))
    boundaries = data.draw(st.lists(st.booleans(), min_size=len(sentences), max_size=len(sentences)))
    text = "".join(
        ("-DOCSTART- O\n\n" if begins else "") + "".join(f"{word} B-A\n" for word in words) + "\n"
        for words, begins in zip(sentences, boundaries, strict=True)
    )
    try:
        found = tagger.split(write("x.conll", text), "parts", parts="1,1", overwrite=True)
    except DataError as error:
        assert "that have to stay together" in error.message
        return
    back = [each.tokens for part in found.parts for each in read_corpus(part.path).sentences]
    assert Counter(back) == Counter(map(tuple, sentences))


def test_mistakes_of_users() -> None:
    write("one.conll", "a B-A\n\na B-A\n")
    with pytest.raises(DataError, match=r"found 1 group of sentences .* as many as parts at least, 2"):
        tagger.split("one.conll", "parts", parts="1,1")
    assert not Path("parts").exists()
    write("two.conll", "a B-A\n\nb B-A\n")
    tagger.split("two.conll", "parts", parts="1,1")
    with pytest.raises(DataError, match="is there already; choose another --output, or say --overwrite"):
        tagger.split("two.conll", "parts", parts="1,1")
    write("train.conll", "a B-A\n\nb B-A\n")
    with pytest.raises(DataError, match="is also read"):
        tagger.split("train.conll", ".", parts="1,1", overwrite=True)


@pytest.mark.parametrize("typed", ["", "80", "80,x", "80,-1", "80,nan", "a=1,a=1", "../a=1,b=1", "a b=1,c=2"])
def test_parts_that_are_none(typed: str) -> None:
    with pytest.raises(ConfigError, match="expected"):
        parse_parts(typed)
