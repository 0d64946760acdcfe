"""Scores of a real model's predictions over thousands of sentences, held against seqeval's."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_runs import fit

from tagger import scoring
from tagger.config import Config, override
from tagger.runtime import directory as files
from tagger.runtime.evaluation import label_sentences
from tagger.runtime.tagger import Tagger
from tagger.text.conll import read_corpus
from tagger.training.data import prepare_corpora

DATA = Path(__file__).parents[2] / "data" / "english"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_entity_scores_of_predictions_equal_those_of_seqeval(tmp_path: Path, decoder: str) -> None:
    reference = pytest.importorskip("seqeval.metrics")
    parts = [read_corpus(DATA / f"{part}.conll") for part in ("train", "dev", "test")]
    config = override(Config(), {"training.epochs": 8, "decoder.kind": decoder})
    list(fit(prepare_corpora(parts[1], parts[2], None, config=config), tmp_path / "model"))
    model = files.load_model(tmp_path / "model")

    sentences = [sentence for part in parts for sentence in part.sentences]
    gold = [list(sentence.tags) for sentence in sentences]
    predicted = [each.tags for each in label_sentences(Tagger(model), sentences)]
    assert len(sentences) >= 3000
    report = reference.classification_report(gold, predicted, output_dict=True, zero_division=0)
    ours = scoring.score(gold, predicted, model.scheme)
    assert 0.05 < ours.micro.f1 < 0.99
    for name, row in [*ours.types.items(), ("micro avg", ours.micro), ("macro avg", ours.macro)]:
        expected = report[name]
        assert (row.precision, row.recall, row.f1) == pytest.approx(
            (expected["precision"], expected["recall"], expected["f1-score"])
        )
        assert row.support == expected["support"]
    assert ours.token_accuracy == pytest.approx(reference.accuracy_score(gold, predicted))
