"""Whether a run begins with an encoder: what is tried and told, and that a run that goes on does so as it began."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from training_runs import pretrain

from tagger import config as settings
from tagger.api.training import TrainingStoppedError, run_training
from tagger.config import Config, TextEncoderConfig, override
from tagger.runtime import directory as files
from tagger.training import trial
from tagger.training.data import Corpora, build_lexicon, read_corpora
from tagger.training.run import Stopped
from tagger.training.start import Collected, Start, collect
from tagger.training.trial import Tried, count_epochs, try_out

SMALL = {"embedding.word_dim": 4, "embedding.character_filters": 4, "encoder.hidden": 5}
CHOSEN = override(
    Config(),
    {
        "training.epochs": 8,
        "training.batch_sentences": 2,
        "training.learning_rate": 0.02,
        "encoder.layers": 2,
    },
)


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("Anna met Omar in Peru .\nThe ferry ran late .\n" * 20, encoding="utf-8")
    chosen = SMALL | {
        "text.format": "tokens",
        "text.held_out": 0.1,
        "training.epochs": 1,
        "encoder.layers": 2,
    }
    for _ in pretrain([path], tmp_path / "encoder", override(TextEncoderConfig(), chosen)):
        pass
    return tmp_path / "encoder"


@pytest.fixture
def prepared(ten_sentences: Path, encoder: Path) -> Collected:
    return collect(ten_sentences, ten_sentences, None, CHOSEN, Start(encoder=encoder))


def plain_of(prepared: Collected) -> Corpora:
    assert prepared.plain is not None
    return prepared.plain


def outcome(prepared: Collected, directory: Path, **options: bool) -> Tried:
    *_, last = try_out(prepared.data, plain_of(prepared), directory, **options)
    assert isinstance(last, Tried)
    return last


def test_without_the_encoder_the_data_are_as_if_there_had_never_been_one(ten_sentences, prepared):
    expected = read_corpora(ten_sentences, ten_sentences, None, CHOSEN)
    found = plain_of(prepared)
    assert settings.render(found.config) == settings.render(expected.config)
    assert build_lexicon(found) == build_lexicon(expected)
    assert prepared.data.config.encoder.hidden == 5
    assert found.config.encoder.hidden == 128


@pytest.mark.slow
def test_the_scores_are_those_of_a_quarter_of_each_run(prepared, tmp_path):
    prepared = Collected(replace_epochs(prepared.data, 80), plain=replace_epochs(plain_of(prepared), 80))
    found = outcome(prepared, tmp_path / "m")
    assert found.epochs == count_epochs(prepared.data) == 20
    assert found.learnt > 0
    assert found.plain > 0
    for number, (data, score) in enumerate(
        ((prepared.data, found.learnt), (plain_of(prepared), found.plain))
    ):
        scores = []
        run_training(
            Collected(data),
            tmp_path / str(number),
            on_fact=lambda fact, scores=scores: scores.append(fact),
        )
        epochs = [fact.dev.micro.f1 for fact in scores if hasattr(fact, "dev_seconds")]
        assert epochs[19] == score


@pytest.mark.parametrize(("learnt", "plain", "hidden"), [(0.5, 0.4, 5), (0.5, 0.5, 5), (0.4, 0.5, 128)])
def test_a_run_takes_what_is_ahead_and_goes_on_with_it(
    prepared, tmp_path, monkeypatch, learnt, plain, hidden
):
    told = []

    def pretend(*arguments, **options):
        told.append(arguments)
        yield Tried(2, learnt, plain)

    monkeypatch.setattr(trial, "try_out", pretend)
    run_training(prepared, tmp_path / "m")
    assert len(told) == 1
    assert files.load_model(tmp_path / "m").config.encoder.hidden == hidden


def test_what_was_tried_is_not_tried_again_where_a_run_goes_on(prepared, tmp_path):
    found = outcome(prepared, tmp_path)
    assert [*try_out(prepared.data, plain_of(prepared), tmp_path, resume=True)] == [found]
    more = prepared._replace(
        data=replace_epochs(prepared.data, 100), plain=replace_epochs(plain_of(prepared), 100)
    )
    assert [*try_out(more.data, plain_of(more), tmp_path, resume=True)] == [found]
    path = tmp_path / files.TRIAL
    facts = json.loads(path.read_text(encoding="utf-8"))
    assert (facts["with"], facts["without"], facts["taken"]) == (found.learnt, found.plain, found.is_taken)
    for content in (
        "",
        "[]",
        json.dumps(facts | {"fingerprint": "other"}),
        json.dumps(facts | {"with": "x"}),
    ):
        path.write_text(content, encoding="utf-8")
        assert len([*try_out(prepared.data, plain_of(prepared), tmp_path, resume=True)]) > 1


def replace_epochs(data: Corpora, epochs: int) -> Corpora:
    return replace(data, config=override(data.config, {"training.epochs": epochs}))


def test_a_trial_that_is_asked_to_stop_leaves_nothing(prepared, tmp_path):
    facts = [*try_out(prepared.data, plain_of(prepared), tmp_path / "m", stop=lambda: True)]
    assert isinstance(facts[-1], Stopped)
    assert not [*(tmp_path / "m").iterdir()]
    with pytest.raises(TrainingStoppedError, match="while the encoder was tried"):
        run_training(prepared, tmp_path / "m", stop=lambda: True)


def test_nothing_is_tried_where_nobody_asks_or_there_are_few_epochs(prepared, ten_sentences, tmp_path):
    assert count_epochs(plain_of(prepared)) == 0
    assert count_epochs(replace_epochs(prepared.data, 3)) == 0
    asked = override(CHOSEN, {"training.try_encoder": False})
    start = Start(encoder=tmp_path / "encoder")
    assert count_epochs(collect(ten_sentences, ten_sentences, None, asked, start).data) == 0
    run_training(
        Collected(replace_epochs(prepared.data, 1), plain=replace_epochs(plain_of(prepared), 1)),
        tmp_path / "m",
    )
    assert not (tmp_path / "m" / files.TRIAL).exists()
