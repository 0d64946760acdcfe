"""Reading and writing column files: dialects, places, faults, and what real corpora hold."""

from __future__ import annotations

import gzip
import io
import sys
import time
import tracemalloc
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tagger.errors import ConfigError, DataError
from tagger.text import conll, files, schemes
from tagger.text.conll import Columns, Sentence, source
from tagger.text.conll.table import Cuttings
from tagger.text.schemes import Scheme

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def write(tmp_path):
    def write_corpus(content: str | bytes, name: str = "corpus.conll") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return write_corpus


def read(path, **options):
    return list(conll.read_sentences(path, **options))


def fault(call, *arguments, **options) -> DataError:
    with pytest.raises(DataError) as caught:
        call(*arguments, **options)
    return caught.value


@pytest.mark.parametrize(
    "content",
    [
        "a\tO\nb c\tB-X\n\nd\tO\n",
        "a\tO\nb c\tB-X\n\nd\tO",
        "\ufeffa\tO\r\nb c\tB-X\r\n\r\nd\tO\r\n",
        "a\tO\rb c\tB-X\r\rd\tO\r",
        "a\tO\rb c\tB-X\r\n\nd\tO\n",
        "a\tO  \nb c\tB-X\t\n \t \nd\tO\n\n\n\n",
        "\n\n\na\tO\nb c\tB-X\n\n\n\n\nd\tO\n",
        "-DOCSTART-\tO\n\na\tO\nb c\tB-X\n\nd\tO\n",
        "-DOCSTART- -X- -X- O\na\tO\nb c\tB-X\n-DOCSTART-\nd\tO\n",
        "# id 1\ta\tb\na\tO\nb c\tB-X\n\nd\tO\n",
        "#begin document (x); part 0\na\tO\nb c\tB-X\n\nd\tO\n#end document\n",
        "a\tO\nb c\tB-X\n\ufeff\nd\tO\n \ufeff\t\n",
    ],
)
@pytest.mark.parametrize("block", [1, 3, 1 << 20])
def test_dialects_of_one_corpus_read_alike(write, monkeypatch, content, block):
    monkeypatch.setattr(files, "BLOCK", block)
    if content.endswith("#end document\n"):
        content = content.replace("\n#end", "\n\n#end")
    found = [(sentence.tokens, sentence.tags) for sentence in read(write(content))]
    assert found == [(("a", "b c"), ("O", "B-X")), (("d",), ("O",))]


def test_every_token_knows_its_line(write):
    path = write("\n# x y z\na O\n\n\n\nb O\nc O\n-DOCSTART- O\n \t\nd O\n")
    rows = path.read_text().split("\n")
    found = [
        (token, sentence.line_of(i)) for sentence in read(path) for i, token in enumerate(sentence.tokens)
    ]
    assert [token for token, _ in found] == ["a", "b", "c", "d"]
    assert all(rows[line - 1].startswith(token) for token, line in found)


@pytest.mark.parametrize(
    "token",
    [
        "\xa0",
        "a\xa0b",
        "\u3000",
        "a\u2028b",
        "\x85",
        "\x0b\x0c\x1c",
        "\x00",
        "\u200b",
        "a\ufeff",
        "👩🏽‍🚀",
        "שלום",
        "#",
        "#b",
    ],
)
@pytest.mark.parametrize("separator", ["\t", " "])
def test_only_blanks_and_line_ends_separate(write, token, separator):
    (sentence,) = read(write(f"{token}{separator}O\nx{separator}O\n"))
    assert sentence.tokens == (token, "x")


def test_columns_are_chosen_by_place(write):
    path = write("1 a N B-X\n2 b V O\n")
    (sentence,) = read(path, columns=Columns(token=1, tag=-2, features=(0, -1)))
    assert (sentence.tokens, sentence.tags) == (("a", "b"), ("N", "V"))
    assert sentence.features == (("1", "2"), ("B-X", "O"))
    (untagged,) = read(path, columns=Columns(token=-1, tag=None))
    assert (untagged.tokens, untagged.tags) == (("B-X", "O"), ())


