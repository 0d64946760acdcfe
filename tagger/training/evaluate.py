"""A model and labelled sentences -> predicted tags and scores. It reads no files and prints nothing."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tagger.model.batch import EncodedCorpus, collate, encode, group, sorted_batches
from tagger.model.trained import TrainedModel, inner_scheme
from tagger.text import metrics, schemes
from tagger.text.conll import Corpus, Sentence
from tagger.text.metrics import Scores

BATCH_TOKENS = (
    4096  # padded tokens a batch: large enough for full matrix products, small enough for the cache
)


def encode_corpus(sentences: Sequence[Sentence], model: TrainedModel) -> EncodedCorpus:
    """Look up the words of sentences, without their tags."""
    return encode(sentences, model.lexicon, None)


def tag(model: TrainedModel, corpus: EncodedCorpus) -> list[list[str]]:
    """Return the best tags of every sentence in the model's own scheme, in the order of the corpus."""
    inner, outer = inner_scheme(model.scheme), model.scheme
    return [schemes.convert(tags, inner, outer) for tags in decode(model, corpus)]


def decode(model: TrainedModel, corpus: EncodedCorpus) -> list[list[str]]:
    """Return the best tags of every sentence in the inner scheme, in the order of the corpus."""
    found: list[list[str]] = [[] for _ in corpus.examples]
    name = model.lexicon.tags.__getitem__
    encoder = model.config.encoder
    groups = group(corpus.examples, encoder.context, encoder.max_tokens)
    with torch.inference_mode():
        for part in sorted_batches(groups, BATCH_TOKENS):
            batch = collate(corpus, part, encoder.max_tokens).to(model.labeler.device)
            best = model.labeler.decode(batch).T.tolist()
            for number, row, length in zip(batch.sentences, best, batch.lengths.tolist(), strict=True):
                found[number] = list(map(name, row[:length]))
    return found


def score(model: TrainedModel, corpus: Corpus, encoded: EncodedCorpus | None = None) -> Scores:
    """Score a model on a labelled corpus; types that the model doesn't know count as missed."""
    gold = [sentence.tags for sentence in corpus.sentences]
    predicted = tag(model, encoded if encoded is not None else encode_corpus(corpus.sentences, model))
    return metrics.score(gold, predicted, corpus.scheme, model.scheme)
