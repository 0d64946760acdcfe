"""Model directories: what is written comes back, and whatever is wrong with one is one clear error."""

from __future__ import annotations

import errno
import json
import os
import pickle
import random
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from toy_models import TINY_SIZES, finish_model

from tagger import config
from tagger.errors import DataError, ModelError
from tagger.model.building import restore_labeler
from tagger.runtime import directory as files
from tagger.runtime.tagger import Tagger
from tagger.runtime.tensors import read_tensors, sha256, write_tensors
from tagger.runtime.trained import TrainedModel
from tagger.text.conll import read_corpus
from tagger.text.output import write_atomically
from tagger.training.data import build_lexicon, read_corpora
from tagger.training.output import CHECKPOINT

FILES = (files.CONFIG, files.VOCAB, files.WEIGHTS)


@pytest.fixture
def make_model(ten_sentences: Path):
    """Make an untrained model of the ten sentences, with a tiny network and any other settings."""

    def make(**changes: object) -> TrainedModel:
        chosen = config.override(config.Config(), {**TINY_SIZES, **changes})
        data = read_corpora(ten_sentences, ten_sentences, None, chosen)
        return finish_model(build_lexicon(data), data.config)

    return make


@pytest.fixture
def model(make_model) -> TrainedModel:
    return make_model()


@pytest.fixture
def directory(model, tmp_path) -> Path:
    place = tmp_path / "model"
    place.mkdir()
    files.save_model(place, model)
    return place


def refusal(directory: Path) -> str:
    """The one line that loading a directory gives."""
    with pytest.raises(ModelError) as caught:
        files.load_model(directory)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def same_weights(one: TrainedModel, other: TrainedModel) -> bool:
    mine, theirs = one.weights, other.weights
    return mine.keys() == theirs.keys() and all(np.array_equal(mine[name], theirs[name]) for name in mine)


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_a_model_comes_back_as_it_was_saved(make_model, ten_sentences, tmp_path, decoder):
    model = make_model(**{"decoder.kind": decoder})
    files.save_model(tmp_path, model)
    loaded = files.load_model(tmp_path)
    assert same_weights(loaded, model)
    assert (loaded.config, loaded.lexicon) == (model.config, model.lexicon)
    sentences = [sentence.tokens for sentence in read_corpus(ten_sentences).sentences]
    assert Tagger(loaded).predict_tokens(sentences) == Tagger(model).predict_tokens(sentences)
    network = restore_labeler(loaded)
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not network.training


def test_loading_moves_no_global_generator(directory):
    before = torch.get_rng_state()
    restore_labeler(files.load_model(directory))
    assert torch.equal(torch.get_rng_state(), before)


def test_equal_models_are_equal_files(model, directory, tmp_path):
    for number in range(5):
        again = tmp_path / str(number)
        again.mkdir()
        files.save_model(again, model)
        assert [(again / name).read_bytes() for name in FILES] == [
            (directory / name).read_bytes() for name in FILES
        ]


def test_nothing_but_the_three_files_is_written_and_others_may_read_them(directory):
    assert sorted(path.name for path in directory.iterdir()) == sorted(FILES)
    mask = os.umask(0)
    os.umask(mask)
    for name in FILES:
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o666 & ~mask


def test_weights_are_plain_safetensors(directory):
    content = (directory / files.WEIGHTS).read_bytes()
    assert set(safetensors.numpy.load(content)) == set(files.load_model(directory).weights)
    assert (8 + int.from_bytes(content[:8], "little")) % 8 == 0


def test_torch_load_is_never_called():
    package = Path(files.__file__).parents[1]
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "torch.load" not in text, path
        if path.name not in ("child.py", "peers.py"):  # which read what processes of the same training send
            assert "import pickle" not in text, path