CONLLU = """\
# newdoc id = d1
# sent_id = 1
# text = Vámonos al mar
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\tV\tNumber=Plur\t0\troot\t_\tNER=O
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_
3-4\tal\t_\t_\t_\t_\t_\t_\t_\t_
3\ta\ta\tADP\tE\t_\t5\tcase\t_\t_
4\tel\tel\tDET\tD\tNumber=Sing\t5\tdet\t_\t_
4.1\tgran\tgran\tADJ\t_\t_\t_\t_\t_\t_
5\tmar\tmar\tNOUN\tN\t_\t1\tobl\t_\tGloss=sea|NER=B-LOC

# newdoc id = d2
# sent_id = 2
1\t#\t#\t_\t_\t_\t0\troot\t_\t_
"""


def test_conllu_comments_multiword_tokens_and_empty_nodes(write):
    first, second = read(write(CONLLU))
    assert first.tokens == ("Vamos", "nos", "a", "el", "mar")
    assert first.tags == ("VERB", "PRON", "ADP", "DET", "NOUN")
    assert [first.line_of(i) for i in range(5)] == [5, 6, 8, 9, 11]
    assert first.comments == ("# newdoc id = d1", "# sent_id = 1", "# text = Vámonos al mar")
    assert (second.tokens, second.tags, second.line) == (("#",), ("?",), 15)
    assert (first.document, second.document) == (0, 1)


def test_conllu_columns_go_by_name_and_key(write):
    path = write(CONLLU)
    first, _ = read(path, columns=Columns(token="lemma", tag="XPOS", features=("FEATS:Number",)))
    assert first.tokens == ("ir", "nosotros", "a", "el", "mar")
    assert (first.tags, first.features) == (("V", "?", "E", "D", "N"), (("Plur", "_", "_", "Sing", "_"),))
    assert read(path, columns=Columns(tag="MISC:NER"))[0].tags == ("O", "O", "O", "O", "B-LOC")


def vouch_for_nothing(text, layout, boundary):
    """Leave every sentence of a block to the reader of rows."""
    rows = enumerate(text.split("\n"))
    blocks = [list(group) for is_blank, group in groupby(rows, lambda row: not row[1]) if not is_blank]
    runs = [(block[0][0], block[-1][0] + 1, 0, 0, 0, 0) for block in blocks]
    return Cuttings([() for _ in layout.wanted], [], (), runs)


def test_conllu_reads_alike_row_by_row(monkeypatch):
    path = SHARED / "ud-en-ewt" / "en_ewt-ud-dev.conllu"
    if not path.exists():
        pytest.skip("the shared corpora are not here")
    fast = read(path)
    monkeypatch.setattr(conll.reader, "cut_block", vouch_for_nothing)
    assert read(path) == fast


@pytest.mark.parametrize("name", ["wnut17/emerging.dev.conll", "wikigold/wikigold.conll.txt"])
def test_columns_read_alike_row_by_row(monkeypatch, name):
    if not (SHARED / name).exists():
        pytest.skip("the shared corpora are not here")
    fast = read(SHARED / name)
    monkeypatch.setattr(conll.reader, "cut_block", vouch_for_nothing)
    assert read(SHARED / name) == fast


