"""The writers of formats: what they write is read back by readers that share no code with them."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import ConfigError
from tagger.text import conll
from tagger.text.formats import (
    FORMATS,
    CorpusSettings,
    LabelledAlternative,
    LabelledSentence,
    LabelledSpan,
    find_format,
    read_corpus,
    write_terminal,
)
from tagger.text.schemes import Scheme, tags_to_spans
from tagger.text.tokenizer import Mode, split_sentences, tokenize

WRITABLE = [name for name, row in FORMATS.items() if row.write]

RULED = """
a B . ! < > & " ' \\ </mark> <PER> [bold] {x} é 中 😀 👩‍👩‍👧 &amp; \x1b[31m \x1b]52;c;x\x07 \x9b \x7f \x00 \u202e
\ufeff
"""
PIECES = [*RULED.split(), " ", "  ", "\n", "\r\n", "\n\n", "\t", "\u2028", "\x85", "\u00a0", "word "]
documents = st.lists(
    st.one_of(st.sampled_from(PIECES), st.sampled_from(PIECES), st.characters(exclude_categories=["Cs"]))
).map("".join)
types = st.sampled_from(["PER", "LOC", "B-x", "PRP$", "``", "<b>", "a&b", '"', "\x1b[1m"])


@st.composite
def labelled(draw) -> tuple[dict[str, str], list[LabelledSentence]]:
    """Documents by name, and their sentences with spans at random over their tokens."""
    texts = dict(
        zip(["one.txt", "two\t<&>.txt"], draw(st.lists(documents, min_size=1, max_size=2)), strict=False)
    )
    found = []
    for doc, text in texts.items():
        for first, last in split_sentences(text):
            tokens = [
                (first + a, first + b) for a, b in tokenize(text[first:last], draw(st.sampled_from(Mode)))
            ]
            tags, spans, at = [], [], 0
            while at < len(tokens):
                length = draw(st.integers(1, 3))
                held = tokens[at : at + length]
                kind = draw(types)
                if draw(st.booleans()):
                    start, end = held[0][0], held[-1][1]
                    spans.append(
                        LabelledSpan(kind, start, end, text[start:end], draw(st.none() | st.floats(0, 1)))
                    )
                tags += [(start, end, kind) for start, end in held]
                at += length
            nbest = None
            if draw(st.booleans()):
                nbest = [
                    LabelledAlternative(0.75, tuple(kind for *_, kind in tags), tuple(spans)),
                    LabelledAlternative(1e-7, ("O",), ()),
                ]
            found.append(
                LabelledSentence(
                    doc=doc,
                    start=first,
                    end=last,
                    text=text[first:last],
                    tokens=tags,
                    spans=spans,
                    nbest=nbest,
                )
            )
    return texts, found


def span_object(span: LabelledSpan) -> dict[str, object]:
    confidence = None if span.confidence is None else round(span.confidence, 6)
    return {
        "type": span.type,
        "start": span.start,
        "end": span.end,
        "text": span.text,
        "confidence": confidence,
    }


def sentence_object(sentence: LabelledSentence) -> dict[str, object]:
    made = {
        "doc": sentence.doc,
        "start": sentence.start,
        "end": sentence.end,
        "text": sentence.text,
        "tokens": [list(token) for token in sentence.tokens],
        "spans": [span_object(span) for span in sentence.spans],
    }
    if sentence.nbest is not None:
        made["nbest"] = [
            {
                "confidence": round(alternative.confidence, 6),
                "tags": list(alternative.tags),
                "spans": [span_object(span) for span in alternative.spans],
            }
            for alternative in sentence.nbest
        ]
    return made


@given(labelled())
@settings(max_examples=150, deadline=None)
def test_jsonl_is_what_json_would_write(made):
    texts, sentences = made
    lines = list(FORMATS["jsonl"].write(sentences))
    assert "".join(lines).splitlines(keepends=True) == lines  # no reader finds another line end in them
    for sentence, line in zip(sentences, lines, strict=True):
        expected = sentence_object(sentence)
        assert json.loads(line) == expected
        plain = json.dumps(expected, ensure_ascii=False)
        assert line == plain + "\n" or re.search("[\x7f-\x9f\u2028\u2029]", plain)
        for span in json.loads(line)["spans"]:
            assert texts[sentence.doc][span["start"] : span["end"]] == span["text"]


def test_jsonl_takes_surrogates_as_escapes():
    sentence = LabelledSentence(doc="d", start=0, end=1, text="\udc80", tokens=[(0, 1, "O")], spans=[])
    (line,) = FORMATS["jsonl"].write([sentence])
    assert line.isascii()
    assert json.loads(line)["text"] == "\udc80"


@given(labelled())
@settings(max_examples=50, deadline=None)
def test_conll_is_read_back(tmp_path_factory, made):
    _, sentences = made
    path = tmp_path_factory.mktemp("conll") / "out.conll"
    path.write_text("".join(FORMATS["conll"].write(sentences)), encoding="utf-8", newline="")
    read = list(conll.read_sentences(path))
    assert [(one.tokens, one.tags) for one in read] == [
        (tuple(one.words()), tuple(tag for *_, tag in one.tokens)) for one in sentences
    ]
    names = [one.doc for one in sentences]
    assert [one.document for one in read] == [name != names[0] for name in names]


@given(labelled())
@settings(max_examples=50, deadline=None)
def test_tsv_is_read_back(made):
    _, sentences = made
    written = "".join(FORMATS["tsv"].write(sentences))
    rows = list(csv.DictReader(io.StringIO(written, newline="\n"), delimiter="\t", quoting=csv.QUOTE_NONE))
    spans = [(sentence.doc, span) for sentence in sentences for span in sentence.spans]
    assert written.count("\n") == len(rows) + 1 == len(spans) + 1
    unescape = {r"\t": "\t", r"\n": "\n", r"\r": "\r", r"\\": "\\"}
    for row, (doc, span) in zip(rows, spans, strict=True):
        fields = {key: re.sub(r"\\.", lambda match: unescape[match[0]], field) for key, field in row.items()}
        assert (fields["doc"], fields["type"], fields["text"]) == (doc, span.type, span.text)
        assert (int(fields["start"]), int(fields["end"])) == (span.start, span.end)
        assert fields["confidence"] == ("" if span.confidence is None else f"{span.confidence:.4f}")


@given(labelled())
@settings(max_examples=50, deadline=None)
def test_inline_is_read_back(made):
    _, sentences = made
    lines = list(FORMATS["inline"].write(sentences))
    assert [line.count("\n") for line in lines] == [1] * len(sentences)
    for sentence, line in zip(sentences, lines, strict=True):
        spans, at = [], sentence.start
        for piece in re.findall(r"<[^>]*>|[^<]+", line[:-1]):
            if piece.startswith("</"):
                kind, start = spans.pop()
                assert html.unescape(piece[2:-1]) == kind
                spans.append(
                    LabelledSpan(kind, start, at, sentence.text[start - sentence.start : at - sentence.start])
                )
            elif piece.startswith("<"):
                spans.append((html.unescape(piece[1:-1]), at))
            else:
                # html.unescape follows HTML, which reads &#133; as an ellipsis and &#11; as nothing
                at += len(html.unescape(re.sub(r"&#\d+;", "-", piece)))
        assert at == sentence.end
        assert spans == [span._replace(confidence=None) for span in sentence.spans]


@given(labelled())
@settings(max_examples=50, deadline=None)
def test_brat_is_read_back(made):
    texts, sentences = made
    assert FORMATS["brat"].is_per_document
    for doc, text in texts.items():
        own = [sentence for sentence in sentences if sentence.doc == doc]
        lines = "".join(FORMATS["brat"].write(own)).split("\n")[:-1]
        rows = [line.split("\t") for line in lines]
        spans = [span for sentence in own for span in sentence.spans]
        marks = [row for row in rows if row[0].startswith("T")]
        notes = {row[1].split()[1]: row[2] for row in rows if row[0].startswith("#")}
        assert len({row[0] for row in rows}) == len(rows)
        for (name, place, shown), span in zip(marks, spans, strict=True):
            kind, offsets = place.split(" ", 1)
            fragments = [tuple(map(int, fragment.split())) for fragment in offsets.split(";")]
            assert kind == span.type
            assert (fragments[0][0], fragments[-1][1]) == (span.start, span.end)
            joined = " ".join(text[start:end] for start, end in fragments)
            assert "\n" not in joined
            assert shown == joined.replace("\t", " ").replace("\r", " ")
            assert (name in notes) == (span.confidence is not None)


class Page(HTMLParser):
    """The paragraphs of a page as lists of (text, type or None), and every tag and attribute seen."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.paragraphs: list[list[list[str | None]]] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.inside: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "p":
            self.paragraphs.append([])
        if tag not in ("meta", "br", "input"):
            self.inside.append(tag)

    def handle_endtag(self, tag):
        assert self.inside.pop() == tag

    def handle_data(self, data):
        if "section" in self.inside:
            return
        match self.inside[-2:]:
            case [_, "p"]:
                self.paragraphs[-1].append([data, None])
            case ["p", "mark"]:
                self.paragraphs[-1].append([data, ""])
            case ["mark", "b"]:
                self.paragraphs[-1][-1][1] = data


