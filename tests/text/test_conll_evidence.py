"""Comments, titles, names of columns, ragged rows and blanks: what stands in column files of other tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagger.errors import DataError
from tagger.text import conll, files
from tagger.text.conll import Columns


@pytest.fixture
def write(tmp_path):
    def write_corpus(content: str, name: str = "corpus.tsv") -> Path:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8", newline="")
        return path

    return write_corpus


def read(path: Path, **columns):
    """Return sentences as pairs of token and tag, and what was told."""
    told: list[str] = []
    found = conll.read_sentences(path, columns=Columns(**columns), warn=told.append)
    return [list(zip(sentence.tokens, sentence.tags, strict=True)) for sentence in found], told


GERMEVAL = """\
#\thttp://de.wikipedia.org/wiki/Manfred [2009-10-17]\t[2009-10-17]\t
1\tAnna\tB-PER\tO
2\t#\tO\tO

#\thttp://example.org/b\t[2010-07-05]\t
1\tOslo\tB-LOC\tO
"""


@pytest.mark.parametrize("last", ["", "x"])  # with it, comments have as many columns as rows
def test_a_comment_may_begin_with_a_tab(write, last):
    path = write(GERMEVAL.replace("]\t\n", f"]\t{last}\n"))
    sentences, told = read(path, token=1, tag=2)
    assert sentences == [[("Anna", "B-PER"), ("#", "O")], [("Oslo", "B-LOC")]]
    assert told == ["2 lines with '#' in front, above a sentence, read as comment (first: line 1)"]


def test_an_address_above_a_sentence_is_no_tag(write):
    sentences, _ = read(write("#\thttp://a.org\nAnna\tB-PER\n\n#\tO\n#\thttp://b.org\n"))
    assert sentences == [[("Anna", "B-PER")], [("#", "O"), ("#", "http://b.org")]]


def test_a_hash_is_a_token_where_its_row_has_all_columns(write):
    for text in ("#\tO\nx\tO\n\n#\tB-X\n", "#\tO\n\nx\tO\n#\tB-X\n", "#\tO\n"):
        sentences, told = read(write(text))
        assert [token for sentence in sentences for token, _ in sentence].count("#") == text.count("#")
        assert told == []


def test_a_comment_alone_above_the_first_sentence_does_not_settle_the_columns(write):
    sentences, _ = read(write("#\ta\tb\tc\n\n#\td\te\n\nx\tO\n"))
    assert sentences == [[("x", "O")]]


HIPE = """\
TOKEN\tNE-COARSE-LIT\tMISC
# hipe2022:document_id = a
# hipe2022:language = en
Odysseus\tB-pers\t_
is\tO\tEndOfSentence

# hipe2022:document_id = b
Here\tO\t_
# hipe2022:date = 1800
I\tO\t_

TOKEN\tNE-COARSE-LIT\tMISC
# hipe2022:document_id = c
am\tO\t_
"""


@pytest.mark.parametrize("tag", [1, -1, "NE-COARSE-LIT", "ne-coarse-lit"])  # -1 is MISC, which holds no tags
def test_names_of_columns_are_left_out_and_may_be_asked_for(write, tag):
    sentences, told = read(write(HIPE), tag=tag)
    assert sentences == [[("Odysseus", "B-pers"), ("is", "O")], [("Here", "O"), ("I", "O")], [("am", "O")]]
    assert told == [
        "2 lines with the names of the columns, left out; token is TOKEN, tag NE-COARSE-LIT (first: line 1)",
        "4 lines with '#' in front, above a sentence, read as comment (first: line 2)",
        "1 line with '#' in front, inside a sentence, read as comment (first: line 9)",
    ]


@pytest.mark.parametrize("text", ["Word POS Tag\nAda NNP B-PER\n", "id Word Tag\n\n1 Ada B-PER\n"])
def test_names_say_which_column_is_meant(write, text):
    assert read(write(text))[0] == [[("Ada", "B-PER")]]
    assert read(write(text), token="Word", tag="tag")[0] == [[("Ada", "B-PER")]]
    with pytest.raises(DataError, match=r"found no column 'NER', expected one of .*Word, .*Tag"):
        read(write(text), tag="NER")


@pytest.mark.parametrize(
    "names",
    ["text\tlabel", "Token\tEntity", "word\tentity_type", "TOKEN\tBIO-tag", "#form\tGold", "# word\ttag"],
)
def test_names_of_columns_are_told_by_their_words(write, names):
    assert read(write(f"{names}\nAda\tNNP\n\nran\tVBD\n"))[0] == [[("Ada", "NNP")], [("ran", "VBD")]]


@pytest.mark.parametrize("row", ["Word\tO", "text\tB-class", "word\tI-TAG", "Words\tNNS"])
def test_a_word_that_is_called_word_is_no_name_of_a_column(write, row):
    assert read(write(f"{row}\nTag\tO\n"))[0] == [[tuple(row.split("\t")), ("Tag", "O")]]


def test_conllu_plus_names_its_columns(write):
    text = """\