def test_documents_are_counted(write):
    path = write("a O\n\n-DOCSTART- O\n\nb O\nc O\n\n-DOCSTART- O\nd O\n")
    assert [(sentence.tokens, sentence.document) for sentence in read(path)] == [
        (("a",), 0),
        (("b", "c"), 1),
        (("d",), 2),
    ]
    assert read(write("1 -DOCSTART- O\n\n2 b O\n"), columns=Columns(token=1))[0].tokens == ("b",)


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("a O\nb N O\n", 2, "found 3 columns, line 1 has 2; expected the same number in every row"),
        ("a\tO\nb\n", 2, "found 1 column, line 1 has 2"),
        ("a O\n\nb\tO\n", 3, "found a tab, line 1 has its 2 columns separated by spaces"),
        ("a O\nb B-X\tB-Y\n", 2, "found a tab"),
        (
            "\n\na\nb\n",
            3,
            "found 1 column, and column 0 would be both token and tag; expected a column for each",
        ),
        ("a\tO\n\tO\n", 2, "found an empty token in column 0, expected some text"),
        ("a\tN\tO\nb\tN\t\n", 2, "found 2 columns, line 1 has 3"),
        ("a\tO\tO\n \tO\tO\n", 2, "found an empty token in column 0"),
        (
            "1\ta" + "\t_" * 8 + "\nx\tb" + "\t_" * 8,
            2,
            "found ID 'x', expected a number, or as in 1-2 or 1.1",
        ),
        ("a O\n" * 3 + "b \xff\n", 4, None),
    ],
)
def test_faulty_rows_are_errors_with_their_place(write, content, line, message):
    raw = content.encode("latin-1") if message is None else content
    error = fault(read, write(raw))
    assert error.line == line
    assert (
        message or "byte 0xff at offset 14 is not valid utf-8; save the file as UTF-8, or name its"
    ) in str(error)
    assert str(error).startswith(f"{write(raw)}:{line}: ")


@pytest.mark.parametrize(
    ("upos", "xpos", "misc", "advice"),
    [
        ("_", "_", "Gloss=sea|NER=B-LOC", "there are some elsewhere, say --tag-column MISC:NER"),
        ("_", "N", "SpaceAfter=No", "there are some elsewhere, say --tag-column XPOS"),
        ("_", "N", "NE=S-A", "there are some elsewhere, say --tag-column MISC:NE or --tag-column XPOS"),
        ("_", "_", "_", "name the column that holds them: --tag-column MISC:KEY for KEY=TAG in MISC"),
        ("N", "_", "NER=B-LOC", None),
    ],
)
def test_an_empty_tag_column_of_conllu_is_told_with_what_could_be_meant(write, upos, xpos, misc, advice):
    row = "# text = x\n1\tmar\tmar\t{}\t{}\t_\t0\troot\t_\t{}\n\n"
    path = write(row.format("_", "_", "_") + row.format(upos, xpos, misc) + row.format("_", xpos, "_"))
    warnings = conll.read_corpus(path).warnings
    found = "found only _ in the tag column UPOS, expected tags; "
    unknown = "2 tokens tagged ?, not known: neither learnt nor scored (first: line 2)"
    assert warnings == ((f"{found}{advice} (first: line 2)",) if advice else (unknown,))
    assert warnings == conll.stream_corpus(path).warnings
    assert conll.read_corpus(path, columns=Columns(tag=None)).warnings == ()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (Columns(token=5), "found 2 columns, expected a column 5 (the first is 0, the last is -1)"),
        (Columns(tag=-3), "expected a column -3"),
        (Columns(tag="UPOS"), "found no column 'UPOS', expected a number; only CoNLL-U names its columns"),
        (Columns(token=-1), "column 1 would be both token and tag"),
    ],
)
def test_missing_columns_are_errors(write, columns, message):
    assert message in str(fault(read, write("a O\n"), columns=columns))
    error = fault(read, write(CONLLU), columns=Columns(tag="POS"))
    assert "found no column 'POS', expected one of ID, FORM, LEMMA" in str(error)


def test_faults_can_be_collected(write):
    faults = []
    found = read(write("a O\nb\n\nc\tO\nd O\n\n \n"), on_fault=faults.append)
    assert [sentence.tokens for sentence in found] == [("a",), ("d",)]
    assert [error.line for error in faults] == [2, 4]


@pytest.mark.parametrize("name", ["utf-16", "gbk", "latin-1", "utf-8-sig", "cp1252"])
def test_other_encodings(write, name):
    text = "中 O\n国 B-X\n" if name in ("utf-16", "gbk") else "é O\nà B-X\n"
    (sentence,) = read(write(text.encode(name)), encoding=name)
    assert sentence.tokens == tuple(row.split()[0] for row in text.splitlines())