def pictured(text: str) -> str:
    """Return what HTML may show of a text."""
    shown = text.replace("\r\n", "\n")
    return re.sub("[\x00-\x08\x0b-\x1f]", lambda m: chr(0x2400 + ord(m[0])), shown).replace("\x7f", "␡")


@given(labelled())
@settings(max_examples=50, deadline=None)
def test_html_is_read_back_and_nothing_of_the_text_becomes_markup(made):
    _, sentences = made
    page = Page("".join(FORMATS["html"].write(sentences)))
    assert page.inside == []
    assert page.tags <= {
        *("html", "head", "meta", "title", "style", "body", "main", "script"),
        *("h2", "p", "mark", "b", "section", "ul", "li", "div", "label", "input", "span", "output"),
    }
    assert page.attributes <= {
        *("charset", "name", "content", "http-equiv", "dir", "lang", "class", "tabindex", "data-c"),
        *("id", "aria-label", "type", "value", "min", "max", "checked"),
    }
    assert len(page.paragraphs) == len(sentences)
    for paragraph, sentence in zip(page.paragraphs, sentences, strict=True):
        expected = pictured(sentence.text)
        assert re.sub("[\x80-\x9f]", "\ufffd", expected) == "".join(text for text, _ in paragraph)
        assert [kind for _, kind in paragraph if kind is not None] == [
            pictured(span.type) for span in sentence.spans
        ]


