"""Texts: what is read with a text is written with that text, untouched, and its offsets, by way of any format."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tagger.errors import DataError
from tagger.text import conll, formats
from tagger.text.conll import Corpus, Sentence, SourceText
from tagger.text.counting import Oddities
from tagger.text.formats import CorpusSettings, Misaligned, OutputSettings
from tagger.text.formats.location import locate_sentences, locate_texts
from tagger.text.output import write_text
from tagger.text.schemes import Scheme
from tagger.text.tokenizer import tokenize

TEXTUAL = ["jsonl", "doccano", "labelstudio", "prodigy", "brat", "conllu"]

PIECES = [
    "Anna",
    " Li",
    "lives",
    "in",
    " Peru",
    ".",
    " Mr.",
    "!",
    " They",
    "(",
    "-",
    "don't",
    "中文",
    "。",
    " שלום",
]
PIECES += ["👩🏽‍🚀", "e\u0301", "&amp;", "<b>", "\\n", "|", "a=b", "#", "_", "\u200b", "\ufeff"]
SPACES = [" ", "  ", "\n", "\r\n", "\n\n", "\r", "\t", "\u2028", "\x85", "\u00a0", "\u3000", "\x0b", " \n "]
texts = (
    st.lists(st.sampled_from(PIECES) | st.sampled_from(SPACES), min_size=1, max_size=12)
    .map("".join)
    .filter(lambda text: text.removeprefix("\ufeff").strip())
)

Labelled = list[tuple[str, list[tuple[str, int, int]]]]


@st.composite
def collections(draw) -> Labelled:
    """Texts, each with spans from token to token, whatever sentence the tokens are in."""
    found = []
    for text in draw(st.lists(texts, min_size=1, max_size=3)):
        tokens = tokenize(" " + text[1:] if text.startswith("\ufeff") else text)
        spans, at = [], 0
        while at < len(tokens) and draw(st.booleans()):
            first = draw(st.integers(at, len(tokens) - 1))
            last = draw(st.integers(first, min(first + 3, len(tokens) - 1)))
            spans.append((draw(st.sampled_from(["PER", "LOC"])), tokens[first][0], tokens[last][1]))
            at = last + 1
        found.append((text, spans))
    return found


def write(corpus: Corpus, form: str, folder: Path) -> Path:
    row = formats.FORMATS[form]
    path = folder / f"x{row.suffix}"
    if row.write_files:
        row.write_files(corpus, folder / "pairs", Oddities().note)
        return folder / "pairs"
    write_text(path, row.format_corpus(corpus, OutputSettings(name="x", column="MISC:NER")))
    return path


def read(path: Path, form: str, misaligned: Misaligned = Misaligned.SPLIT) -> Corpus:
    columns = conll.Columns(tag="MISC:NER") if form == "conllu" else conll.Columns()
    asked = CorpusSettings(columns=columns, scheme=Scheme.IOB2, misaligned=misaligned)
    return formats.read_corpus(str(path), form, asked, print)


def content(corpus: Corpus) -> Labelled:
    """Return the texts of a corpus and the spans in each, counted from its beginning."""
    located = [text for _, text in locate_texts(corpus.sentences, corpus.scheme, "x")]
    return [
        (text.text, [(span.type, span.start - text.start, span.end - text.start) for span in text.spans])
        for text in located
    ]


def start_with(labelled: Labelled, folder: Path) -> Corpus:
    """Read texts as doccano exports them; written without any writer of ours."""
    rows = [
        {"text": text, "label": [[start, end, kind] for kind, start, end in spans]}
        for text, spans in labelled
    ]
    path = folder / "start.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read(path, "doccano")


@settings(max_examples=60, deadline=None)
@given(collections(), st.sampled_from(list(product(TEXTUAL, repeat=2))))
@example([("\n Anna  Li\r\n lives. In\u2028Peru! ", [("PER", 2, 10), ("LOC", 23, 27)])], ("brat", "conllu"))
@example([("Yahoo! Inc. grew.", [("ORG", 0, 11)]), ("Yahoo! Inc. grew.", [])], ("jsonl", "prodigy"))
def test_texts_and_spans_go_from_any_format_to_any_other_and_back(tmp_path_factory, labelled, pair):
    folder = tmp_path_factory.mktemp("trip")
    first, second = pair
    corpus = start_with(labelled, folder)
    assert content(corpus) == labelled
    for step, form in enumerate((first, second, first)):
        place = folder / str(step)
        place.mkdir()
        corpus = read(write(corpus, form, place), form)
        assert content(corpus) == labelled, (step, form)


@settings(max_examples=60, deadline=None)
@given(collections())
def test_sentences_tile_their_text(tmp_path_factory, labelled):
    corpus = start_with(labelled, tmp_path_factory.mktemp("tile"))
    sentences = list(locate_sentences(corpus.sentences, corpus.scheme, "x"))
    assert "".join(sentence.text for sentence in sentences) == "".join(text for text, _ in labelled)
    for sentence in sentences:
        assert sentence.end - sentence.start == len(sentence.text)
        for span in sentence.spans:
            assert sentence.text[span.start - sentence.start : span.end - sentence.start] == span.text
        assert sentence.words() == [
            sentence.text[a - sentence.start : b - sentence.start] for a, b, _ in sentence.tokens
        ]


PREDICTED = """\
{"doc": "a.txt", "start": 3, "end": 16, "text": "Ann Lee\\nsang.", "tokens": [[3, 6, "B-PER"], [7, 10, "I-PER"], \
[11, 15, "O"], [15, 16, "O"]], "spans": [{"type": "PER", "start": 3, "end": 10, "text": "Ann Lee", \
"confidence": 0.981243}]}
{"doc": "a.txt", "start": 18, "end": 21, "text": "Oh!", "tokens": [[18, 20, "O"], [20, 21, "O"]], "spans": []}
{"doc": "b.txt", "start": 0, "end": 4, "text": "Peru", "tokens": [[0, 4, "B-LOC"]], "spans": [{"type": "LOC", \
"start": 0, "end": 4, "text": "Peru", "confidence": 0.5}]}
"""


def rewrite(path: Path, form: str, target: str, folder: Path) -> str:
    return write(read(path, form), target, folder).read_text()


def test_predictions_written_again_are_the_same_bytes(tmp_path):
    (tmp_path / "in.jsonl").write_text(PREDICTED)
    assert rewrite(tmp_path / "in.jsonl", "jsonl", "jsonl", tmp_path) == PREDICTED


def test_predictions_become_a_record_a_sentence_with_its_place(tmp_path):
    (tmp_path / "in.jsonl").write_text(PREDICTED)
    written = rewrite(tmp_path / "in.jsonl", "jsonl", "doccano", tmp_path)
    assert [json.loads(line) for line in written.splitlines()] == [
        {"text": "Ann Lee\nsang.", "label": [[0, 7, "PER"]], "doc": "a.txt", "start": 3},
        {"text": "Oh!", "label": [], "doc": "a.txt", "start": 18},
        {"text": "Peru", "label": [[0, 4, "LOC"]], "doc": "b.txt"},
    ]


def test_a_pair_of_brat_for_each_document_with_its_offsets(tmp_path):
    (tmp_path / "in.jsonl").write_text(PREDICTED)
    write(read(tmp_path / "in.jsonl", "jsonl"), "brat", tmp_path)
    assert (tmp_path / "pairs" / "a.txt").read_text() == "\n\n\nAnn Lee\nsang.\n\nOh!"
    assert (tmp_path / "pairs" / "a.ann").read_text() == "T1\tPER 3 10\tAnn Lee\n"
    assert (tmp_path / "pairs" / "b.ann").read_text() == "T1\tLOC 0 4\tPeru\n"


def test_sentences_that_touch_are_one_text(tmp_path):
    rows = [
        {
            "doc": "a",
            "start": 0,
            "end": 3,
            "text": "他走。",
            "tokens": [[0, 1, "O"], [1, 2, "O"], [2, 3, "O"]],
        },
        {"doc": "a", "start": 3, "end": 5, "text": "李来", "tokens": [[3, 4, "B-PER"], [4, 5, "O"]]},
        {"doc": "a", "start": 6, "end": 8, "text": "好的", "tokens": [[6, 7, "O"], [7, 8, "O"]]},
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    corpus = read(tmp_path / "in.jsonl", "jsonl")
    assert content(corpus) == [("他走。李来", [("PER", 3, 4)]), ("好的", [])]
    first, second, third = (sentence.excerpt.source for sentence in corpus.sentences)
    assert first is second  # the text is held once
    assert third is not first


def test_equal_texts_stay_two(tmp_path):
    labelled: Labelled = [("Li left.", [("PER", 0, 2)]), ("Li left.", [])]
    corpus = start_with(labelled, tmp_path)
    for form in TEXTUAL:
        (tmp_path / form).mkdir()
        assert content(read(write(corpus, form, tmp_path / form), form)) == labelled
    assert SourceText("a") != SourceText("a")


def test_names_of_documents_are_kept(tmp_path):
    (tmp_path / "in").mkdir()
    for name, text in {"alpha": "Li left.", "beta": "Anna  stayed."}.items():
        (tmp_path / "in" / f"{name}.txt").write_text(text)
        (tmp_path / "in" / f"{name}.ann").write_text("")
    corpus = read(tmp_path / "in", "brat")
    for form in TEXTUAL:
        (tmp_path / form).mkdir()
        again = read(write(corpus, form, tmp_path / form), form)
        assert [source.name for source, _ in locate_texts(again.sentences, again.scheme, "x")] == [
            "alpha",
            "beta",
        ]
    assert sorted(path.name for path in (tmp_path / "brat" / "pairs").iterdir()) == [
        "alpha.ann",
        "alpha.txt",
        "annotation.conf",
        "beta.ann",
        "beta.txt",
        "visual.conf",
    ]


@pytest.mark.parametrize("name", ["../up", "a/b", ".", "", "con\x00", "x" * 300])
def test_a_pair_is_never_written_elsewhere(tmp_path, name):
    record = {"doc": name, "text": "Li left.", "label": []}
    (tmp_path / "in.jsonl").write_text(json.dumps(record))
    write(read(tmp_path / "in.jsonl", "doccano"), "brat", tmp_path)
    found = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.ann")}
    assert found == {"pairs"}
    assert len(list((tmp_path / "pairs").iterdir())) == 4  # the pair, and the settings of the folder


def test_several_texts_are_no_pair(tmp_path):
    corpus = start_with([("Li left.", []), ("Li left.", [])], tmp_path)
    with pytest.raises(DataError, match="found 2 texts, expected one; name a directory to write to"):
        formats.FORMATS["brat"].write_files(corpus, tmp_path / "x.ann", print)


def test_a_start_that_is_far_off_fills_no_memory(tmp_path):
    record = {"doc": "a", "start": 10**15, "text": "Li left.", "label": [[0, 2, "PER"]]}
    (tmp_path / "in.jsonl").write_text(json.dumps(record))
    write(read(tmp_path / "in.jsonl", "doccano"), "brat", tmp_path)
    assert (tmp_path / "pairs" / "a.txt").read_text() == "Li left."
    assert (tmp_path / "pairs" / "a.ann").read_text() == "T1\tPER 0 2\tLi\n"


def test_a_text_without_a_token_is_said(tmp_path):
    corpus = start_with([(" \n", []), ("Li", [])], tmp_path)
    assert content(corpus) == [("Li", [])]
    assert corpus.warnings[0].startswith("1 text without a token, left out (first: ")


PARC = """\
# text = Je viens du parc.
1\tJe\tje\tPRON\t_\t_\t2\tnsubj\t_\t_
2\tviens\tvenir\tVERB\t_\t_\t0\troot\t_\t_
3-4\tdu\t_\t_\t_\t_\t_\t_\t_\t_
3\tde\tde\tADP\t_\t_\t5\tcase\t_\t_
4\tle\tle\tDET\t_\t_\t5\tdet\t_\t{le}
5\tparc\tparc\tNOUN\t_\t_\t2\tobl\t_\tNER={parc}|SpaceAfter=No
6\t.\t.\tPUNCT\t_\t_\t2\tpunct\t_\t_

