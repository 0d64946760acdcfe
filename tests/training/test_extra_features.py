"""Feature columns, gazetteers and costs of mistakes in whole runs: what is read, learned, kept and refused."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_runs import fit

from tagger import config
from tagger.config import Config
from tagger.errors import ConfigError, DataError
from tagger.runtime import directory as files
from tagger.runtime.evaluation import score_tagger
from tagger.runtime.features import Gazetteers, MarkColumns
from tagger.runtime.tagger import Tagger
from tagger.text.gazetteer import Gazetteer
from tagger.training.data import Corpora, read_corpora
from tagger.training.recipe import Finished
from tagger.training.start import add_gazetteers, continue_from, continue_settings

torch.set_num_threads(1)

TINY = {
    "embedding.word_dim": 6,
    "embedding.character_filters": 5,
    "embedding.shape_dim": 2,
    "embedding.affix_dim": 4,
    "encoder.hidden": 6,
    "training.epochs": 8,
    "training.learning_rate": 0.03,
    "training.batch_sentences": 4,
    "training.input_dropout": 0.0,
    "training.output_dropout": 0.0,
    "training.average": 0.0,
    "training.language_weight": 0.0,
    "training.workers": 1,
}


def write(path: Path, rows: list[list[str]]) -> Path:
    path.write_text("\n\n".join("\n".join(each) for each in rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def ten_with_columns(ten_sentences: Path) -> Path:
    """The ten sentences with a part of speech and the word's case between token and tag."""
    rows = []
    for row in ten_sentences.read_text(encoding="utf-8").splitlines():
        token, _, tag = row.partition(" ")
        case = "up" if token.istitle() else "low"
        rows.append(f"{token}\t{'X' if tag == 'O' else 'PROPN'}\t{case}\t{tag}" if token else "")
    path = ten_sentences.with_name("columns.conll")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def finish(data: Corpora, directory: Path) -> Finished:
    *_, last = fit(data, directory)
    assert isinstance(last, Finished)
    return last


def test_a_column_that_tells_the_tag_is_learned_for_words_never_seen(tmp_path):
    draw = random.Random(1)
    fresh = iter(range(10_000))

    def sentences(count: int) -> list[list[str]]:
        kinds = [[draw.choice("NX") for _ in range(6)] for _ in range(count)]
        return [
            [f"{_word(next(fresh))} {kind} {'B-A' if kind == 'N' else 'O'}" for kind in row] for row in kinds
        ]

    train, dev = write(tmp_path / "train", sentences(60)), write(tmp_path / "dev", sentences(20))
    found = {}
    for columns in ([], ["1:4"]):
        settings = config.override(Config(), TINY | {"embedding.feature_columns": columns})
        data = read_corpora(train, dev, None, settings)
        found[len(columns)] = finish(data, tmp_path / f"m{len(columns)}").dev.scores.micro.f1
    assert found[1] > 0.97
    assert found[0] < 0.8


def _word(number: int) -> str:
    """A word that shares no spelling with the others of its class."""
    return "".join(chr(ord("a") + (number * 7 + place * number) % 26) for place in range(5))


def marked(path: Path, **changes: object) -> Corpora:
    features = {"embedding.feature_columns": ["1:4", "2"], "encoder.context": 2}
    data = read_corpora(path, path, path, config.override(Config(), TINY | features | changes))
    names = write(path.with_name("names.txt"), [["New York", "Peru", "Lake Geneva"]])
    return add_gazetteers(data, [names, names])


def test_a_run_stopped_and_resumed_ends_with_the_same_bits(ten_with_columns, tmp_path):
    changes = {"training.language_weight": 0.3, "training.average": 0.9, "training.epochs": 8}
    data = marked(ten_with_columns, **changes)
    finish(data, tmp_path / "whole")
    asked: list[None] = []

    def stop() -> bool:
        asked.append(None)
        return len(asked) == 4

    list(fit(data, tmp_path / "parts", stop=stop))
    assert isinstance(list(fit(data, tmp_path / "parts", resume=True))[-1], Finished)
    for name in (files.CONFIG, files.VOCAB, files.WEIGHTS):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
    model = files.load_model(tmp_path / "whole")
    assert [column.name for column in model.lexicon.of(MarkColumns).columns] == ["1", "2"]
    assert [len(each) for each in model.lexicon.of(Gazetteers).lists] == [3, 3]
    assert score_tagger(Tagger(model), data.dev).micro.f1 > 0


