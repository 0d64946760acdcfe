"""Training with pretrained vectors: words that only the file knows become usable; frozen rows stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training_runs import fit

from tagger.config import Config, override
from tagger.runtime import directory as files
from tagger.runtime.evaluation import score_tagger
from tagger.runtime.tagger import Tagger
from tagger.text.conll import Corpus, Sentence
from tagger.text.schemes import Scheme
from tagger.training.data import prepare_corpora
from tagger.training.start import add_vectors

CITIES = [f"city{chr(97 + i)}" for i in range(20)]
PEOPLE = [f"name{chr(97 + i)}" for i in range(20)]


def corpus(cities: list[str], people: list[str]) -> Corpus:
    """Write sentences whose words alone tell the types: context and spelling are the same for both."""
    sentences = [
        Sentence((word[::-1], "it", "is"), (f"B-{type_}", "O", "O"), document=number)
        for type_, words in (("LOC", cities), ("PER", people))
        for number, word in enumerate(words)
    ]
    return Corpus("", tuple(sentences), Scheme.IOB2, "", ())


@pytest.mark.parametrize("frozen", [False, True])
def test_words_that_training_lacks_are_known_by_their_vectors(tmp_path: Path, frozen: bool) -> None:
    generator = np.random.default_rng(0)
    lines = [
        f"{word[::-1]} {' '.join(str(value) for value in sign + 0.1 * generator.normal(size=8))}"
        for words, sign in ((CITIES, 1.0), (PEOPLE, -1.0))
        for word in words
    ]
    file = tmp_path / "vectors.txt"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = override(
        Config(),
        {
            "training.epochs": 20,
            "training.workers": 1,
            "embedding.character_filters": 0,
            "embedding.affix_dim": 0,
            "embedding.shape_dim": 0,
            "embedding.vectors_frozen": frozen,
        },
    )
    learned, unseen = corpus(CITIES[:10], PEOPLE[:10]), corpus(CITIES[10:], PEOPLE[10:])
    data = prepare_corpora(learned, learned, unseen, config=settings)
    data = add_vectors(data, file)
    list(fit(data, tmp_path / "model"))
    model = files.load_model(tmp_path / "model")
    assert score_tagger(Tagger(model), unseen).micro.f1 > 0.95
    assert data.vectors is not None
    rows = model.weights["embedding.word.weight"][model.lexicon.words.rows(data.vectors.words)]
    assert np.array_equal(rows, data.vectors.rows) == frozen
