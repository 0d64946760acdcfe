"""Packed sentences: what goes in comes out, in memory and in files, and counts are those of a plain loop."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import DataError
from tagger.text import conll, schemes, spool
from tagger.text.conll import Sentence
from tagger.text.conll.packed import pack
from tagger.text.schemes import Scheme
from tagger.text.spool import MappedArray, Spool

TAGS = ("O", "B-X", "I-X", "B-Y", "I-Y", "?")


@st.composite
def corpora(draw):
    """Sentences of few words, so that they repeat, some with gaps between their lines."""
    found, line = [], 1
    for document in sorted(draw(st.lists(st.integers(0, 3), min_size=1, max_size=12))):
        words = draw(st.lists(st.sampled_from(["a", "b", "É", "\ud83d", "x\ny"]), min_size=1, max_size=6))
        size = len(words)
        tags = draw(st.lists(st.sampled_from(TAGS), min_size=size, max_size=size))
        marks = draw(st.lists(st.sampled_from("uv"), min_size=size, max_size=size))
        lines = tuple(range(line, line + 2 * size, 2)) if draw(st.booleans()) else ()
        found.append(Sentence(tuple(words), tuple(tags), line, document, (tuple(marks),), lines=lines))
        line += 2 * size + 1
    return found


@pytest.fixture(params=["memory", "files"], autouse=True)
def limit(request):
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "files":
            patch.setattr(spool, "HELD_BYTES", 40)
        yield request.param


@given(corpora(), st.integers(0, 2**12 - 1))
def test_sentences_come_out_as_they_went_in(sentences, chosen):
    packed = pack(sentences)
    assert list(packed) == sentences
    assert packed[-1] == sentences[-1]
    assert packed[1:3] == tuple(sentences[1:3])
    assert packed[::-1] == tuple(sentences[::-1])
    wanted = np.array([bool(chosen >> place & 1) for place in range(len(sentences))])
    kept = [sentence for sentence, stays in zip(sentences, wanted, strict=True) if stays]
    assert list(packed.select(wanted)) == kept
    other = [("O",) * len(each) for each in sentences]
    assert list(packed.with_tags(other)) == [
        replace(each, tags=tags) for each, tags in zip(sentences, other, strict=True)
    ]
    with pytest.raises(IndexError, match="so none has the number"):
        packed[len(sentences)]


@given(corpora(), corpora())
def test_what_is_asked_of_all_tokens_is_what_a_loop_finds(sentences, others):
    packed = pack(sentences)
    assert packed.count_words() == Counter(token for each in sentences for token in each.tokens)
    assert packed.count_values(0) == Counter(value for each in sentences for value in each.features[0])
    steps = packed.count_steps()
    assert steps == schemes.count_bigrams(each.tags for each in sentences)
    spans = [span for each in sentences for span in schemes.tags_to_spans(each.tags, Scheme.IOB2)]
    assert schemes.measure_spans(steps, Scheme.IOB2) == (len(spans), sum(e - s for _, s, e in spans))
    known = {each.tokens for each in sentences}
    assert packed.find(others) == {each.tokens for each in others} & known


@given(corpora())
def test_sentences_are_cut_at_places(sentences):
    packed = pack(sentences)
    assert packed.cut(np.array([], np.int64)) is packed
    words = [(token,) for each in sentences for token in each.tokens]
    alone = packed.cut(np.arange(packed.num_tokens))
    assert [each.tokens for each in alone] == words
    assert [each.line for each in alone] == [each.line for each in sentences for _ in each.tokens]
    assert [each.document for each in alone] == [each.document for each in sentences for _ in each.tokens]


@given(corpora())
def test_digests_differ_where_sentences_do(sentences):
    before = pack(sentences).digest()
    assert pack(sentences).digest() == before
    first = sentences[0]
    for changed in (
        replace(first, tokens=("z", *first.tokens[1:])),
        replace(first, tags=("E-X", *first.tags[1:])),
        replace(first, document=9),
        replace(first, features=(("w", *first.features[0][1:]),)),
    ):
        assert pack([changed, *sentences[1:]]).digest() != before


def test_a_file_is_packed_as_it_is_read(tmp_path):
    path = tmp_path / "x.conll"
    path.write_text("-DOCSTART- O\n\n(a b-X\nb i-X\n\nd O\n\n" * 9)
    packed, whole = conll.pack_corpus(path), conll.read_corpus(path)
    assert list(packed.sentences) == list(whole.sentences)
    assert replace(packed, sentences=()) == replace(whole, sentences=())
    assert packed.warnings  # tags were respelled


def test_too_little_room_is_told_in_one_line(tmp_path, monkeypatch, limit):
    if limit == "memory":
        return
    path = tmp_path / "x.conll"
    path.write_text("a O\n\n" * 1000)
    monkeypatch.setattr(spool, "free_bytes", lambda room: 1000)
    with pytest.raises(DataError, match=r"takes 0 MB here, and 0 MB are free; make room there, or"):
        conll.pack_corpus(path, room=tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("rows", [5, 50_000])  # what waits to be written, and what is written at once
def test_a_full_disk_is_told_in_one_line_whenever_it_is_found(rows, limit):
    column = Spool(Path("/dev"), is_kept=True).column("full", np.int64)
    with pytest.raises(DataError, match=r"^/dev: cannot hold a training corpus of this size: No space"):
        column.append(np.zeros(rows, np.int64))
        column.done()
    del column  # pytest fails where that says anything


def test_an_array_in_a_file_is_read_by_another_process_and_given_back(tmp_path):
    import pickle

    room = Spool(tmp_path, is_kept=True)
    column = room.column("numbers", np.int32, 2)
    rows = np.arange(200_000, dtype=np.int32).reshape(-1, 2)
    column.append(rows)
    found = column.done()
    assert isinstance(found, MappedArray)
    assert found.checksum() == column.checksum
    again = pickle.loads(pickle.dumps(found))
    for _ in range(900):  # far more than may stay mapped
        assert np.array_equal(again[1000:2000], rows[1000:2000])
    assert np.array_equal(again[np.array([3, 99_999])], rows[[3, 99_999]])
    assert len(again) == 100_000
    (tmp_path / "numbers").write_bytes(b"x")
    with pytest.raises(ValueError, match="greater than file size"):
        MappedArray.open(tmp_path / "numbers", np.int32, (100, 2))
