"""Labels replaced in files of every form that training reads: the other bytes stay, and what was decided is read."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from tagger.api.review import accept
from tagger.errors import DataError
from tagger.text.conll import Columns, Corpus, pack_corpus
from tagger.text.decisions import Decision, find_state, spell_id
from tagger.text.schemes import Span, parse_task


def find_ids(corpus: Corpus, *decisions: Decision) -> list[str]:
    return [spell_id(each, find_state(corpus)) for each in decisions]


def retag(
    tmp_path: Path,
    name: str,
    content: bytes,
    *decisions: Decision,
    encoding: str = "utf-8",
    task: str = "auto",
) -> bytes:
    """Write a corpus, accept decisions about it, and return what was written."""
    place = tmp_path / name
    place.write_bytes(content)
    corpus = pack_corpus(place, columns=Columns(task=parse_task(task)), encoding=encoding)
    output = tmp_path / f"mended-{name}"
    accept(place, find_ids(corpus, *decisions), output, corpus__encoding=encoding, corpus__task=task)
    return output.read_bytes()


LOC = Decision(0, 1, 2, (Span("LOC", 1, 2),))
FORMS = {
    "blanks": ("a.conll", "Ada B-PER\nMay B-PER \n\n", "Ada B-PER\nMay B-LOC \n\n"),
    "line ends": ("a.conll", "Ada B-PER\r\nMay B-PER\r\n\r\n\r\n", "Ada B-PER\r\nMay B-LOC\r\n\r\n\r\n"),
    "no end": ("a.conll", "Ada\tB-PER\nMay\tB-PER", "Ada\tB-PER\nMay\tB-LOC"),
    "columns": ("a.conll", "-DOCSTART- -X- O\n\nAda  x  B-PER\nMay  y  O\n",
                "-DOCSTART- -X- O\n\nAda  x  B-PER\nMay  y  B-LOC\n"),
    "odd rows": ("a.conll", "# of a day\nAda I-PER\nMay O\n\nx i-per\n",
                 "# of a day\nAda I-PER\nMay I-LOC\n\nx i-per\n"),
    "notation": ("a.conll", "Ada PER_B\nMay PER_B\nLee PER_I\nNY LOC_B\n", None),
    "brackets": ("a.conll", "Ada (PER*\nMay *)\nin *\nNY (LOC*)\n", "Ada (PER*)\nMay (LOC*)\nin *\nNY (LOC*)\n"),
    "CSV": (
        "a.csv",
        'Sentence #,Word,Tag\n1,"Ada, the",B-PER\n1,"May","B-PER"\n2,x,O\n',
        'Sentence #,Word,Tag\n1,"Ada, the",B-PER\n1,"May","B-LOC"\n2,x,O\n',
    ),
    "word/TAG": ("a.pos", "the/DT  dog/NN barks/VB\na/DT cat/NN\n", "the/DT  dog/LOC barks/VB\na/DT cat/NN\n"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_one_label(tmp_path: Path, form: str) -> None:
    name, before, after = FORMS[form]
    if form == "brackets":
        decision = Decision(0, 0, 2, (Span("PER", 0, 1), Span("LOC", 1, 2)))
    elif form == "notation":
        decision = Decision(0, 0, 3, (Span("PER", 0, 3),))
        after = "Ada PER_B\nMay PER_I\nLee PER_I\nNY LOC_B\n"
    else:
        decision = LOC
    assert retag(tmp_path, name, before.encode(), decision) == after.encode()


def test_a_key_of_conllu(tmp_path: Path) -> None:
    rows = "# text = Ada\n1\tAda\t_\tX\t_\t_\t0\t_\t_\tSpaceAfter=No|NER=B-PER\n\n"
    place, output = tmp_path / "a.conllu", tmp_path / "b.conllu"
    place.write_text(rows)
    corpus = pack_corpus(place, columns=Columns(tag="MISC:NER"))
    ids = find_ids(corpus, Decision(0, 0, 1, (Span("LOC", 0, 1),)))
    accept(place, ids, output, corpus__tag_column="MISC:NER")
    assert output.read_text() == rows.replace("B-PER", "B-LOC")


def test_words_are_cut_otherwise(tmp_path: Path) -> None:
    segmented = "我们  爱  北京\u3000天安门\n\n他们  来  了\n".encode()
    joined = Decision(0, 3, 8, (Span("", 3, 8),))
    assert retag(tmp_path, "a.seg", segmented, joined) == segmented.replace(
        "北京\u3000天安门".encode(), "北京天安门".encode()
    )
    parted = Decision(0, 0, 2, (Span("", 0, 1), Span("", 1, 2)))
    assert retag(tmp_path, "a.seg", segmented, parted) == segmented.replace(
        "我们".encode(), "我  们".encode()
    )


def test_words_get_other_tags_and_borders(tmp_path: Path) -> None:
    lines = "我们/PN 爱/VV 北京/NR 天安门/NR\n他们/PN 来/VV 了/AS\n".encode()
    decision = Decision(0, 2, 5, (Span("VV", 2, 3), Span("NS", 3, 5)))
    assert retag(tmp_path, "a.pos", lines, decision) == lines.replace("北京/NR".encode(), "北京/NS".encode())
    joined = Decision(0, 3, 8, (Span("NR", 3, 8),))
    assert retag(tmp_path, "a.pos", lines, joined) == lines.replace(
        "北京/NR 天安门/NR".encode(), "北京天安门/NR".encode()
    )


@pytest.mark.parametrize(
    ("encoding", "mark", "codec"),
    [
        ("utf-8", codecs.BOM_UTF8, "utf-8"),
        ("utf-8", codecs.BOM_UTF16_BE, "utf-16-be"),
        ("utf-8", codecs.BOM_UTF32_LE, "utf-32-le"),
        ("latin-1", b"", "latin-1"),
        ("gb18030", b"", "gb18030"),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, mark: bytes, codec: str) -> None:
    text = "Zo\u00eb B-PER\r\nMay B-PER\r\n"
    found = retag(tmp_path, "a.conll", mark + text.encode(codec), LOC, encoding=encoding)
    assert found == mark + text.replace("May B-PER", "May B-LOC").encode(codec)


def test_what_is_packed_is_unpacked_unless_the_output_is_called_so(tmp_path: Path) -> None:
    import gzip

    place = tmp_path / "a.conll.gz"
    place.write_bytes(gzip.compress(b"Ada B-PER\nMay B-PER\n"))
    ids = find_ids(pack_corpus(place), LOC)
    for name in ("b.conll", "b.conll.gz"):
        accept(place, ids, tmp_path / name)
        content = (tmp_path / name).read_bytes()
        assert (gzip.decompress(content) if name.endswith(".gz") else content) == b"Ada B-PER\nMay B-LOC\n"


def test_what_can_not_be_written_is_refused(tmp_path: Path) -> None:
    tagged = "我们/PN 爱/VV 北京/NR\n他们/PN 来/VV 了/AS\n".encode()
    joined = Decision(0, 0, 3, (Span("", 0, 3),))
    with pytest.raises(
        DataError, match="its words have tags, which were left out; review it with --task joint"
    ):
        retag(tmp_path, "a.pos", tagged, joined, task="words")
    rows = "我们\tPN\n爱\tVV\n北京\tNR\n\n他们\tPN\n来\tVV\n".encode()
    with pytest.raises(DataError, match="its rows hold words, which can't be cut otherwise where they stand"):
        retag(tmp_path, "a.conll", rows, Decision(0, 0, 3, (Span("VV", 0, 3),)), task="joint")
    with pytest.raises(DataError, match="latin-1 can't write '北京'; save the corpus as UTF-8"):
        retag(
            tmp_path,
            "a.conll",
            b"Ada B-PER\nMay O\n",
            Decision(0, 1, 2, (Span("北京", 1, 2),)),
            encoding="latin-1",
        )


def test_the_corpus_itself_is_never_the_output(tmp_path: Path) -> None:
    place = tmp_path / "a.conll"
    place.write_bytes(b"Ada B-PER\nMay B-PER\n")
    with pytest.raises(DataError, match="is also read"):
        accept(place, find_ids(pack_corpus(place), LOC), place)