@pytest.mark.parametrize("name", ["utf-99", "hex", "rot13", "a\0b"])
def test_what_is_no_encoding_is_an_error(write, name):
    with pytest.raises(ConfigError, match=r"encoding: found .* expected a text encoding such as utf-8"):
        read(write("a O\n"), encoding=name)


def test_gzip_is_known_by_its_content_and_standard_input_is_read(write, monkeypatch):
    packed = gzip.compress(b"a O\nb B-X\n")
    (sentence,) = read(write(packed, "corpus"))
    assert sentence.tokens == ("a", "b")
    for path in ("-", Path("-")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(packed))))
        assert conll.read_corpus(path).path == "<stdin>"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda b: b[:-9], "the gzip stream ends too early, expected a whole one; copy the file again"),
        (lambda b: b[:40] + b"\0" + b[41:], "cannot be read: "),
        (lambda b: b + b"xx", "cannot be read: "),
    ],
)
def test_a_damaged_gzip_is_an_error_with_its_line(write, damage, message):
    error = fault(read, write(damage(gzip.compress(b"".join(b"%d O\n" % i for i in range(99))))))
    assert error.message.startswith(message)
    assert error.line is not None


def test_a_gzip_bomb_is_bounded(write, monkeypatch):
    monkeypatch.setattr(files, "BOMB_BYTES", 1 << 20)
    bomb = write(gzip.compress(b"a O\n" * (1 << 20)))
    assert "unpack to more than" in str(fault(read, bomb))
    fair = "".join(f"{i * i % 99991} O\n" for i in range(1 << 18))
    assert sum(map(len, read(write(gzip.compress(fair.encode()))))) == 1 << 18


def test_a_line_without_end_is_bounded(write, monkeypatch):
    monkeypatch.setattr(source, "LONGEST_LINE", 1000)
    monkeypatch.setattr(source.read_whole_lines, "__defaults__", (1000,))
    error = fault(read, write("a O\n\n" + "x" * 3_000_000))
    assert "found a line of more than 1000 characters" in str(error)
    assert error.line == 3


def test_a_long_run_of_blanks_takes_linear_time(write):
    assert read(write("a O\nb" + " " * 300_000 + "x O\n"), on_fault=lambda _: None)


def test_a_word_of_a_million_characters_is_whole(write):
    (sentence,) = read(write(f"{'x' * 1_000_000} O\n"))
    assert len(sentence.tokens[0]) == 1_000_000


def test_memory_is_bounded_while_streaming(write, monkeypatch):
    monkeypatch.setattr(files, "BLOCK", 1 << 14)
    path = write("token B-LABEL\nanother O\n\n" * 60_000)  # 1.5 MB
    tracemalloc.start()
    assert sum(len(sentence) for sentence in conll.read_sentences(path)) == 120_000
    assert tracemalloc.get_traced_memory()[1] < 700e3
    tracemalloc.stop()


def test_missing_and_forbidden_files_are_errors(tmp_path):
    assert "cannot be read: No such file or directory" in str(fault(read, tmp_path / "nowhere"))
    assert "cannot be read: Is a directory" in str(fault(read, tmp_path))


def test_oddities_are_told_with_their_count(write):
    told = []
    read(write("# a b c\na O\n\n\ufeff\n\ufeff\n# d e f\nb O\n"), warn=told.append)
    assert told == [
        "2 lines with only a byte-order mark, read as blank (first: line 4)",
        "2 lines with '#' in front, above a sentence, read as comment (first: line 1)",
    ]


REAL = {  # file: (sentences, tokens, scheme), counted with awk and grep
    "wnut17/wnut17train.conll": (3394, 62730, Scheme.IOB2),
    "wnut17/emerging.dev.conll": (1009, 15733, Scheme.IOB2),
    "wnut17/emerging.test.annotated": (1287, 23394, Scheme.IOB2),
    "conll2002-es/esp.train": (8323, 264715, Scheme.IOB2),
    "conll2002-es/esp.testa": (1915, 52923, Scheme.IOB2),
    "conll2002-es/esp.testb": (1517, 51533, Scheme.IOB2),
    "resume-zh/train.char.bmes": (3821, 124099, Scheme.BMES),
    "wikigold/wikigold.conll.txt": (1696, 39007, Scheme.IOB1),
    "ud-en-ewt/en_ewt-ud-dev.conllu": (2001, 25147, Scheme.BARE),
}