def test_a_model_with_columns_and_names_can_be_continued(ten_with_columns, tmp_path):
    finish(marked(ten_with_columns), tmp_path / "base")
    base = files.load_model(tmp_path / "base")
    food = write(
        tmp_path / "food",
        [
            ["Anna PROPN up B-PER", "ate VERB low O", "tea NOUN low B-FOOD"],
            ["Peru PROPN up B-LOC", "sells VERB low O", "Coca-Cola PROPN up B-FOOD"],
        ],
    )
    chosen = config.override(Config(), {"training.workers": 1, "training.epochs": 2})
    settings = continue_settings(chosen, base)
    data, growth = continue_from(read_corpora(food, food, None, settings), base)
    assert growth.new_types == ("FOOD",)
    finish(data, tmp_path / "more")

    model = files.load_model(tmp_path / "more")
    assert model.lexicon.of(Gazetteers) == base.lexicon.of(Gazetteers)
    before, after = base.lexicon.of(MarkColumns).columns, model.lexicon.of(MarkColumns).columns
    for old, new, added in zip(before, after, ({"VERB", "NOUN"}, set()), strict=True):
        assert new.name == old.name
        assert new.values.items[: len(old.values.items)] == old.values.items
        assert set(new.values.items[len(old.values.items) :]) == added


def test_a_continued_model_needs_the_columns_that_it_reads(ten_with_columns, ten_sentences, tmp_path):
    finish(marked(ten_with_columns), tmp_path / "base")
    settings = continue_settings(Config(), files.load_model(tmp_path / "base"))
    with pytest.raises(
        DataError, match=r"ten\.conll:3: found 2 columns, expected a column 2 \(the first is 0"
    ):
        read_corpora(ten_sentences, None, None, settings)


def test_the_fingerprint_tells_other_columns_apart(ten_with_columns):
    data = marked(ten_with_columns)
    first, *others = data.train.sentences
    swapped = replace(first, features=first.features[::-1])
    other = replace(data, train=replace(data.train, sentences=(swapped, *others)))
    assert other.fingerprint() != data.fingerprint()


def test_the_column_of_the_tag_is_no_feature(ten_with_columns):
    for column in ("3", "-1:8"):
        settings = config.override(Config(), {"embedding.feature_columns": ["1", column]})
        with pytest.raises(ConfigError) as caught:
            read_corpora(ten_with_columns, None, None, settings)
        assert str(caught.value) == (
            f"--feature-column: found {column}, which is the column of the tag; expected another: a model that is "
            "shown the answer learns nothing (--tag-column names the tag's)"
        )


def test_a_column_that_a_file_lacks_is_named(ten_sentences):
    settings = config.override(Config(), {"embedding.feature_columns": ["2"]})
    with pytest.raises(DataError, match=r"ten.conll:\d+: found 2 columns, expected a column 2"):
        read_corpora(ten_sentences, None, None, settings)


def test_gazetteers_are_cut_as_the_corpus_is(tmp_path):
    chinese = write(tmp_path / "zh", [["王 B-PER", "伟 I-PER", "在 O", "北 B-LOC", "京 I-LOC"]] * 3)
    names = tmp_path / "cities.txt"
    names.write_text("北京\n", encoding="utf-8")
    data = add_gazetteers(read_corpora(chinese, None, None, Config()), [names])
    assert data.gazetteers == (Gazetteer("cities.txt", ["北 京"]),)
    ignoring = config.override(Config(), {"embedding.gazetteer_ignore_case": True})
    names.write_text("OSLO\n", encoding="utf-8")
    english = write(tmp_path / "en", [["Oslo B-LOC", "fell O"]] * 3)
    data = add_gazetteers(read_corpora(english, None, None, ignoring), [names])
    assert data.gazetteers == (Gazetteer("cities.txt", ["oslo"], ignores_case=True),)


def test_a_cost_of_a_type_that_the_corpus_lacks_names_the_nearest(ten_sentences):
    settings = config.override(Config(), {"training.costs": ["PERS=2"]})
    with pytest.raises(ConfigError, match=r"found type 'PERS', .*; did you mean PER\?"):
        read_corpora(ten_sentences, None, None, settings)
