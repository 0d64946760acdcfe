"""Other labellers, trained briefly so that their speed of labelling can be measured: a program of their own Python.

    .peers/NAME/bin/python benchmarks/rivals.py NAME WORK     # what `prediction.py --rivals` runs

WORK is a JSON file: `train` with tokens and their BILOU tags, `sentences` as tokens and the same as `texts`. A tool
learns and says so by a line of zeros; then, for each line that comes in, it labels all and prints tokens and seconds
as JSON. How fast they label hardly depends on what they learnt, so CRFsuite is trained as usual, the others for a few
steps. Nothing is downloaded: spaCy has its blank English pipeline; Flair's network has the sizes of tagger's default
and embeddings of words that are drawn; Stanza's has its own defaults, such embeddings too, and no language model of
characters. This file needs nothing of tagger's.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

_STEPS = 30
_BATCH = 32
_FLAIR_BATCH = 128
Labelled = tuple[Sequence[str], Sequence[str]]
"""The tokens of a sentence and their tags in BILOU."""


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


def train_crfsuite(train: Sequence[Labelled]) -> Labels:
    """CRFsuite with the words, affixes, shapes and window of `templates.py`; features are part of the work."""
    import pycrfsuite
    from templates import PENALTIES, describe_words

    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params(PENALTIES)
    for tokens, tags in train:
        trainer.append(describe_words(tokens), tags)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.crfsuite")
        trainer.train(path)
        tagger = pycrfsuite.Tagger()
        tagger.open(path)

    def label(work: Work) -> int:
        for words in work.sentences:
            tagger.tag(describe_words(words))
        return sum(map(len, work.sentences))

    return label


def train_spacy(train: Sequence[Labelled]) -> Labels:
    """spaCy's blank English tokenizer and its named entity recognizer, from raw text."""
    import spacy
    from spacy.training import Example

    nlp = spacy.blank("en")
    nlp.add_pipe("ner")
    made = [
        Example.from_dict(spacy.tokens.Doc(nlp.vocab, list(tokens)), {"entities": tags})
        for tokens, tags in train[: _STEPS * _BATCH]
    ]
    nlp.initialize(lambda: made[:500])
    for start in range(0, len(made), _BATCH):
        nlp.update(made[start : start + _BATCH])
    return lambda work: sum(len(doc) for doc in nlp.pipe(work.texts))


def train_flair(train: Sequence[Labelled]) -> Labels:
    """Flair's SequenceTagger: words, characters, a BiLSTM and a CRF; making its objects is part of the work."""
    import flair
    import torch
    from flair.data import Dictionary, Sentence
    from flair.embeddings import CharacterEmbeddings, OneHotEmbeddings, StackedEmbeddings
    from flair.models import SequenceTagger

    flair.logger.setLevel("WARNING")  # it would print every word of its vocabulary
    torch.set_num_threads(1)

    def dictionary(items: Iterator[str]) -> Any:
        made = Dictionary()
        for item in dict.fromkeys(items):
            made.add_item(item)
        return made

    kept = train[: _STEPS * _BATCH]
    types = Dictionary(add_unk=False)
    types.span_labels = True
    for type_ in sorted({tag[2:] for _, tags in kept for tag in tags if tag != "O"}):
        types.add_item(type_)
    with tempfile.TemporaryDirectory() as folder:
        characters = str(Path(folder) / "characters")
        dictionary(char for tokens, _ in kept for word in tokens for char in word).save(characters)
        words = dictionary(word for tokens, _ in train for word in tokens)
        embeddings = StackedEmbeddings(
            [OneHotEmbeddings(words, embedding_length=100), CharacterEmbeddings(characters)]
        )
    labels = SequenceTagger(embeddings, types, tag_type="ner", tag_format="BIOES", hidden_size=128)
    optimizer = torch.optim.SGD(labels.parameters(), lr=0.1)
    for start in range(0, len(kept), _BATCH):
        batch = []
        for tokens, tags in kept[start : start + _BATCH]:
            batch.append(Sentence(list(tokens)))
            for type_, first, end in _find_spans(tags):
                batch[-1][first:end].add_label("ner", type_)
        optimizer.zero_grad()
        labels.forward_loss(batch)[0].backward()
        optimizer.step()

    def label(work: Work) -> int:
        labels.predict([Sentence(list(words)) for words in work.sentences], mini_batch_size=_FLAIR_BATCH)
        return sum(map(len, work.sentences))

    return label


def _find_spans(tags: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield type, first token and end of each span of BILOU tags."""
    first = 0
    for place, tag in enumerate(tags):
        if tag[0] in "BU":
            first = place
        if tag[0] in "LU":
            yield tag[2:], first, place + 1


def train_stanza(train: Sequence[Labelled]) -> Labels:
    """Stanza's NER model, from tokens; making its documents is part of the work."""
    import torch
    from stanza.models.common.doc import Document
    from stanza.models.ner.data import DataLoader
    from stanza.models.ner.trainer import Trainer
    from stanza.models.ner_tagger import parse_args

    torch.set_num_threads(1)
    settings = parse_args(["--no_pretrain", "--shorthand", "en_work", "--batch_size", str(_BATCH)])
    settings["cuda"] = False

    def load(sentences: Sequence[Labelled], vocab: Any) -> Any:
        words = [
            [
                {"id": (n + 1,), "text": token, "ner": tag}
                for n, (token, tag) in enumerate(zip(*each, strict=True))
            ]
            for each in sentences
        ]
        is_training = vocab is None
        return DataLoader(Document(words), _BATCH, settings, None, vocab=vocab, evaluation=not is_training)

    bioes = str.maketrans("LU", "ES")
    batches = load(
        [(tokens, [tag[0].translate(bioes) + tag[1:] for tag in tags]) for tokens, tags in train], None
    )
    trainer = Trainer(args=settings, vocab=batches.vocab, device="cpu")
    for _, batch in zip(range(_STEPS), batches, strict=False):
        trainer.update(batch)

    def label(work: Work) -> int:
        for batch in load([(words, ["O"] * len(words)) for words in work.sentences], batches.vocab):
            trainer.predict(batch)
        return sum(map(len, work.sentences))

    return label


RIVALS: dict[str, tuple[str, Callable[[Sequence[Labelled]], Labels]]] = {
    "python-crfsuite": ("CRFsuite, tokens to tags", train_crfsuite),
    "spacy": ("spaCy, text to spans", train_spacy),
    "flair": ("Flair, tokens to spans", train_flair),
    "stanza": ("Stanza, tokens to tags", train_stanza),
}
"""What each does, and how it is trained, by the name of its package."""


def main(name: str, path: str) -> None:
    """Learn, then label once a line."""
    told = json.loads(Path(path).read_text(encoding="utf-8"))
    work = Work(told["sentences"], told["texts"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        label = RIVALS[name][1]([tuple(each) for each in told["train"]])
        print(json.dumps({"tokens": 0, "wall": 0, "used": 0}), flush=True)  # ready
        for _ in sys.stdin:
            wall, used = time.perf_counter(), time.process_time()
            tokens = label(work)
            wall, used = time.perf_counter() - wall, time.process_time() - used
            print(json.dumps({"tokens": tokens, "wall": wall, "used": used}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
