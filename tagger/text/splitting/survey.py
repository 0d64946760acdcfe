"""What one pass keeps of a corpus that is to be split: numbers, some 50 bytes a sentence, and never a token."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence

from tagger.text import schemes
from tagger.text.audit.labels import digest_of
from tagger.text.conll import Sentence
from tagger.text.schemes import Scheme, Task, name_type


class SentenceSurvey:
    """The sentences of a file, numbered from 0 in their order.

    Attributes:
        digests: what stands for the tokens of each.
        documents: the document of each.
        sizes: tokens of each.
        first_lines, last_lines: of each, counted from 1.
        types: the types of spans, each once; of bare labels the tags.
    """

    def __init__(self, sentences: Iterable[Sentence], scheme: Scheme, task: Task) -> None:
        self.digests, self.documents, self.sizes = array("Q"), array("q"), array("q")
        self.first_lines, self.last_lines = array("q"), array("q")
        self._codes: dict[str, int] = {}
        self._counted = array("q")  # type, count, type, count of all sentences, one after the other
        self._ends = array("q", [0])
        for sentence in sentences:
            self._add(sentence, scheme, task)

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def types(self) -> Sequence[str]:
        return tuple(self._codes)

    def types_of(self, number: int) -> dict[int, int]:
        """Return how many spans of each type a sentence has; types are numbers of `types`."""
        pairs = self._counted[self._ends[number] : self._ends[number + 1]]
        return dict(zip(pairs[::2], pairs[1::2], strict=True))

    def _add(self, sentence: Sentence, scheme: Scheme, task: Task) -> None:
        self.digests.append(digest_of(sentence.tokens))
        self.documents.append(sentence.document)
        self.sizes.append(len(sentence))
        self.first_lines.append(sentence.line)
        self.last_lines.append(sentence.line_of(len(sentence) - 1))
        if sentence.tags:
            for type_, count in Counter(
                span.type for span in schemes.labels_of(sentence.tags, scheme)
            ).items():
                name = name_type(type_, task)
                self._counted.extend((self._codes.setdefault(name, len(self._codes)), count))
        self._ends.append(len(self._counted))
