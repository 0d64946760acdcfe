"""A spaCy pipeline component: `nlp.add_pipe("tagger_ner", config={"model": DIR})` sets `doc.ents`.

spaCy cuts the text, the model labels spaCy's tokens. Sentences are those that a component before this one marked; a
document without marks is read as a whole. Bare labels (parts of speech) go to `token.tag_`. Each span's probability
stands in `span._.confidence`. spaCy is an extra: this module alone imports it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from tagger.api.sources import load
from tagger.errors import ConfigError
from tagger.runtime.questions import Labelling
from tagger.runtime.tagger import Tagger
from tagger.text.schemes import Scheme

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Span

NAME = "tagger_ner"
_DEFAULTS = {"model": "", "min_confidence": None}


def create(nlp: Language, name: str, model: str, min_confidence: float | None) -> TaggerComponent:
    """Make the component; spaCy calls this.

    Raises:
        ConfigError: no model directory was given.
        ModelError: it is not one.
    """
    if not model:
        raise ConfigError(
            'found no model directory; give one: nlp.add_pipe("tagger_ner", config={"model": DIR})', "model"
        )
    return TaggerComponent(load(model), min_confidence)


class TaggerComponent:
    """Labels documents of spaCy.

    Args:
        tagger: the model.
        min_confidence: spans below it are left out; None: as training chose, 0: none.
    """

    def __init__(self, tagger: Tagger, min_confidence: float | None = None) -> None:
        from spacy.tokens import Span

        self._tagger = tagger
        self._min_confidence = min_confidence
        if not Span.has_extension("confidence"):
            Span.set_extension("confidence", default=None)

    def __call__(self, doc: Doc) -> Doc:
        """Label one document."""
        self._label([doc])
        return doc

    def pipe(self, docs: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Label documents, several at once."""
        stream = iter(docs)
        while batch := list(islice(stream, batch_size)):
            self._label(batch)
            yield from batch

    def _label(self, docs: Sequence[Doc]) -> None:
        owners = [(number, sentence) for number, doc in enumerate(docs) for sentence in _sentences(doc)]
        kept = [[token.i for token in sentence if not token.is_space] for _, sentence in owners]
        words = [
            [docs[number][place].text for place in places]
            for (number, _), places in zip(owners, kept, strict=True)
        ]
        labellings = self._tagger.predict_tokens(
            words, documents=[number for number, _ in owners], min_confidence=self._min_confidence
        )
        found: list[list[Span]] = [[] for _ in docs]
        for (number, _), places, labelling in zip(owners, kept, labellings, strict=True):
            found[number] += self._mark(docs[number], places, labelling)
        for doc, spans in zip(docs, found, strict=True):
            if self._tagger.model.scheme is not Scheme.BARE:
                doc.set_ents(spans)

    def _mark(self, doc: Doc, places: Sequence[int], labelling: Labelling) -> list[Span]:
        from spacy.tokens import Span

        if self._tagger.model.scheme is Scheme.BARE:
            for place, tag in zip(places, labelling.tags, strict=True):
                doc[place].tag_ = tag
            return []
        spans: list[Span] = []
        for type_, start, end, confidence in labelling.spans:
            span: Any = Span(doc, places[start], places[end - 1] + 1, label=type_)
            span._.confidence = confidence
            spans.append(span)
        return spans


def _sentences(doc: Doc) -> Iterable[Span]:
    return doc.sents if doc.has_annotation("SENT_START") else ([doc[:]] if len(doc) else [])


def register() -> None:
    """Tell spaCy about the component; the entry point `spacy_factories` makes this happen by itself."""
    from spacy.language import Language

    if not Language.has_factory(NAME):
        Language.factory(NAME, default_config=_DEFAULTS, func=create)


register()