# global.columns = ID FORM UPOS NER:X
# sent_id = 1
1-2\tal\t_\t_
1\ta\tADP\tO
2\tel\t_\tB-LOC
"""
    path = write(text, "x.conllup")
    assert read(path)[0] == [[("a", "ADP"), ("el", "?")]]
    assert read(path, tag=3)[0] == [[("a", "O"), ("el", "B-LOC")]]


def test_titles_above_sentences_are_left_out_and_blanks_are_asked_about(write):
    path = write(
        "## Description: a b c\n## dev_0\t<이:PS> 감독\n이\tB-PS\n \tO\n감\tO\n\n## dev_1\t감독\n독\tO\n"
    )
    with pytest.raises(
        DataError, match=r":4: found an empty token in column 0, expected some text; --blank-"
    ):
        read(path)
    titles = "3 lines with '#' in front, above a sentence, read as comment (first: line 1)"
    sentences, told = read(path, blank_tokens="skip")
    assert sentences == [[("이", "B-PS"), ("감", "O")], [("독", "O")]]
    assert told == [titles, "1 line with a blank as token, left out (first: line 4)"]
    sentences, told = read(path, blank_tokens="keep")
    assert sentences == [[("이", "B-PS"), (" ", "O"), ("감", "O")], [("독", "O")]]
    assert told == [titles, "1 line with a blank as token, kept (first: line 4)"]


def test_a_blank_is_a_token_between_blanks_too(write):
    assert read(write("中 O\n  O\n国 O\n"), blank_tokens="keep")[0] == [
        [("中", "O"), (" ", "O"), ("国", "O")]
    ]


@pytest.mark.parametrize("choice", ["error", "skip", "keep"])
def test_an_empty_token_stays_an_error(write, choice):
    with pytest.raises(DataError, match=r":2: found an empty token in column 0, expected some text$"):
        read(write("a\tO\n\tO\n"), blank_tokens=choice)
    with pytest.raises(DataError, match=r":2: found an empty tag in column 1, expected some text$"):
        read(write("a\tO\tx\nb\t \tx\n"), tag=1, blank_tokens=choice)


CONLL2009 = """\
1\tAnn\tann\tann\tNNP\tNNP\t_\t_\t2\t2\tSBJ\tSBJ\t_\t_
2\tran\trun\trun\tVBD\tVBD\t_\t_\t0\t0\tROOT\tROOT\tY\trun.01

1\tStop\tstop\tstop\tVB\tVB\t_\t_\t0\t0\tROOT\tROOT\tY\tstop.01\tA0

