"""Training of a student: gold sentences, and beside them raw text that teachers labelled, in one objective.

An epoch holds all gold sentences, where there are any, and a stretch of the raw text; the next epoch goes on where it
ended, so that any amount of text is learnt from in bounded memory. Batches mix both. What is minimised is the loss of
the gold tags and, with a weight, the cross-entropy with what the teachers believe (`model.crf.soft`); the language
model beside it learns from the words of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tagger.model.batch import EncodedCorpus, Taught
from tagger.runtime.kinds import TextCounts
from tagger.text.conll import Sentence
from tagger.training.data import Corpora, encode_beside
from tagger.training.distillation.shards import SoftCorpus, SoftText
from tagger.training.recipes.labelled import LabelledRecipe


class DistilledRecipe(LabelledRecipe):
    """A student, its gold corpora, and a text with soft labels; see `training.recipe`.

    Args:
        data: the gold corpora and settings.
        text: what teachers labelled.
    """

    def __init__(self, data: Corpora, text: SoftCorpus) -> None:
        has_pairs = data.config.embedding.bigram_dim > 0
        super().__init__(data, TextCounts(text.words, text.pairs if has_pairs else {}))
        self._text = text
        gold = 0 if data.is_taught else self.tokens
        most = round(data.config.distillation.ratio * self.tokens) + self.tokens - gold
        self._stretch = min(text.tokens, most)
        self._kept: EncodedCorpus | None = None
        self.tokens = gold + self._stretch

    def chunks(self, epoch: int, first: int) -> Iterator[EncodedCorpus]:
        if first == 0:
            if self._kept is None or self._stretch < self._text.tokens:
                self._kept = self._encode_beside(self._text.stretch(epoch * self._stretch, self._stretch))
            yield self._kept

    def identity(self) -> Mapping[str, bytes]:
        return {**super().identity(), "text and its labels": self._text.identity.encode()}

    def _encode_beside(self, text: SoftText) -> EncodedCorpus:
        base = 1 + max(each.document for each in self.data.train.sentences)
        sentences = [
            Sentence(tokens=words, document=base + number)
            for words, number in zip(text.sentences, text.documents, strict=True)
        ]
        options = text.labels.options(self.lexicon.tags)
        corpus = encode_beside(self.data, self.lexicon, sentences, options)
        first = len(corpus) - len(sentences)
        weight = self.config.distillation.weight
        like_gold = text.labels.are_open()
        if (
            self.data.is_taught
        ):  # sure labels stand in the place of gold: what missing a name costs is asked of them
            like_gold |= text.labels.surety() == 1.0
        return replace(corpus, taught=Taught(first, text.labels, like_gold, weight))