"""


def read_conllu(tmp_path: Path, content: str) -> Corpus:
    (tmp_path / "x.conllu").write_text(content)
    return read(tmp_path / "x.conllu", "conllu")


@pytest.mark.parametrize(
    ("le", "parc", "spans", "tags"),
    [
        ("_", "B-LOC", [("LOC", 12, 16)], ["O", "O", "O", "B-LOC", "O"]),
        ("NER=B-LOC", "I-LOC", [("LOC", 9, 16)], ["O", "O", "B-LOC", "I-LOC", "O"]),
        ("NER=B-X", "B-LOC", [("X", 9, 11), ("LOC", 12, 16)], ["O", "O", "B-X", "B-LOC", "O"]),
    ],
)
def test_multiword_tokens_are_as_the_text_has_them(tmp_path, le, parc, spans, tags):
    corpus = read_conllu(tmp_path, PARC.format(le=le, parc=parc))
    assert content(corpus) == [("Je viens du parc.", spans)]
    assert corpus.sentences[0].tokens == ("Je", "viens", "de", "le", "parc", ".")
    (located,) = locate_sentences(corpus.sentences, corpus.scheme, "x")
    assert located.words() == ["Je", "viens", "du", "parc", "."]
    assert [tag for *_, tag in located.tokens] == tags


def test_labels_that_share_a_multiword_token_are_said(tmp_path):
    content = PARC.format(le="NER=B-Y", parc="B-LOC").replace("case\t_\t_", "case\t_\tNER=B-X")
    corpus, oddities = read_conllu(tmp_path, content), Oddities()
    (located,) = locate_sentences(corpus.sentences, corpus.scheme, "x", oddities.note)
    assert [span[:3] for span in located.spans] == [("X", 9, 11), ("LOC", 12, 16)]
    assert "1 span on a multiword token that another one holds, left out (first: line 2)" in oddities.lines()


def test_a_text_that_its_tokens_do_not_spell_is_said(tmp_path):
    right = PARC.format(le="_", parc="B-LOC")
    wrong = right.replace("du parc.", "au parc.")
    corpus = read_conllu(tmp_path, wrong + right + wrong)
    assert [text for text, _ in content(corpus)] == ["Je viens du parc."] * 3
    (warning,) = [each for each in corpus.warnings if "# text" in each]
    assert warning.startswith(
        "2 sentences whose '# text' is not what its tokens spell; the tokens' text is kept"
    )
    assert warning.endswith("x.conllu:2)")


@pytest.mark.parametrize(
    ("comments", "after", "text"),
    [
        ("", ("_", "_"), "Vámonos ya !"),
        ("", ("SpaceAfter=No", "SpaceAfter=No"), "Vámonosya!"),
        ("", (r"SpacesAfter=\s\n", r"SpacesAfter=\p\\\t"), "Vámonos \nya|\\\t!"),
        ("# text = Vámonos  ya!\n", ("_", "SpaceAfter=No"), "Vámonos  ya!"),
        ("# text = Vámonosya !\n", ("_", "_"), "Vámonosya !"),
    ],
)
def test_white_space_is_read_off_the_surface(tmp_path, comments, after, text):
    rest = "_\t_\t_\t_\t_\t_\t_"
    rows = [
        f"1-2\tVámonos\t{rest}\t{after[0]}",
        f"1\tVamos\t{rest}\tNER=B-X",
        f"2\tnos\t{rest}\t_",
        f"2.1\tgo\t{rest}\t_",
        f"3\tya\t{rest}\t{after[1]}",
        f"4\t!\t{rest}\t_",
    ]
    corpus = read_conllu(tmp_path, comments + "\n".join(rows) + "\n\n")
    assert content(corpus) == [(text, [("X", 0, 7)])]


def test_what_conllu_says_of_white_space(tmp_path):
    corpus = start_with([(" Li,\nleft | now. ", [("PER", 1, 3)])], tmp_path)
    rows = [row.split("\t") for row in write(corpus, "conllu", tmp_path).read_text().splitlines()]
    assert rows[:2] == [["# start_char = 0"], ["# text = Li, left | now."]]
    assert [(row[1], row[9]) for row in rows[2:-1]] == [
        ("Li", r"SpacesBefore=\s|SpaceAfter=No|NER=B-PER"),
        (",", r"SpacesAfter=\n"),
        ("left", "_"),
        ("|", "_"),
        ("now", "SpaceAfter=No"),
        (".", r"SpacesAfter=\s"),
    ]


def test_the_text_above_a_sentence_says_where_no_blank_follows():
    corpus = Corpus(
        "x", (Sentence(("Hi", "!"), ("O", "O"), comments=("# text = Hi!",)),), Scheme.IOB2, "", ()
    )
    written = "".join(formats.FORMATS["conllu"].format_corpus(corpus, OutputSettings(name="x")))
    assert written == "# text = Hi!\n1\tHi\t" + "_\t" * 7 + "SpaceAfter=No\n2\t!\t" + "_\t" * 7 + "_\n\n"


def test_comments_stay_where_the_format_can_hold_them(tmp_path):
    comments = ("# sent_id = 1", "# translated")
    corpus = Corpus("x", (Sentence(("a", "b"), ("B-X", "O"), comments=comments),), Scheme.IOB2, "", ())
    for form, row in formats.FORMATS.items():
        if not row.keeps_comments or not row.read:
            continue
        again = read(write(corpus, form, tmp_path), form)
        kept = [comment for comment in again.sentences[0].comments if not comment.startswith("# text")]
        assert kept == list(comments), form


def test_comments_without_a_place_are_counted():
    corpus = Corpus(
        "x",
        (Sentence(("a",), ("O",), comments=("# sent_id = 1", "# text = a", "# newdoc id = 3")),) * 2,
        Scheme.IOB2,
        "",
        (),
    )
    oddities = Oddities()
    list(formats.FORMATS["doccano"].format_corpus(corpus, OutputSettings(name="x", note=oddities.note)))
    assert list(oddities.lines()) == ["2 comments left out: the format holds none"]


def test_prodigy_gives_the_tokens_of_a_span(tmp_path):
    corpus = start_with([("In New  York.", [("LOC", 3, 12)])], tmp_path)
    (line,) = write(corpus, "prodigy", tmp_path).read_text().splitlines()
    record = json.loads(line)
    assert record["text"] == "In New  York."
    assert [(token["text"], token["id"], token["ws"]) for token in record["tokens"]] == [
        ("In", 0, True),
        ("New", 1, True),
        ("York", 2, False),
        (".", 3, False),
    ]
    assert record["spans"] == [{"start": 3, "end": 12, "token_start": 1, "token_end": 2, "label": "LOC"}]


# Spans


def spans_of(tmp_path: Path, text: str, labels: list, misaligned: Misaligned) -> tuple[Labelled, Corpus]:
    (tmp_path / "x.jsonl").write_text(json.dumps({"text": text, "label": labels}))
    corpus = read(tmp_path / "x.jsonl", "doccano", misaligned)
    return content(corpus), corpus


@pytest.mark.parametrize("misaligned", [Misaligned.TRIM, Misaligned.SPLIT, Misaligned.SKIP])
@pytest.mark.parametrize(("start", "end"), [(12, 20), (13, 21), (8, 22), (9, 23)])
def test_white_space_at_the_ends_of_spans_is_trimmed_and_said(tmp_path, misaligned, start, end):
    text = "The film \n\u00a0\t Ann Lee \n today."
    assert text[13:20] == "Ann Lee"
    found, corpus = spans_of(tmp_path, text, [[start, end, "PER"]], misaligned)
    assert found == [(text, [("PER", 13, 20)])]
    assert corpus.warnings[0].startswith("1 span with white space at its ends, trimmed (first: ")


def test_white_space_at_the_ends_of_spans_is_an_error_that_says_how_to_trim(tmp_path):
    with pytest.raises(
        DataError, match="1 span does not fit tokens; mend them, or say --misaligned trim, split"
    ):
        spans_of(tmp_path, "The Ann Lee.", [[3, 11, "PER"]], Misaligned.ERROR)


def test_a_span_that_cuts_a_token_cannot_be_trimmed(tmp_path):
    with pytest.raises(
        DataError, match="1 span does not fit tokens; mend them, or say --misaligned split, skip or unknown"
    ):
        spans_of(tmp_path, "The Yorkers.", [[3, 8, "LOC"]], Misaligned.TRIM)


def test_a_span_of_white_space_alone_is_reported(tmp_path, capsys):
    found, _ = spans_of(tmp_path, "The  Ann", [[3, 5, "PER"]], Misaligned.SKIP)
    assert found == [("The  Ann", [])]
    assert "span PER 3-5 '  ' is white space alone" in capsys.readouterr().out


@pytest.mark.parametrize("misaligned", Misaligned)
def test_a_span_that_is_there_twice_counts_once(tmp_path, misaligned):
    found, corpus = spans_of(tmp_path, "Ann Lee.", [[0, 7, "PER"]] * 3, misaligned)
    assert found == [("Ann Lee.", [("PER", 0, 7)])]
    assert corpus.warnings[0].startswith("2 spans given twice, counted once (first: ")


def test_a_span_that_is_there_with_two_types_is_reported(tmp_path, capsys):
    found, _ = spans_of(tmp_path, "Ann Lee.", [[0, 7, "PER"], [0, 7, "ORG"]], Misaligned.SKIP)
    assert found == [("Ann Lee.", [("PER", 0, 7)])]
    assert "span ORG 0-7 'Ann Lee' overlaps PER 0-7, which is kept" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "annotation"),
    [
        ("We met Ann\nLee today.", "T1\tPER 7 10;11 14\tAnn Lee"),
        ("We met Ann\r\n  Lee today.", "T1\tPER 7 10;14 17\tAnn Lee"),
        ("We met Ann\nLee today.", "T1\tPER 11 14;7 10\tAnn Lee"),
        ("We met An\nn\nLee today.", "T1\tPER 7 9;10 11;12 15\tAn n Lee"),
        ("We met Ann-Lee today.", "T1\tPER 7 10;10 14\tAnn -Lee"),
        ("We met Ann\nLee today.", "T1\tPER 7 14\tAnn Lee"),
    ],
)
def test_fragments_with_white_space_between_are_one_span(tmp_path, text, annotation):
    (tmp_path / "a.txt").write_bytes(text.encode())
    (tmp_path / "a.ann").write_text(annotation + "\n")
    found = content(read(tmp_path / "a.ann", "brat", Misaligned.ERROR))
    assert found == [(text, [("PER", 7, text.index(" today"))])]


def test_spans_over_line_ends_are_written_in_fragments_and_read_back(tmp_path):
    labelled: Labelled = [("We met Ann\r\n\nLee today.", [("PER", 7, 16)])]
    path = write(start_with(labelled, tmp_path), "brat", tmp_path)
    assert (path / "000000.ann").read_text() == "T1\tPER 7 11;13 16\tAnn  Lee\n"
    assert content(read(path, "brat", Misaligned.ERROR)) == labelled


def test_what_predict_writes_for_brat_is_read_back(tmp_path):
    corpus = start_with([("We met Ann\nLee today.", [("PER", 7, 14)])], tmp_path)
    sentences = locate_sentences(corpus.sentences, corpus.scheme, "x")
    (tmp_path / "a.txt").write_text("We met Ann\nLee today.")
    write_text(tmp_path / "a.ann", formats.FORMATS["brat"].format_sentences(sentences))
    assert content(read(tmp_path / "a.ann", "brat", Misaligned.ERROR)) == content(corpus)
