"""Words written as lines and as CoNLL-U: the text comes back, line by line, and so do the words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import DataError
from tagger.text import formats
from tagger.text.conll import Columns
from tagger.text.conll.kept import RowKeeper
from tagger.text.conll.reader import ColumnReader
from tagger.text.counting import Oddities
from tagger.text.files import OpenedFile
from tagger.text.formats import CorpusSettings, LabelledSentence, LabelledSpan, OutputSettings
from tagger.text.formats.conllu import write_words
from tagger.text.formats.lines import write_segmented, write_wordpos
from tagger.text.formats.terminal import write_terminal
from tagger.text.passages import split_text
from tagger.text.schemes import Scheme, Task
from tagger.text.tokenizer import Mode, cut

PARTS = [
    *("我", "爱", "北京", "。", "，", "New", "York", "2019", "3.5", "_", "👩‍👩‍👧", "e\u0301", "|", "#", "\\s", "]"),
    *(" ", "  ", "\u3000", "\u00a0", "\t", "\n", "\n\n", "\r\n", "\r\n\r\n"),
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PARTS), max_size=40).map("".join)


def label(text: str, draw: st.DataObject, task: Task = Task.JOINT, doc: str = "d") -> list[LabelledSentence]:
    """Cut a text into random words, as a model that knows nothing would, white space between sentences kept."""
    found = []
    for passage in split_text(doc, text):
        for row in passage.rows:
            words, starts = cut(row.text, Mode.CHARACTERS)
            places = [
                (row.start + at, row.start + at + len(word)) for word, at in zip(words, starts, strict=True)
            ]
            spans: list[LabelledSpan] = []
            for start, end in places:
                kind = draw.draw(st.sampled_from(["NN", "VV", "/"])) if task is Task.JOINT else "word"
                if spans and spans[-1].end == start and draw.draw(st.booleans()):
                    kind, start = spans[-1].type, spans.pop().start
                spans.append(LabelledSpan(kind, start, end, text[start:end]))
            found.append(
                LabelledSentence(
                    doc=doc,
                    start=row.start,
                    end=row.start + len(row.text),
                    text=row.text,
                    tokens=[(start, end, "B") for start, end in places],
                    spans=spans,
                    space=row.space,
                    task=task,
                )
            )
    return found


def words_of(sentences: Sequence[LabelledSentence]) -> list[str]:
    return [span.text for sentence in sentences for span in sentence.spans]


def with_line_end(text: str) -> str:
    return text if text.endswith(("\n", "\r")) or not text else text + "\n"


@given(TEXTS, st.data())
def test_segmented_text_is_the_text_with_blanks_put_in(text, data):
    sentences = label(text, data, Task.WORDS)
    written = "".join(write_segmented(sentences))
    assert written.split() == words_of(sentences)
    at = 0
    expected = with_line_end(text)
    for before, character in zip("\n" + written, written, strict=False):
        if expected[at : at + 1] == character:
            at += 1
        else:  # nothing but one blank between what touches
            assert character == " " and not before.isspace() and not expected[at].isspace()
    assert at == len(expected)
    for line, other in zip(expected.split("\n"), written.split("\n"), strict=True):
        assert "".join(line.split()) == "".join(other.split())


def parse(line: str, separator: str) -> Iterator[tuple[str, str]]:
    """Read a line of words with tags: the tag is what stands behind the last separator that has a word before it."""
    for item in line.split():
        at = max(i for i in range(1, len(item) - 1) if item[i] == separator)
        if item[at + 1 :] == "" or item.endswith(2 * separator):
            at = len(item) - 2
        yield item[:at], item[at + 1 :]


@given(TEXTS, st.data(), st.sampled_from("/_"))
def test_words_with_tags_are_read_back_by_anybody(text, data, separator):
    sentences = label(text, data)
    written = "".join(write_wordpos(sentences, separator=separator))
    found = [pair for line in written.splitlines() for pair in parse(line, separator)]
    assert found == [(span.text, span.type) for sentence in sentences for span in sentence.spans]
    assert written.count("\n") == with_line_end(text).count("\n")


@given(TEXTS, st.data())
def test_words_as_conllu_are_read_back_with_their_text(tmp_path_factory, text, data):
    sentences = label(text, data)
    words = words_of(sentences)
    written = "".join(write_words(sentences))
    if not words:
        assert written == ""
        return
    path = tmp_path_factory.mktemp("words") / "x.conllu"
    path.write_text(written, encoding="utf-8", newline="")
    corpus = formats.read_corpus(str(path), "conllu", CorpusSettings(scheme=Scheme.BARE), refuse)
    assert [token for each in corpus.sentences for token in each.tokens] == words
    assert [tag for each in corpus.sentences for tag in each.tags] == [
        span.type for sentence in sentences for span in sentence.spans
    ]
    for each in corpus.sentences:
        start = each.excerpt.source.start + each.excerpt.start
        assert text[start : start + len(each.excerpt.text)] == each.excerpt.text
    numbers = [line.split("\t") for line in written.splitlines() if line[:1].isdigit()]
    reached = 0
    for fields in numbers:
        reached = text.index(fields[1], reached) + len(fields[1])
        follows = text[reached : reached + 1]
        assert ("SpaceAfter=No" in fields[9].split("|")) == bool(follows and not follows.isspace())


def refuse(fault: Exception) -> None:
    raise AssertionError(fault)


def test_an_example_by_hand():
    text = "\n他 来了。她走了\n\nNew  York"
    spans = [(1, 2), (3, 5), (5, 6), (6, 7), (7, 9), (11, 14), (16, 20)]
    ends = (0, 6, 9, 20)
    rows = [(1, 6, ""), (6, 9, "\n\n"), (11, 20, "")]
    sentences = [sentence("", 0, 0, [], space="\n")]
    for begin, end, space in rows:
        inside = [span for span in spans if begin <= span[0] < end]
        sentences.append(sentence(text[begin:end], begin, end, inside, space=space))
    assert ends[-1] == len(text)
    assert "".join(write_segmented(sentences)) == "\n他 来了 。 她 走了\n\nNew  York\n"
    rows = "".join(write_words(sentences)).splitlines()
    assert rows[:6] == [
        "# newdoc id = d", "# start_char = 0", "# text = 他 来了。",
        "1\t他\t_\t_\t_\t_\t_\t_\t_\tSpacesBefore=\\n",
        "2\t来了\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No",
        "3\t。\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No",
    ]  # fmt: skip
    assert list(write_terminal(sentences[1:], is_coloured=False)) == [
        "d\n他 来了|。\n",
        "她|走了\n",
        "New  York\n",
    ]


def sentence(text: str, start: int, end: int, words: list[tuple[int, int]], **facts) -> LabelledSentence:
    spans = [LabelledSpan("word", first, last, text[first - start : last - start]) for first, last in words]
    return LabelledSentence(
        doc="d",
        start=start,
        end=end,
        text=text,
        tokens=[],
        spans=spans,
        task=facts.pop("task", Task.WORDS),
        **facts,
    )


def test_documents_begin_on_a_line_of_their_own():
    first, second = sentence("我爱", 0, 2, [(0, 1), (1, 2)]), sentence("你", 0, 1, [(0, 1)])
    other = LabelledSentence(
        doc="e", start=0, end=1, text="你", tokens=[], spans=second.spans, task=Task.WORDS
    )
    assert "".join(write_segmented([first, other])) == "我 爱\n你\n"
    assert "".join(write_segmented([])) == ""


def test_what_the_form_cannot_say_is_mended_or_refused():
    oddities = Oddities()
    span = LabelledSpan("NN", 0, 8, "New York")
    labelled = LabelledSentence(
        doc="d", start=0, end=8, text="New York", tokens=[], spans=[span], task=Task.JOINT
    )
    assert "".join(write_wordpos([labelled], oddities.note)) == "New/NN York/NN\n"
    tagged = [LabelledSpan("NN", 0, 3, "[a]")]
    labelled = LabelledSentence(doc="d", start=0, end=3, text="[a]", tokens=[], spans=tagged, task=Task.JOINT)
    assert "".join(write_wordpos([labelled], oddities.note)) == "[/NN a]/NN\n"
    assert list(oddities.lines()) == [
        "1 word with white space inside, written as several (first: 'New York')",
        "1 word beginning with a bracket as compounds do, which became a word (first: '[a]')",
    ]
    labelled = LabelledSentence(
        doc="d", start=0, end=3, text="[a]", tokens=[(0, 3, "N/N")], spans=[], task=Task.LABELS
    )
    with pytest.raises(DataError, match="found the tag 'N/N', expected one without white space and '/'"):
        list(write_wordpos([labelled]))
    with pytest.raises(DataError, match="found words without tags, expected some to write"):
        list(write_wordpos([sentence("我", 0, 1, [(0, 1)])]))


def test_syllables_of_a_word_are_joined(tmp_path):
    path = tmp_path / "x"
    path.write_text("Tôi B\nlà B\nsinh B\nviên I\n\nÔng B\nHồ B\nChí I\nMinh I\n. B\n", encoding="utf-8")
    corpus = formats.read_corpus(str(path), "conll", CorpusSettings(), refuse)
    written = "".join(formats.FORMATS["segmented"].format_corpus(corpus, OutputSettings(name="x")))
    assert written == "Tôi là sinh_viên\nÔng Hồ_Chí_Minh .\n"


SEGMENTED = "我　爱 北京 天安门 。\n他 说 ： “ OK ” 我们 的 3.5 New York a/b\n说 。 走 了 。\n"
TASKS = {"segmented": Task.WORDS, "wordpos": Task.JOINT}
TAGGED = "我/PN 爱/VV 北京/NR 。/PU\n他/PN 用/VV TCP/IP/NN [/PU ]/PU ///SYM New/NR York/NR\n"


@pytest.mark.parametrize(
    "form", ["jsonl", "doccano", "prodigy", "labelstudio", "tags", "conll", "conllu", "brat"]
)
@pytest.mark.parametrize(("name", "content"), [("segmented", SEGMENTED), ("wordpos", TAGGED)])
def test_words_come_back_through_other_formats(tmp_path, form, name, content):
    path = tmp_path / "x.txt"
    path.write_text(content, encoding="utf-8")
    corpus = formats.read_corpus(str(path), name, CorpusSettings(columns=Columns(task=TASKS[name])), refuse)
    row = formats.FORMATS[form]
    target = tmp_path / ("y" if row.write_files else f"y{row.suffix}")
    output = OutputSettings(name="x")
    if row.write_files:
        row.write_files(corpus, target, output.note)
    else:
        target.write_text("".join(row.format_corpus(corpus, output)), encoding="utf-8")
    if form == "conllu" and name == "segmented":
        assert "_\t_\t_\t_\t_\t_\t_\t" in target.read_text(encoding="utf-8")
        return
    back = formats.read_corpus(str(target), form, CorpusSettings(), refuse)
    written = "".join(formats.FORMATS[name].format_corpus(back, output))
    assert [line.split() for line in written.splitlines()] == [line.split() for line in content.splitlines()]


def test_words_of_multiword_tokens_are_words(tmp_path):
    path = tmp_path / "x.conllu"
    didnt = "# text = I didn't\n1\tI\t_\tP\t_\t_\t_\t_\t_\t_\n2-3\tdidn't\t_\t_\t_\t_\t_\t_\t_\t_\n"
    didnt += "2\tdid\t_\tA\t_\t_\t_\t_\t_\t_\n3\tn't\t_\tN\t_\t_\t_\t_\t_\t_\n\n"
    path.write_text(
        didnt + CONLLU.replace("\tDET", "\tD").replace("1\tOui\t_\t_", "1\tOui\t_\tX"), encoding="utf-8"
    )
    corpus = formats.read_corpus(str(path), "conllu", CorpusSettings(), refuse)
    written = "".join(formats.FORMATS["wordpos"].format_corpus(corpus, OutputSettings(name="x")))
    assert written == "I/P did/A n't/N\nde/ADP le/D vélo/NOUN\nOui/X\n"


def test_types_of_annotation_tools_stay_where_spans_are_no_words(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"text": "Ada left", "label": [[0, 3, "word"]]}), encoding="utf-8")
    corpus = formats.read_corpus(str(path), "doccano", CorpusSettings(), refuse)
    assert corpus.sentences[0].tags == ("B-word", "O")


def test_named_forms_are_read_whatever_they_look_like(tmp_path):
    path = tmp_path / "x"
    path.write_text("Hello world .\n", encoding="utf-8")
    corpus = formats.read_corpus(str(path), "segmented", CorpusSettings(), refuse)
    assert (corpus.task, "".join(corpus.sentences[0].tags)) == (Task.WORDS, "BMMMEBMMMES")
    path.write_text("it_PRP is_VBZ a/b_NN\n", encoding="utf-8")
    corpus = formats.read_corpus(str(path), "wordpos", CorpusSettings(), refuse)
    assert (corpus.sentences[0].tokens, corpus.sentences[0].tags) == (
        ("it", "is", "a/b"),
        ("PRP", "VBZ", "NN"),
    )


CONLLU = """\
# newdoc id = n
# sent_id = 1
# text = du vélo
1-2\tdu\t_\t_\t_\t_\t_\t_\t_\t_
1\tde\tde\tADP\tX\tA=B\t3\tcase\t_\tK=v
2\tle\tle\tDET\t_\t_\t3\tdet\t_\t_
2.1\tnu\t_\t_\t_\t_\t_\t_\t3:x\t_
3\tvélo\t_\tNOUN\t_\t_\t0\troot\t_\tNER=O|SpaceAfter=No
3.1\tend\t_\t_\t_\t_\t_\t_\t3:x\t_

