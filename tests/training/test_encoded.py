"""The encoded corpus in files: the same bits as in memory, found again when a run goes on, gone when it has ended."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_runs import fit, fit_whole, stop_at

from tagger.errors import DataError
from tagger.runtime import directory as files
from tagger.runtime.trained import inner_scheme
from tagger.text import schemes, spool
from tagger.text.conll import Sentence
from tagger.text.conll.packed import pack
from tagger.text.schemes import Scheme
from tagger.training import encoded, output
from tagger.training.data import find_choices, read_corpora
from tagger.training.recipes import labelled
from tagger.training.rehearsal import rehearse


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every corpus be too large for memory."""
    monkeypatch.setattr(spool, "HELD_BYTES", 100)


def corpus_of(directory: Path) -> Path:
    return directory / output.CHECKPOINT / output.CORPUS


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="alone"),
        pytest.param({"training.workers": 2}, id="two", marks=pytest.mark.slow),
        pytest.param({"embedding.bigram_dim": 3, "encoder.max_tokens": 16}, id="pairs"),
    ],
)
def test_a_corpus_in_files_trains_to_the_same_bits(read_tiny, tmp_path, monkeypatch, changes):
    fit_whole(read_tiny(**changes), tmp_path / "memory")
    monkeypatch.setattr(spool, "HELD_BYTES", 100)
    index = corpus_of(tmp_path / "files") / "index.json"
    there = [index.exists() for _ in fit(read_tiny(**changes), tmp_path / "files")]
    assert any(there)
    one, other = ((tmp_path / name / files.WEIGHTS).read_bytes() for name in ("memory", "files"))
    assert one == other
    assert not (tmp_path / "files" / output.CHECKPOINT).exists()


def test_a_run_that_goes_on_takes_the_files_as_they_are(read_tiny, tmp_path, large, monkeypatch):
    fit_whole(read_tiny(), tmp_path / "whole")
    place = tmp_path / "m"
    fit_whole(read_tiny(), place, stop=stop_at(3))
    before = (corpus_of(place) / "tokens").stat().st_ino
    with monkeypatch.context() as patch:
        patch.setattr(encoded, "encode_training", None)  # nothing is encoded again
        fit_whole(read_tiny(), place, resume=True, stop=stop_at(2))
    assert (corpus_of(place) / "tokens").stat().st_ino == before
    fit_whole(read_tiny(), place, resume=True)
    assert (place / files.WEIGHTS).read_bytes() == (tmp_path / "whole" / files.WEIGHTS).read_bytes()


@pytest.mark.parametrize("damage", ["byte", "shorter", "gone", "other", "no index"])
def test_files_that_are_not_whole_are_written_anew(read_tiny, tmp_path, large, damage):
    fit_whole(read_tiny(), tmp_path / "whole")
    place = tmp_path / "m"
    fit_whole(read_tiny(), place, stop=stop_at(3))
    tokens, index = corpus_of(place) / "tokens", corpus_of(place) / "index.json"
    if damage == "byte":
        tokens.write_bytes(bytes([tokens.read_bytes()[0] ^ 1]) + tokens.read_bytes()[1:])
    elif damage == "shorter":
        tokens.write_bytes(tokens.read_bytes()[:-1])
    elif damage == "gone":
        tokens.unlink()
    elif damage == "other":
        index.write_text(json.dumps(json.loads(index.read_bytes()) | {"fingerprint": "x"}))
    else:
        corpus_of(place).rename(corpus_of(place).with_name(f".{output.CORPUS}"))  # killed while writing
        index.with_name("index.json").unlink(missing_ok=True)
    fit_whole(read_tiny(), place, resume=True)
    assert (place / files.WEIGHTS).read_bytes() == (tmp_path / "whole" / files.WEIGHTS).read_bytes()
    assert not (place / output.CHECKPOINT).exists()


def test_a_run_that_begins_anew_removes_the_files_of_the_last(read_tiny, tmp_path, large):
    fit_whole(read_tiny(), tmp_path, stop=stop_at(3))
    assert corpus_of(tmp_path).is_dir()
    output.make_room(tmp_path, tmp_path)
    assert not corpus_of(tmp_path).exists()


def test_a_disk_that_is_too_full_is_told_before_anything_is_written(read_tiny, tmp_path, monkeypatch):
    data = read_tiny()
    monkeypatch.setattr(spool, "HELD_BYTES", 100)
    monkeypatch.setattr(spool, "free_bytes", lambda room: 100)
    with pytest.raises(DataError, match="takes 0 MB here, and 0 MB are free; make room there, or choose"):
        fit_whole(data, tmp_path / "m")
    assert not list((tmp_path / "m" / output.CHECKPOINT).iterdir())


@pytest.mark.slow  # which steps for two seconds
def test_a_rehearsal_leaves_nothing_behind(ten_sentences, tmp_path, read_tiny, large):
    config = read_tiny(**{"training.workers": 2}).config
    room = tmp_path / "room"
    room.mkdir()
    recipe = labelled.prepare(read_corpora(ten_sentences, ten_sentences, None, config, room))
    rehearse(recipe)
    assert [each.name[:8] for each in room.iterdir()] == [".tagger-"]
    del recipe
    gc.collect()
    assert not list(room.iterdir())


@pytest.mark.parametrize("pairs", [0, 3])
def test_a_corpus_takes_about_what_was_estimated(read_tiny, ten_sentences, tmp_path, large, pairs):
    many = tmp_path / "many.conll"
    many.write_text("\n\n".join([ten_sentences.read_text().strip()] * 100))
    config = read_tiny(**{"embedding.bigram_dim": pairs}).config
    recipe = labelled.prepare(read_corpora(many, ten_sentences, None, config))
    recipe.settle_in(tmp_path / "checkpoint")
    assert len(recipe.corpus) == 1000
    parts = [each for each in (tmp_path / "checkpoint" / output.CORPUS).iterdir() if each.suffix != ".json"]
    found = sum(each.stat().st_size for each in parts)
    assert 0.8 * found < encoded.estimate_bytes(recipe.data) < 1.5 * found


SPANS = {
    Scheme.IOB1: ("O", "I-X", "B-X", "I-Y", "B-Y", "?"),
    Scheme.IOB2: ("O", "I-X", "B-X", "I-Y", "?"),
    Scheme.BIOES: ("O", "B-X", "I-X", "E-X", "S-X", "B-Y", "E-Y", "?"),
    Scheme.IO: ("O", "X", "Y", "?"),
    Scheme.BARE: ("O", "X", "Y", "?"),
}


@given(st.data())
def test_three_tags_tell_what_the_middle_one_may_be(draw):
    scheme = draw.draw(st.sampled_from(sorted(SPANS)))
    tags = st.lists(st.sampled_from(SPANS[scheme]), min_size=1, max_size=9)
    sentences = [
        Sentence(("a",) * len(each), tuple(each))
        for each in draw.draw(st.lists(tags, min_size=1, max_size=5))
    ]
    choices = find_choices(pack(sentences), scheme)
    found: Iterator[tuple[str, ...]] = (tuple(choices.sets[number]) for number in choices.numbers.tolist())
    inner = inner_scheme(scheme)
    expected = chain.from_iterable(schemes.candidates(each.tags, scheme, inner) for each in sentences)
    assert list(found) == list(expected)