@pytest.mark.parametrize("name", REAL)
def test_real_corpora(name):
    if not (SHARED / name).exists():
        pytest.skip("the shared corpora are not here")
    corpus = conll.read_corpus(SHARED / name)
    found = len(corpus.sentences), sum(map(len, corpus.sentences)), corpus.scheme
    assert found == REAL[name]


def test_a_corpus_says_how_its_tags_were_read(write):
    corpus = conll.read_corpus(write("a b-x\nb i-x\nc o\n\nd o\ne i-x\n"))
    assert [sentence.tags for sentence in corpus.sentences] == [("B-x", "I-x", "O"), ("O", "I-x")]
    assert corpus.scheme is Scheme.IOB2
    assert corpus.warnings == (
        "5 tags written otherwise in IOB2; b-x read as B-x (line 1)",
        "1 tag does not follow from the tag before in IOB2; read as conlleval reads it (first: line 6)",
    )
    assert conll.read_corpus(write("a I-X\nb O\n"), scheme=Scheme.IOB2).evidence == "as asked for"


def settle(call, path):
    """Return all that a corpus or a stream tells, or its fault."""
    try:
        found = call(path)
    except DataError as error:
        return str(error)
    sentences = tuple(found.sentences)
    assert sentences == tuple(found.sentences)
    return sentences, found.scheme, found.evidence, found.warnings, found.layout


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["a B-X", "b I-X", "c O", "d b-x", "e I-Y", "", "", "f Q", "# g h i"]), max_size=9
    )
)
def test_a_stream_tells_what_a_corpus_held_in_memory_tells(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("stream") / "x"
    path.write_text("\n".join(rows), encoding="utf-8")
    assert settle(conll.stream_corpus, path) == settle(conll.read_corpus, path)


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("a B-X\nb X\n\nc O\n", 2, "found tag 'X', expected O, B-TYPE or I-TYPE (IOB2); mend the tag"),
        ("a B-X\nb B-\n\nc O\n", 2, "found tag 'B-'"),
        ("a B-X\nb X-B\n\nc O\n", 2, "found tag 'X-B'"),
        ("a B-X\nb 0\n\nc O\n", 2, "found tag '0', expected O, B-TYPE or I-TYPE (IOB2); write the letter O"),
        ("a O\nb X-B\nc Y-B\n", 2, "tags such as 'X-B' have the prefix behind the type, expected B-TYPE"),
        ("a *\nb (S(NP*\nc *))\n", 2, "tags such as '(S(NP*' are brackets (CoNLL-2005, CoNLL-2012)"),
        (
            "a *\nb (S*\nc (NP)\nd *)\n",
            3,
            "tag '(NP)' opens a bracket inside that of S, expected spans side by side",
        ),
        (
            "a O\nb TREE\n",
            2,
            "found tags without prefixes, such as TREE, beside O, expected to know whether O is",
        ),
        (
            "a V\nb ?\n? ?\n",
            2,
            "found 1 of 2 tokens tagged ? that are question marks, expected another label",
        ),
        ("", 1, "found no sentence, expected rows of a token and its tag"),
        ("\n\n \n", 1, "found no sentence"),
        ("-DOCSTART- O\n\n", 1, "found no sentence"),
        ("# nothing here at all\n", 1, "found no sentence"),
    ],
)
def test_tags_outside_the_scheme_and_empty_corpora_are_errors(write, content, line, message):
    error = fault(conll.read_corpus, write(content))
    assert message in str(error)
    assert error.line in (line, 2)