SENTENCE = LabelledSentence(
    doc="a.txt",
    start=4,
    end=29,
    text="Ada Lovelace\nmet <B> & co",
    tokens=[
        (4, 7, "B-PER"),
        (8, 16, "I-PER"),
        (17, 20, "O"),
        (21, 24, "B-ORG"),
        (25, 26, "O"),
        (27, 29, "O"),
    ],
    spans=[LabelledSpan("PER", 4, 16, "Ada Lovelace", 0.98765432), LabelledSpan("ORG", 21, 24, "<B>", 1.0)],
)
WRITTEN = {
    "jsonl": '{"doc": "a.txt", "start": 4, "end": 29, "text": "Ada Lovelace\\nmet <B> & co", '
    '"tokens": [[4, 7, "B-PER"], [8, 16, "I-PER"], [17, 20, "O"], [21, 24, "B-ORG"], [25, 26, "O"], [27, 29, "O"]], '
    '"spans": [{"type": "PER", "start": 4, "end": 16, "text": "Ada Lovelace", "confidence": 0.987654}, '
    '{"type": "ORG", "start": 21, "end": 24, "text": "<B>", "confidence": 1.0}]}\n',
    "conll": "Ada\tB-PER\nLovelace\tI-PER\nmet\tO\n<B>\tB-ORG\n&\tO\nco\tO\n\n",
    "tsv": "doc\tstart\tend\ttype\ttext\tconfidence\na.txt\t4\t16\tPER\tAda Lovelace\t0.9877\n"
    "a.txt\t21\t24\tORG\t<B>\t1.0000\n",
    "inline": "<PER>Ada Lovelace</PER>&#10;met <ORG>&lt;B&gt;</ORG> &amp; co\n",
    "brat": "T1\tPER 4 16\tAda Lovelace\n#1\tAnnotatorNotes T1\tconfidence 0.9877\n"
    "T2\tORG 21 24\t<B>\n#2\tAnnotatorNotes T2\tconfidence 1.0000\n",
}


