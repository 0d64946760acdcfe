"""Other labellers, trained briefly on a corpus so that their speed of labelling can be measured.

How fast they label hardly depends on what they learnt, so CRFsuite is trained as usual, spaCy and Flair for a few
steps. Flair's network has the sizes of tagger's default and random embeddings of words, for it has to do without
downloads too. A tool that is not installed raises ImportError.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tagger.text import schemes
from tagger.text.conll import Corpus

_STEPS = 30
_BATCH = 32
_FLAIR_BATCH = 128


class Work(NamedTuple):
    """What is to be labelled.

    Attributes:
        sentences: as tokens.
        texts: the same as raw text.
    """

    sentences: Sequence[Sequence[str]]
    texts: Sequence[str]


Labels = Callable[[Work], int]
"""Labels some work and returns its number of tokens."""


def train_crfsuite(corpus: Corpus) -> Labels:
    """CRFsuite with the words, affixes, shapes and window of `crfsuite.py`; features are part of the work."""
    import crfsuite

    trained = crfsuite.train(corpus.sentences, crfsuite.describe_words)

    def label(work: Work) -> int:
        for words in work.sentences:
            trained.tagger.tag(trained.template(words))
        return sum(map(len, work.sentences))

    return label


def train_spacy(corpus: Corpus) -> Labels:
    """spaCy's blank English tokenizer and its named entity recognizer, from raw text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import spacy
        from spacy.training import Example

    nlp = spacy.blank("en")
    nlp.add_pipe("ner")

    def examples() -> Iterator[Any]:
        for sentence in corpus.sentences[: _STEPS * _BATCH]:
            doc = spacy.tokens.Doc(nlp.vocab, list(sentence.tokens))
            tags = schemes.convert(sentence.tags, corpus.scheme, schemes.Scheme.BILOU)
            yield Example.from_dict(doc, {"entities": tags})

    made = list(examples())
    nlp.initialize(lambda: made[:500])
    for start in range(0, len(made), _BATCH):
        nlp.update(made[start : start + _BATCH])
    return lambda work: sum(len(doc) for doc in nlp.pipe(work.texts))


def train_flair(corpus: Corpus) -> Labels:
    """Flair's SequenceTagger: words, characters, a BiLSTM and a CRF; making its objects is part of the work."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import flair
        import torch
        from flair.data import Dictionary, Sentence
        from flair.embeddings import CharacterEmbeddings, OneHotEmbeddings, StackedEmbeddings
        from flair.models import SequenceTagger

    flair.logger.setLevel("WARNING")  # it would print every word of its vocabulary

    def dictionary(items: Iterator[str]) -> Any:
        made = Dictionary()
        for item in dict.fromkeys(items):
            made.add_item(item)
        return made

    kept = corpus.sentences[: _STEPS * _BATCH]
    spans = [schemes.tags_to_spans(sentence.tags, corpus.scheme) for sentence in kept]
    types = Dictionary(add_unk=False)
    types.span_labels = True
    for type_ in sorted({span.type for found in spans for span in found}):
        types.add_item(type_)
    with tempfile.TemporaryDirectory() as folder:
        characters = str(Path(folder) / "characters")
        dictionary(char for sentence in kept for word in sentence.tokens for char in word).save(characters)
        words = dictionary(word for sentence in corpus.sentences for word in sentence.tokens)
        embeddings = StackedEmbeddings(
            [OneHotEmbeddings(words, embedding_length=100), CharacterEmbeddings(characters)]
        )
    labels = SequenceTagger(embeddings, types, tag_type="ner", tag_format="BIOES", hidden_size=128)
    optimizer = torch.optim.SGD(labels.parameters(), lr=0.1)
    for start in range(0, len(kept), _BATCH):
        batch = []
        for sentence, found in zip(kept[start : start + _BATCH], spans[start : start + _BATCH], strict=True):
            batch.append(Sentence(list(sentence.tokens)))
            for type_, first, end in found:
                batch[-1][first:end].add_label("ner", type_)
        optimizer.zero_grad()
        labels.forward_loss(batch)[0].backward()
        optimizer.step()

    def label(work: Work) -> int:
        labels.predict([Sentence(list(words)) for words in work.sentences], mini_batch_size=_FLAIR_BATCH)
        return sum(map(len, work.sentences))

    return label


RIVALS: dict[str, Callable[[Corpus], Labels]] = {
    "CRFsuite, tokens to tags": train_crfsuite,
    "spaCy, text to spans": train_spacy,
    "Flair, tokens to spans": train_flair,
}