def test_a_given_scheme_overrides_the_guess(write):
    path = write("a X-B\nb Y\nc O\n")
    for scheme in (Scheme.BARE, Scheme.IO):
        assert conll.read_corpus(path, scheme=scheme).scheme is scheme
    assert "found tag 'X-B', expected O, B-TYPE" in str(fault(conll.read_corpus, path, scheme=Scheme.IOB2))
    path = write("a B-X\nb I-X\nc O\n")
    assert "found tag 'B-X', expected O or TYPE (IO); the tags look like IOB2" in str(
        fault(conll.read_corpus, path, scheme=Scheme.IO)
    )


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
@example(b"\xff\xfea\x00")
@example(b"\x1f\x8b\x08\x00")
@example(b"a O\r")
@example(b"\xef\xbb\xbf\n\xef\xbb\xbf\t\n")
def test_any_bytes_read_or_raise_with_a_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "x"
    path.write_bytes(content)
    check_reads_or_raises(path)


PIECES = [
    "a",
    "b",
    " ",
    "\t",
    "\n",
    "\n\n",
    "\r",
    "\r\n",
    "O",
    "B-X",
    "I-X",
    "?",
    "-DOCSTART-",
    "# c",
    "#",
    "1",
]
PIECES += ["1-2", "\ufeff", "\xa0", "\u2028", "1\tw" + "\t_" * 8 + "\n", "a O\n", "a\tO\n", "\x00", "é"]
ROWS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@settings(max_examples=300, deadline=None)
@given(ROWS)
def test_any_rows_read_or_raise_with_a_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "x"
    path.write_text(content, encoding="utf-8", newline="")
    check_reads_or_raises(path)


CELLS = ["a", "#", " ", "", "1", "2", "1-2", "2.1", "_", "b c", "# newdoc", "\t", "-DOCSTART-", "x "]
WIDTHS = st.sampled_from([1, 2, 3, 9, 10, 10, 10, 11])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(CELLS), WIDTHS, st.sampled_from(CELLS)), max_size=6), st.booleans())
def test_both_roads_read_alike_and_find_the_same_fault(tmp_path_factory, rows, spaced):
    separator = " " if spaced else "\t"
    lines = [f"{number}\tw" + "\t_" * 8 for number in (1, 2)] if not spaced else ["a O"]
    lines += [separator.join([first, *["_"] * (width - 2), last]) for first, width, last in rows]
    path = tmp_path_factory.mktemp("roads") / "x"
    path.write_text("\n".join(lines), encoding="utf-8", newline="")
    fast = collect(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conll.reader, "cut_block", vouch_for_nothing)
        assert collect(path) == fast


def collect(path):
    faults, told = [], []
    sentences = read(path, on_fault=faults.append, warn=told.append)
    return sentences, [str(fault) for fault in faults], told


def check_reads_or_raises(path):
    try:
        sentences = read(path)
    except DataError as error:
        assert error.line is not None and error.line >= 1
        assert error.path is not None
    else:
        for sentence in sentences:
            assert len(sentence.tokens) == len(sentence.tags) > 0
            assert all(sentence.tokens) and all(sentence.tags)
    try:
        conll.read_corpus(path)
    except DataError as error:
        assert error.line is not None


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5)


@st.composite
def corpora(draw, field=TEXT):
    sentences, document = [], 0
    for _ in range(draw(st.integers(1, 4))):
        tokens = tuple(draw(st.lists(field, min_size=1, max_size=4)))
        tags = tuple(draw(st.sampled_from(["O", "B-X", "I-X", "?"])) for _ in tokens)
        sentences.append(Sentence(tokens, tags, document=document))
        document += draw(st.integers(0, 1))
    return sentences


@settings(max_examples=200, deadline=None)
@given(corpora(), st.sampled_from(["\t", " "]))
def test_what_is_written_reads_as_it_was(tmp_path_factory, sentences, separator):
    # Where no other row tells what `# O` is, it is a comment; reading says that it found no sentence.
    assume(separator == "\t" or any(token != "#" for sentence in sentences for token in sentence.tokens))
    check_round_trip(tmp_path_factory, sentences, lambda found: conll.format_sentences(found, separator))


@settings(max_examples=200, deadline=None)
@given(corpora())
def test_what_is_written_as_conllu_reads_as_it_was(tmp_path_factory, sentences):
    check_round_trip(tmp_path_factory, sentences, conll.format_conllu)


