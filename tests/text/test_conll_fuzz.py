"""Ten thousand damaged column files: each is read, or refused with its line, and both roads of reading agree."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from itertools import groupby

import pytest

from tagger.errors import DataError
from tagger.text import conll
from tagger.text.audit import audit
from tagger.text.conll import Columns
from tagger.text.conll.table import Cuttings

SOUND = [
    "Anna\tB-PER\nleft\tO\n\nOslo\tB-LOC\n",
    "Anna B-PER\nleft O\n\n-DOCSTART- O\n\nOslo B-LOC\n",
    "# newdoc\n# text = Vamos al mar\n1\tVamos\tir\tVERB\tV\t_\t0\troot\t_\tNER=O\n"
    "2-3\tal\t_\t_\t_\t_\t_\t_\t_\t_\n2\ta\ta\tADP\tE\t_\t3\tcase\t_\t_\n3.1\tx\t_\t_\t_\t_\t_\t_\t_\t_\n\n",
    "#\thttp://a.org\t[2010]\t\n1\tAnna\tB-PER\tO\n2\tleft\tO\tO\n\n#\thttp://b.org\t[2011]\t\n1\tOslo\tB-LOC\tO\n",
    "TOKEN\tNE-COARSE-LIT\tMISC\n# hipe2022:id = a\nOdysseus\tB-pers\t_\nis\tO\tEnd\n\n# x\nHere\tO\t_\n",
    "1\tAnn\tNNP\t_\n2\tran\tVBD\t_\n\n1\tStop\tVB\t_\tA0\n",
    "## Title: a b\n## t-0\t<a:PS> b\n이\tB-PS\n \tO\n감\tO\n",
    "Sentence #,Word,POS,Tag\nSentence: 1,London,NNP,B-geo\n,of,IN,O\nSentence: 2,Iran,NNP,B-gpe\n",
    'word;tag\n"Zoë";B-x\n;\n"a;b";O\n',
    "# global.columns = ID FORM UPOS NER\n1\tAnna\tPROPN\tB-PER\n2\tleft\tVERB\tO\n",
    "en:Paris\tB-LOC\nen:in\tO\n",
    "Ada\t1\nmet\t0\n",
]
PIECES = [
    "\t",
    " ",
    "\n",
    "\n\n",
    "\r",
    "\r\n",
    "\ufeff",
    "\0",
    "#",
    "# ",
    "#\t",
    "##",
    '"',
    '""',
    ",",
    ";",
    "'",
]
PIECES += [
    "O",
    "B-X",
    "-DOCSTART-",
    "1",
    "_",
    "\xa0",
    "\u2028",
    "\x85",
    "é",
    "[",
    "]",
    ",,",
    "en:",
    "x" * 300,
]
WANTED = [
    Columns(),
    Columns(token=1, tag=2),
    Columns(token=0, tag=1, blank_tokens="keep"),
    Columns(token=1, tag=-1, blank_tokens="skip"),
    Columns(token="Word", tag="Tag"),
    Columns(tag=None),
    Columns(token=0, tag=-1, features=(0,)),
    Columns(tag_names=("O", "B-X")),
    Columns(tag="MISC:NER"),
]
ENCODINGS = ["utf-8"] * 6 + ["utf-16", "latin-1", "utf-8-sig", "utf-32-be"]
FILES, SEED = 10_000, 18


def damage(text: str, chance: random.Random) -> bytes:
    """Return the bytes of a file to which a few accidents happened."""
    for _ in range(chance.choice([0, 1, 1, 2, 4, 9])):
        at = chance.randrange(len(text) + 1)
        upto = min(len(text), at + chance.choice([0, 0, 1, 3, 20]))
        again = chance.choice([chance.choice(PIECES), text[at : at + 30], ""])
        text = text[:at] + again + text[upto:]
    content = text.encode(chance.choice(ENCODINGS), "replace")
    if chance.random() < 0.2:
        at = chance.randrange(len(content) + 1)
        content = content[:at] + bytes(chance.choices(range(256), k=chance.randrange(4))) + content[at:]
    return content


def read(path, wanted):
    """Return all that reading tells of a file row by row, or its fault."""
    faults, told = [], []
    reading = {"columns": wanted, "warn": told.append, "on_fault": lambda each: faults.append(str(each))}
    try:
        sentences = list(conll.read_sentences(path, **reading))
    except DataError as error:
        return str(error), faults
    comments = [tuple(row.rstrip(" \t") for row in each.comments) for each in sentences]
    texts = [each.excerpt and each.excerpt.text for each in sentences]  # no two excerpts are equal
    pairs = zip(sentences, comments, strict=True)
    bare = [texts, *(replace(each, comments=above, excerpt=None) for each, above in pairs)]
    return bare, faults, told


def vouch_for_nothing(text, layout, marks):
    """Leave every sentence of a block to the reader of rows."""
    rows = enumerate(text.split("\n"))
    blocks = [list(group) for is_blank, group in groupby(rows, lambda row: not row[1]) if not is_blank]
    runs = [(block[0][0], block[-1][0] + 1, 0, 0, 0, 0) for block in blocks]
    return Cuttings([() for _ in layout.wanted], [], (), runs)


@pytest.mark.slow
def test_ten_thousand_damaged_files_are_read_or_refused(tmp_path, monkeypatch):
    chance = random.Random(SEED)
    read_well = 0
    for number in range(FILES):
        path = tmp_path / chance.choice(["x.conll", "x.csv", "x"])
        content = damage("".join(chance.choices(SOUND, k=chance.choice([1, 1, 1, 2]))), chance)
        path.write_bytes(content)
        wanted = chance.choice(WANTED)
        began = time.perf_counter()
        found = read(path, wanted)
        with monkeypatch.context() as patch:
            patch.setattr("tagger.text.conll.reader.cut_block", vouch_for_nothing)
            assert read(path, wanted) == found, (number, content)
        with monkeypatch.context() as patch:
            patch.setattr("tagger.text.files.BLOCK", 7)
            in_pieces = read(path, wanted)[0]
        is_same = in_pieces == found[0] or (isinstance(in_pieces, str) and isinstance(found[0], str))
        assert is_same, (number, content)  # of two faults the one that comes first may differ
        report = audit([path], columns=wanted)
        try:
            corpus = conll.read_corpus(path, columns=wanted)
        except DataError as error:
            assert error.line is None or error.line >= 1
            assert not report.is_fit, (number, content)
        else:
            read_well += 1
            assert corpus.sentences and all(map(len, corpus.sentences))
        assert time.perf_counter() - began < 10, (number, content)
    assert read_well > FILES / 10