1\tGo\tgo\tgo\tVB\tVB\t_
"""


@pytest.mark.parametrize("separator", ["\t", " "])
def test_ragged_rows_are_read_where_the_columns_asked_for_exist(write, separator):
    path = write(CONLL2009.replace("\t", separator))
    sentences, told = read(path, token=1, tag=4)
    assert sentences == [[("Ann", "NNP"), ("ran", "VBD")], [("Stop", "VB")], [("Go", "VB")]]
    assert told == [
        "2 lines with other columns behind those asked for, which were read (first: line 4)",
    ]
    with pytest.raises(DataError, match=r":4: found 15 columns, line 1 has 14; expected the same number"):
        read(path, token=1)
    with pytest.raises(DataError, match=r":6: found 7 columns, line 1 has 14"):
        read(path, token=1, tag=8)


def test_a_blank_too_many_is_no_ragged_row(write):
    path = write("a x O\nNew York x B-LOC\n")
    with pytest.raises(DataError, match=r":2: found 4 columns, a row above in this sentence has 3"):
        read(path, token=0, tag=2)


def test_a_predicted_column_behind_the_tag_is_not_passed_over(write):
    assert read(write("Word\tTag\tPredicted\nAda\tB-PER\tO\n"))[0] == [[("Ada", "O")]]


def test_a_row_of_names_may_be_shorter_than_the_others(write):
    assert read(write("Word\tTag\nAda\tB-PER\tO\n"))[0] == [[("Ada", "O")]]


def test_tags_that_are_numbers_get_names(write):
    path = write("Ada\t1\nmet\t0\n\nLi\t2\n")
    assert read(path, tag_names=("O", "B-X", "I-X"))[0] == [[("Ada", "B-X"), ("met", "O")], [("Li", "I-X")]]
    with pytest.raises(
        DataError, match=r":4: found tag '2', expected a number below 2, as there are so many"
    ):
        read(path, tag_names=("O", "B-X"))


@pytest.mark.parametrize("block", [1, 1 << 18])
def test_a_language_in_front_of_every_token_is_left_out(write, monkeypatch, block):
    monkeypatch.setattr(files, "BLOCK", block)
    path = write("en:Paris\tB-LOC\nen::\tO\n\nen:in\tO\n")
    sentences, told = read(path)
    assert sentences == [[("Paris", "B-LOC"), (":", "O")], [("in", "O")]]
    assert told == ["3 lines with 'en:' in front of the token, left out (first: line 1)"]


@pytest.mark.parametrize("last", ["in\tO\n", "de:in\tO\n"])
def test_a_language_in_front_of_some_tokens_stays(write, last):
    path = write(f"en:Paris\tB-LOC\nen:is\tO\n\n{last}")
    assert read(path)[0][0] == [("en:Paris", "B-LOC"), ("en:is", "O")]


def test_comments_with_as_many_words_as_columns_are_comments(write):
    assert read(write("# sent_id = 1\nAda x N B-X\n\n# sent_id = 2\nLi x N O\n"))[0] == [
        [("Ada", "B-X")],
        [("Li", "O")],
    ]
    row = "1 Anna Anna PROPN _ _ 0 root _ _\n2 left leave VERB _ _ 1 x _ _\n"
    sentences, _ = read(write(f"# text: a b c d e f g h\n{row}"), token=1, tag=3)
    assert sentences == [[("Anna", "PROPN"), ("left", "VERB")]]
    assert len(read(write(f"# text: a b c d e f g h\n{row}"))[0][0]) == 2


@pytest.mark.parametrize(
    "content",
    [
        '{"text": "Ada left.", "label": [[0, 3, "PER"]]}\n{"text": "It rained.", "label": []}\n',
        '[{"id": 1, "data": {"text": "Ada left."}, "annotations": []}]',
        '[\n  {\n    "id": 1,\n    "data": {}\n  }\n]\n',
    ],
)
@pytest.mark.parametrize("name", ["export.json", "export.txt", "export.csv"])
def test_json_is_no_table_whatever_its_name_is(write, content, name):
    with pytest.raises(
        DataError, match=r"found JSON, expected columns, or lines of words; `tagger convert FILE"
    ):
        read(write(content, name))


@pytest.mark.parametrize("rows", ['{ O\n" O\ntext O\n" O\n: O\n', '{\tO\n"text"\tO\n:\tO\n', "[ O\n{ O\n"])
def test_braces_and_quotes_may_be_tokens(write, rows):
    found, _ = read(write(rows + "\n"))
    assert [token for token, _ in found[0]] == [row.split()[0] for row in rows.splitlines()]