# a comment

# sent_id = 2
1\tOui\t_\t_\t_\t_\t0\troot\t_\t_

# the end
"""


@given(st.lists(st.integers(1, 60)), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_rows_are_kept_whatever_the_pieces_in_which_they_come(tmp_path_factory, sizes, line_end, is_ended):
    content = (CONLLU if is_ended else CONLLU.rstrip("\n")).replace("\n", line_end)
    path = tmp_path_factory.mktemp("rows") / "x"
    path.write_text(content, encoding="utf-8", newline="")
    keeper = RowKeeper()
    with path.open("rb") as stream:
        reader = ColumnReader(OpenedFile(path, stream), Columns(), "utf-8")
        sentences = list(reader)
    at = 0
    for size in sizes:
        keeper.hear(content[at : at + size]) if content[at : at + size] else None
        at += size
    if content[at:]:
        keeper.hear(content[at:])
    kept = [keeper.take(each, "\t") for each in sentences]
    rest = keeper.take_rest()
    assert "".join([*(rows.text for rows in kept), rest.text]) == content
    filled = "".join(rows.fill(["T"] * len(each), "XPOS") for rows, each in zip(kept, sentences, strict=True))
    for old, new in zip(content.split(line_end), (filled + rest.text).split(line_end), strict=True):
        fields = old.split("\t")
        if fields[0].isdigit():
            fields[4] = "T"
        assert new == "\t".join(fields)


def test_keys_of_the_last_column_are_filled(tmp_path: Path):
    path = tmp_path / "x"
    path.write_text(CONLLU, encoding="utf-8")
    keeper = RowKeeper()
    with path.open("rb") as stream:
        (first, _) = ColumnReader(OpenedFile(path, stream, keeper.hear), Columns(), "utf-8")
    rows = keeper.take(first, "\t").fill(["B-A", "O", "B-C"], "MISC:NER").splitlines()
    assert [row.split("\t")[9] for row in rows if row[0].isdigit()] == [
        "_", "K=v|NER=B-A", "_", "_", "SpaceAfter=No|NER=B-C",
    ]  # fmt: skip
