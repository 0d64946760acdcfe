"""CSV: told by its name or its first row, its sentences by numbers or blank rows, its faults with lines."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import DataError
from tagger.text import conll, files
from tagger.text.audit import audit
from tagger.text.conll import Columns

KAGGLE = """\
Sentence #,Word,POS,Tag
Sentence: 1,London,NNP,B-geo
,of,IN,O
,",",",",O
Sentence: 2,Iran,NNP,B-gpe
"""
EXPECTED = [[("London", "B-geo"), ("of", "O"), (",", "O")], [("Iran", "B-gpe")]]


def read(tmp_path, text, name="x.csv", encoding="utf-8", **columns):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    corpus = conll.read_corpus(path, columns=Columns(**columns), encoding=encoding)
    streamed = conll.stream_corpus(path, columns=Columns(**columns), encoding=encoding)
    assert tuple(streamed.sentences) == corpus.sentences
    return [list(zip(each.tokens, each.tags, strict=True)) for each in corpus.sentences]


@pytest.mark.parametrize("name", ["x.csv", "X.CSV", "x.txt"])
@pytest.mark.parametrize("block", [1, 1 << 18])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_corpus_of_kaggle(tmp_path, monkeypatch, name, block, end):
    monkeypatch.setattr(files, "BLOCK", block)
    assert read(tmp_path, KAGGLE.replace("\n", end), name) == EXPECTED
    assert read(tmp_path, KAGGLE, name, tag="POS")[0][0] == ("London", "NNP")


def test_its_numbers_may_be_in_every_row_and_a_column_without_name_in_front(tmp_path):
    filled = KAGGLE.replace("\n,", "\nSentence: 1,")
    assert read(tmp_path, filled) == EXPECTED
    assert (
        read(
            tmp_path,
            "\n".join(f"{n - 1 if n else ''},{row}" for n, row in enumerate(filled.split("\n")[:-1])),
        )
        == EXPECTED
    )


def test_it_may_have_tabs(tmp_path):
    text = KAGGLE.replace('",",","', "!\t!").replace(",", "\t").replace("!", ",")
    assert text.count("\t") == 15
    assert read(tmp_path, text, "x.tsv") == EXPECTED
    assert read(tmp_path, text, "x.tsv", token="word", tag=3) == EXPECTED


def test_quotes_between_tabs_mean_nothing_and_rows_stay_as_they_are(tmp_path):
    text = 'Sentence #\tWord\tTag\n1\tLondon\tB-geo\n\t"\tO\n\t"a" b\tO\n2\tIran\tB-gpe\n'
    found = read(tmp_path, text, "x.tsv")
    assert found == [[("London", "B-geo"), ('"', "O"), ('"a" b', "O")], [("Iran", "B-gpe")]]
    corpus = conll.read_corpus(tmp_path / "x.tsv")
    assert "".join(conll.rewrite_tags(tmp_path / "x.tsv", corpus.layout, corpus.sentences)) == text


def test_other_kinds_of_csv(tmp_path):
    assert read(tmp_path, "Word;Tag\nLondon;B-geo\nof;O\n,;O\n;\nIran;B-gpe\n") == EXPECTED
    assert read(tmp_path, '\nLondon,B-geo\nof,O\n",",O\n\nIran,B-gpe\n') == EXPECTED
    assert read(tmp_path, "sep=;\nWord;Tag\nLondon;B-geo\n")[0] == [("London", "B-geo")]
    assert read(tmp_path, '"word","tag"\n"Zoë"," B-x"\n', "x.txt", "latin-1") == [[("Zoë", "B-x")]]
    assert read(tmp_path, 'word,tag\n"""",O\n') == [[('"', "O")]]
    documents = 'word,tag\nLondon,B-geo\nof,O\n",",O\n-DOCSTART-,O\nIran,B-gpe\n'
    assert read(tmp_path, documents) == EXPECTED
    assert read(tmp_path, "a\tO\nb,c\tO\n") == [[("a", "O"), ("b,c", "O")]]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("word,tag\na,O\nb,O,O\n", 3, "found CSV with 3 cells, line 1 has 2; expected the same number in"),
        (
            'word,tag\na,O\n"b,O\nc,O\n',
            3,
            "found CSV that cannot be read (unexpected end of data); write a q",
        ),
        ('word,tag\na,O\n"b\n",O\nc,O\n', 3, "found CSV with a line end in a cell of column 0, expected one"),
        (
            "word,tag\na b,\"['O', 'O']\"\n",
            2,
            "found CSV with a list in a cell of column 1, expected one tok",
        ),
        ("word,tag\n\na,O\n,O\n", 4, "found an empty token in column 0, expected some text"),
        ("word,tag\na,\n", 2, "found an empty tag in column 1, expected some text"),
        ("word,tag\n", 1, "found no sentence"),
    ],
)
def test_faults_have_their_line(tmp_path, text, line, message):
    with pytest.raises(DataError) as caught:
        read(tmp_path, text)
    assert (caught.value.line, message in caught.value.message) == (line, True), caught.value
    assert any(each.line == line and message in each.message for each in audit([tmp_path / "x.csv"]).defects)


def test_csv_under_another_name_without_names_of_columns_is_named(tmp_path):
    with pytest.raises(DataError, match=r":1: found CSV \(fields between commas\); name the file \.csv, or"):
        read(tmp_path, "London,B-geo\n", "x.conll")


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\ufeff"), min_size=1, max_size=4)
TOKENS = TEXT.filter(lambda text: text.strip(" ") and "-DOCSTART-" not in text)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(TOKENS, min_size=1, max_size=4), min_size=1, max_size=4), st.sampled_from(",;"))
def test_what_a_library_writes_is_read(tmp_path_factory, sentences, delimiter):
    stream = io.StringIO()
    rows = csv.writer(stream, delimiter=delimiter)
    rows.writerow(["sentence_id", "token", "ner"])
    for number, tokens in enumerate(sentences):
        rows.writerows([number, token, "O"] for token in tokens)
    found = read(tmp_path_factory.mktemp("csv"), stream.getvalue())
    assert found == [[(token, "O") for token in tokens] for tokens in sentences]