def test_no_directory(tmp_path):
    assert refusal(tmp_path / "none").startswith(
        f"{tmp_path / 'none'}: does not exist; expected the directory of a labeller, as `tagger train"
    )
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert "file: is a file; expected the directory of a labeller, as `tagger train" in refusal(
        tmp_path / "file"
    )
    assert refusal(tmp_path).startswith(f"{tmp_path / files.CONFIG}: is missing")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(directory, name):
    (directory / name).unlink()
    assert refusal(directory).startswith(f"{directory / name}: is missing; ")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_named(directory, name, kept):
    content = (directory / name).read_bytes()
    (directory / name).write_bytes(content[: int(kept * len(content))])
    assert refusal(directory).startswith(f"{directory / name}: ")


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_anywhere_is_found(directory, name):
    content = (directory / name).read_bytes()
    header = 8 + int.from_bytes(content[:8], "little") if name == files.WEIGHTS else 0
    draw = random.Random(0)
    places = {0, 1, len(content) - 1, *(draw.randrange(len(content)) for _ in range(25))}
    places |= {draw.randrange(header) for _ in range(60 if header else 0)}
    for place in sorted(places):
        bit = 1 << draw.randrange(8)
        (directory / name).write_bytes(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :])
        message = refusal(directory)
        assert message.startswith(str(directory)), (place, bit, message)
        assert any(file in message for file in FILES)


@pytest.mark.slow
def test_every_bit_of_the_header_counts(directory):
    path = directory / files.WEIGHTS
    content = path.read_bytes()
    for place in range(8 + int.from_bytes(content[:8], "little")):
        for bit in range(8):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :])
            refusal(directory)


def rewrite(directory: Path, tensors=None, changed=None, **facts) -> None:
    """Write the directory anew as its author would, checksums included, with some things changed."""
    contents = {name: (directory / name).read_bytes() for name in FILES[:2]} | (changed or {})
    weights = safetensors.numpy.load_file(directory / files.WEIGHTS) | (tensors or {})
    for name, content in contents.items():
        (directory / name).write_bytes(content)
    write_tensors(directory / files.WEIGHTS, weights, contents, facts)


def test_another_format_version_is_named(directory):
    rewrite(directory, format="2")
    assert refusal(directory) == (
        f"{directory / files.WEIGHTS}: format version 2 found, 1 expected; use the tagger that wrote it"
    )


def test_somebody_elses_safetensors_file(directory):
    safetensors.numpy.save_file({"a": np.zeros(2)}, directory / files.WEIGHTS)
    assert "has no format version: it was not written by tagger" in refusal(directory)