@pytest.mark.parametrize("name", WRITTEN)
def test_each_format_as_it_looks(name):
    assert "".join(FORMATS[name].write([SENTENCE])) == WRITTEN[name]


def test_a_brat_span_over_a_line_end_has_fragments():
    span = LabelledSpan("PER", 0, 12, "Ada\nLovelace", None)
    sentence = LabelledSentence(doc="d", start=0, end=12, text="Ada\nLovelace", tokens=[], spans=[span])
    assert "".join(FORMATS["brat"].write([sentence])) == "T1\tPER 0 3;4 12\tAda Lovelace\n"


def test_html_names_types_and_confidence_and_counts():
    page = "".join(FORMATS["html"].write([SENTENCE, SENTENCE]))
    assert page.count(' c98" tabindex="0">Ada Lovelace<b data-c="0.9877">PER</b></mark>') == 2
    assert page.count('<h2 dir="auto">a.txt</h2>') == 1
    assert ">PER</mark></label> <span>2</span>" in page
    assert "prefers-color-scheme: dark" in page
    assert "http://" not in page
    assert "https://" not in page


@given(labelled())
@settings(max_examples=50, deadline=None)
def test_the_terminal_obeys_nothing_of_the_text(made):
    _, sentences = made
    lines = list(write_terminal(sentences))
    shown = "".join(lines)
    bare = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]", bare)
    assert shown.count("\x1b[0m") == sum(len(one.spans) for one in sentences) + len(
        {one.doc for one in sentences}
    )


def test_the_terminal_shows_spans_in_colours():
    (line,) = write_terminal([SENTENCE])
    assert re.sub(r"\x1b\[[0-9;]*m", "", line) == "a.txt\n Ada Lovelace PER  met  <B> ORG  & co\n"
    assert len(set(re.findall(r"48;5;\d+", line))) == 2


@pytest.mark.parametrize("name", WRITABLE)
def test_writers_stream(name):
    def sentences():
        yield SENTENCE
        yield SENTENCE
        raise AssertionError("asked for more before writing")

    wanted = "Ada" if name != "jsonl" else '"Ada'
    assert any(wanted in text for text, _ in zip(FORMATS[name].write(sentences()), range(2), strict=False))


@pytest.mark.parametrize("name", WRITABLE)
def test_nothing_in_gives_no_sentence(name):
    written = "".join(FORMATS[name].write([]))
    headers = {
        "tsv": WRITTEN["tsv"].split("\n")[0] + "\n",
        "csv": "\ufefffile,sentence,left,match,right,type,confidence,start,end\r\n",
    }
    assert written == headers.get(name, "") or name in (
        "html",
        "labelstudio",
    )


def test_an_unknown_format_names_the_known_ones():
    assert find_format("tsv") is FORMATS["tsv"]
    with pytest.raises(ConfigError, match=r"^format: found 'xml', expected one of conll, conllu, .*, html$"):
        find_format("xml")


@pytest.mark.parametrize("name", ["jsonl", "doccano", "labelstudio"])
def test_what_a_labeller_found_is_read_back_as_a_corpus(tmp_path, name):
    path = tmp_path / "x"
    path.write_text("".join(FORMATS[name].format_sentences([SENTENCE, SENTENCE])), encoding="utf-8")
    reports: list[object] = []
    corpus = read_corpus(str(path), name, CorpusSettings(mode=Mode.WORDS, lines=True), reports.append)
    assert not reports
    found = [
        (span.type, "".join(sentence.tokens[span.start : span.end]))
        for sentence in corpus.sentences
        for span in tags_to_spans(sentence.tags, Scheme.IOB2)
    ]
    assert found == 2 * [(span.type, span.text.replace(" ", "")) for span in SENTENCE.spans]


@pytest.mark.parametrize("name", [name for name, row in FORMATS.items() if row.is_separable])
def test_sentences_of_a_separable_format_are_written_one_by_one(name):
    write = FORMATS[name].format_sentences
    assert "".join(write([SENTENCE, SENTENCE])) == 2 * "".join(write([SENTENCE]))


def test_every_row_of_the_table_is_whole():
    for name, row in FORMATS.items():
        assert row.suffix.startswith("."), name
        assert row.about, name
        assert row.read or row.write or row.save, name
        assert row.write or row.write_corpus or row.save, name