def check_round_trip(tmp_path_factory, sentences, form):
    try:
        text = "".join(form(sentences))
    except DataError as error:
        assert "which a column file cannot hold" in str(error)
        return
    path = tmp_path_factory.mktemp("trip") / "x"
    path.write_text(text, encoding="utf-8", newline="")
    assert [(s.tokens, s.tags, s.document) for s in read(path)] == [
        (s.tokens, s.tags, s.document) for s in sentences
    ]


@pytest.mark.parametrize(
    "name", ["ud-en-ewt/en_ewt-ud-dev.conllu", "conll2002-es/esp.testa", "wikigold/wikigold.conll.txt"]
)
def test_rewriting_the_same_tags_changes_nothing(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip("the shared corpora are not here")
    corpus = conll.read_corpus(path)
    text = "".join(conll.rewrite_tags(path, corpus.layout, corpus.sentences))
    assert text.encode() == path.read_bytes()


def test_rewriting_leaves_everything_else(write, tmp_path):
    path = write("# x\n-DOCSTART- -X-  O\n\na  N B-X\nb\u2028  V  I-X\n\n\nc N O\n")
    corpus = conll.read_corpus(path)
    sentences = [
        Sentence(s.tokens, tuple(schemes.convert(s.tags, corpus.scheme, Scheme.BIOES)), s.line)
        for s in corpus.sentences
    ]
    assert "".join(conll.rewrite_tags(path, corpus.layout, sentences)) == path.read_text().replace(
        "I-X", "E-X"
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rewriting_leaves_line_ends_and_blanks_behind_rows(tmp_path, monkeypatch, end):
    monkeypatch.setattr("tagger.text.files.BLOCK", 7)
    path = tmp_path / "x"
    path.write_bytes(end.join(["# x", "a N I-X \t", " ", "", "b V I-X", "", "", "c N O"]).encode())
    corpus = conll.read_corpus(path, scheme=Scheme.IOB2)
    assert "".join(conll.rewrite_tags(path, corpus.layout, corpus.sentences)).encode() == path.read_bytes()
    changed = [Sentence(s.tokens, ("O",), s.line, lines=s.lines) for s in corpus.sentences]
    text = "".join(conll.rewrite_tags(path, corpus.layout, changed))
    assert text.encode() == path.read_bytes().replace(b"I-X", b"O")


def test_rewriting_a_key_of_conllu(write):
    path = write(CONLLU)
    columns = Columns(tag="MISC:NER")
    corpus = conll.read_corpus(path, columns=columns, scheme=Scheme.IOB2)
    changed = [
        Sentence(s.tokens, ("B-ORG",) + ("O",) * (len(s) - 1), s.line, lines=s.lines)
        for s in corpus.sentences
    ]
    text = "".join(conll.rewrite_tags(path, corpus.layout, changed))
    assert "\t0\troot\t_\tNER=B-ORG\n2\t" in text
    assert "\tobl\t_\tGloss=sea\n" in text
    assert [s.tags for s in read(write(text), columns=columns)] == [s.tags for s in changed]


@pytest.mark.parametrize("separator", ["\t", " "])
def test_rewriting_a_column_in_the_middle(write, separator):
    path = write(f"a{separator}I-X{separator}1\nb{separator}I-X{separator}2\n".replace(" ", "  "))
    corpus = conll.read_corpus(path, columns=Columns(tag=1))
    changed = [Sentence(s.tokens, ("B-X", "I-X"), s.line) for s in corpus.sentences]
    text = "".join(conll.rewrite_tags(path, corpus.layout, changed))
    assert text == path.read_text().replace("I-X", "B-X", 1)


def test_lines_of_byte_order_marks_take_linear_time(write):
    told = []
    begin = time.perf_counter()
    read(write("a\tO\n" + "\ufeff\n" * 200_000), warn=told.append)
    assert time.perf_counter() - begin < 5  # quadratic: a minute and more
    assert told == ["200,000 lines with only a byte-order mark, read as blank (first: line 2)"]