class Bomb:
    """Unpickling this leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("saved_by", ["pickle", "torch"])
def test_a_pickle_under_any_name_is_refused_unread(directory, tmp_path, name, saved_by):
    sign = tmp_path / "exploded"
    if saved_by == "pickle":
        (directory / name).write_bytes(pickle.dumps(Bomb(sign)))
    else:
        torch.save(Bomb(sign), directory / name)
    assert refusal(directory).startswith(f"{directory / name}: ")
    assert not sign.exists()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("hidden = 5", "hidden = 65536", "expected float32 (13, 131072)"),
        ("hidden = 5", "hidden = 6", "expected float32 (13, 12)"),
        (
            "hidden = 5",
            "hidden = 99999999",
            "encoder.hidden: found 99999999, expected less than or equal to 65536",
        ),
        ("hidden = 5", "hidden = nan", "encoder.hidden: found nan, expected "),
        ("character_filters = 5", "character_filters = 65536", "expected float32 (65536,)"),
        ("word_dim = 6", "word_dim = 65536", "expected float32 (40, 65536)"),
        ("word_dim = 6", "word_dim = 0", "expected none"),
        ("layers = 1", "layers = 8", "absent, expected float32 "),
        ("clip_norm = 5.0", "clip_norm = nan", "training.clip_norm: found nan, expected "),
        ('kind = "lstm"', 'kind = "gru"', "expected float32 (15"),
        ('kind = "crf"', 'kind = "softmax"', "expected none"),
        ('scheme = "IOB2"', 'scheme = "auto"', "'auto' is not a valid Scheme"),
        ('scheme = "IOB2"', 'scheme = "BIO"', "'BIO' is not a valid Scheme"),
        ('mode = "words"', 'mode = "auto"', "corpus.mode is auto"),
        ("seed = 1", "sed = 1", "sed: no such setting; did you mean seed?"),
        ("seed = 1", "seed = [", "not valid TOML"),
    ],
)
def test_settings_that_a_stranger_changed(directory, old, new, expected):
    text = (directory / files.CONFIG).read_text(encoding="utf-8")
    assert f"\n{old}\n" in text
    changed = text.replace(f"\n{old}\n", f"\n{new}\n").encode()
    rewrite(directory, changed={files.CONFIG: changed})
    assert expected in refusal(directory)


def test_settings_that_contradict_themselves_or_the_tables(directory):
    text = (directory / files.CONFIG).read_text(encoding="utf-8")
    rewrite(directory, changed={files.CONFIG: text.replace("\nused = false\n", "\nused = true\n").encode()})
    assert "doesn't fit config.toml and vocab.json: lm.used: " in refusal(directory)
    off = text
    for name in ("word_dim = 6", "affix_dim = 4", "shape_dim = 2", "character_filters = 5"):
        off = off.replace(f"\n{name}\n", f"\n{name.split()[0]} = 0\n")
    rewrite(directory, changed={files.CONFIG: off.encode()})
    assert "every feature is switched off" in refusal(directory)


@pytest.mark.slow
def test_absurd_settings_take_no_memory(directory):
    """A process that may not take more than it needs for the model reads 2 TB of network as an error."""
    text = (directory / files.CONFIG).read_text(encoding="utf-8")
    absurd = text.replace("\nhidden = 5\n", "\nhidden = 65536\n").replace("\nlayers = 1\n", "\nlayers = 8\n")
    rewrite(directory, changed={files.CONFIG: absurd.encode()})
    script = (
        "import resource, sys\n"
        "from tagger.errors import ModelError\n"
        "from tagger.runtime.directory import load_model\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (200 << 20), -1))\n"
        "try: load_model(sys.argv[1])\n"
        "except ModelError as error: print(error)\n"
    )
    if not Path("/proc/self/statm").exists():
        pytest.skip("needs /proc")
    done = subprocess.run(
        [sys.executable, "-c", script, directory], capture_output=True, encoding="utf-8", check=False
    )
    assert "doesn't fit config.toml and vocab.json" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"tags": ["O", "B-PER", "X"]},
            "vocab.json: found tag 'X', expected O, B-TYPE, I-TYPE, E-TYPE or S-TYPE",
        ),
        ({"tags": ["O"]}, "model.safetensors: doesn't fit config.toml and vocab.json: decoder."),
        ({"words": [1]}, "vocab.json: is not a table of words and tags: words is not a list of strings"),
        (
            {"words": ["a"], "counts": [1]},
            "model.safetensors: doesn't fit config.toml and vocab.json: embedding.word",
        ),
        (
            {"tags": [f"B-{i}" for i in range(60_000)]},
            "model.safetensors: doesn't fit config.toml and vocab.json",
        ),
    ],
)
def test_tables_that_a_stranger_changed(directory, change, expected):
    tables = json.loads((directory / files.VOCAB).read_bytes()) | change
    rewrite(directory, changed={files.VOCAB: json.dumps(tables).encode()})
    assert refusal(directory).startswith(f"{directory}{os.sep}{expected}")


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"null", b"[" * 100_000, b'{"tags": 1}'])
def test_tables_that_are_none(directory, content):
    rewrite(directory, changed={files.VOCAB: content})
    assert refusal(directory).startswith(f"{directory / files.VOCAB}: is not a table of words and tags: ")


def test_weights_of_another_shape_or_type_are_named(directory):
    rewrite(directory, {"emission.bias": np.zeros(3, np.float32)})
    assert (
        "model.safetensors: doesn't fit config.toml and vocab.json: emission.bias is float32 (3,)"
        in refusal(directory)
    )
    rewrite(directory, {"emission.bias": np.zeros(13)})
    assert "emission.bias is float64 (13,), expected float32 (13,)" in refusal(directory)
    rewrite(directory, {"emission.bias": np.zeros(13, np.float32), "extra": np.zeros(0, np.float32)})
    assert "extra is float32 (0,), expected none" in refusal(directory)


def test_a_directory_that_mixes_two_models(make_model, directory, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    files.save_model(other, make_model(**{"encoder.hidden": 6, "embedding.min_count": 2}))
    for name in FILES:
        mixed = tmp_path / f"mixed-{name}"
        shutil.copytree(directory, mixed)
        shutil.copy(other / name, mixed / name)
        named = files.CONFIG if name == files.WEIGHTS else name
        assert refusal(mixed).startswith(f"{mixed / named}: doesn't match the checksum in model.safetensors")


def test_only_fixed_names_inside_the_directory_are_read(directory, tmp_path):
    (directory / "config.toml.bak").write_text("nonsense", encoding="utf-8")
    (directory / ".model.safetensors.abc.partial").write_bytes(b"half")
    files.load_model(directory)
    for name in FILES:  # a directory under the name of a file
        shutil.copytree(directory, tmp_path / f"d-{name}")
        (tmp_path / f"d-{name}" / name).unlink()
        (tmp_path / f"d-{name}" / name).mkdir()
        assert "is missing" in refusal(tmp_path / f"d-{name}")


def test_a_language_models_directory_says_so(directory):
    rewrite(directory, changed={files.CONFIG: b"seed = 1\n\n[model]\n"})
    assert "holds a language model; expected a labeller, as `tagger train --output DIR` writes" in refusal(
        directory
    )


# Writing.


def test_a_new_model_takes_the_place_of_the_old_one(make_model, model, directory):
    other = make_model(**{"encoder.hidden": 6, "embedding.min_count": 2})
    files.save_model(directory, other)
    assert same_weights(files.load_model(directory), other)
    assert sorted(path.name for path in directory.iterdir()) == sorted(FILES)
    files.save_model(directory, model)
    assert same_weights(files.load_model(directory), model)


def test_a_failing_write_leaves_the_old_content_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    for name in ("fsync", "replace"):

        def fail(*arguments: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, name, fail)
            with pytest.raises(
                DataError, match=r"file: cannot be written: No space left on device; nothing was"
            ):
                write_atomically(path, b"new")
        assert path.read_bytes() == b"old"
        assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_an_output_directory_that_cannot_be_used(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for place in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(
            DataError, match=r"cannot be used as an output directory: .*; choose another with --output"
        ):
            files.prepare_directory(place)
    files.prepare_directory(tmp_path / "deep" / "er")
    assert (tmp_path / "deep" / "er").is_dir()
    assert not list((tmp_path / "deep" / "er").iterdir())


def test_a_second_run_is_refused_and_the_lock_ends_with_the_first(tmp_path):
    with files.locked(tmp_path):
        with pytest.raises(DataError, match="another run is writing here"), files.locked(tmp_path):
            pass
        script = (
            "import fcntl, os, sys\n"
            "fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)"
        )
        other = [sys.executable, "-c", script, tmp_path]
        assert b"BlockingIOError" in subprocess.run(other, capture_output=True, check=False).stderr
    subprocess.run(other, check=True)
    with files.locked(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_litter_of_a_killed_run_is_cleared_away(tmp_path):
    (tmp_path / CHECKPOINT).mkdir()
    for place in (tmp_path, tmp_path / CHECKPOINT):
        (place / ".model.safetensors.k3j2.partial").write_bytes(b"half")
    (tmp_path / "mine.partial").write_bytes(b"kept")
    with files.locked(tmp_path):
        left = sorted(path.name for path in tmp_path.rglob("*"))
    assert left == [CHECKPOINT, "mine.partial"]


def test_settings_are_those_that_were_saved(directory, model):
    saved = (directory / files.CONFIG).read_text(encoding="utf-8")
    assert config.parse_settings(config.Config, saved) == model.config


def test_a_file_is_what_the_library_writes_but_for_the_order_of_its_header(tmp_path):
    draw = np.random.default_rng(0)
    tensors = {
        "b": np.arange(6, dtype=np.float32).reshape(2, 3).T,  # not contiguous
        "a": np.array(3),
        "large": draw.standard_normal(300_000, np.float32),
        "c": np.array([True, False, True]),
        "d": draw.random(5),
        "none": np.empty((0, 4), np.float32),
    }
    write_tensors(tmp_path / "one", tensors, {"x": b"1"}, {"k": "ü"})
    content = (tmp_path / "one").read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    kept = {name: np.asarray(value, order="C") for name, value in tensors.items()}
    other = safetensors.numpy.save(kept, header["__metadata__"])
    place = 8 + int.from_bytes(other[:8], "little")
    assert header == json.loads(other[8:place])
    assert content[start:] == other[place:]
    assert start % 8 == 0
    facts, found = read_tensors(tmp_path / "one")
    assert (facts["k"], facts["x"]) == ("ü", sha256(b"1"))
    assert all(np.array_equal(found[name], value) for name, value in tensors.items())
    assert all(found[name].dtype == value.dtype for name, value in tensors.items())
