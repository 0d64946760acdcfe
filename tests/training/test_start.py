"""What a run starts from, collected in one call."""

from __future__ import annotations

import pytest
from training_runs import fit_whole

from tagger import config
from tagger.config import Config
from tagger.errors import ConfigError
from tagger.training.start import Start, collect


def test_nothing_to_start_from_leaves_the_corpora_as_they_are(read_tiny):
    data = read_tiny()
    found = collect(data.train, data.dev, data.test, data.config, Start())
    assert found.data.fingerprint() == data.fingerprint()
    assert (found.growth, found.overlap) == (None, None)
    assert found.data.config == data.config


def test_a_model_vectors_and_what_they_add_come_together(read_tiny, tmp_path):
    data = read_tiny(**{"training.epochs": 1})
    fit_whole(data, tmp_path / "base")
    size = data.config.embedding.word_dim
    (tmp_path / "vectors.txt").write_text(f"sushi {' '.join(['1'] * size)}\n", encoding="utf-8")
    chosen = config.override(Config(), {"training.workers": 1})
    start = Start(base=tmp_path / "base", vectors=tmp_path / "vectors.txt", keep_all_vectors=True)
    found = collect(data.train, data.dev, None, chosen, start)
    assert found.growth is not None
    assert (found.growth.new_words, found.growth.new_types) == (0, ())
    assert found.data.base is not None
    assert found.data.vectors is not None
    assert list(found.data.vectors.words) == ["sushi"]
    assert found.data.config.encoder == data.config.encoder


def test_lists_of_names_join_a_new_model(read_tiny, tmp_path):
    (tmp_path / "cities.txt").write_text("Geneva\n", encoding="utf-8")
    data = read_tiny()
    found = collect(data.train, data.dev, None, data.config, Start(gazetteers=[tmp_path / "cities.txt"]))
    assert [each.name for each in found.data.gazetteers] == ["cities.txt"]


def test_a_model_and_an_encoder_do_not_go_together(read_tiny, tmp_path):
    data = read_tiny()
    with pytest.raises(
        ConfigError, match=r"--init-encoder: a model that is continued \(--from\) has its encoder"
    ):
        collect(data.train, data.dev, None, data.config, Start(base=tmp_path, encoder=tmp_path))
