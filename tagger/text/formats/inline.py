"""Labelled sentences -> lines of text with a tag around each span: `<PER>Ada Lovelace</PER> was born in ...`.

`&`, `<` and `>` of the text are written as in XML, and so are line ends, for a sentence is one line. The text comes
back exactly when the tags are taken out and the entities read. The lines have no root and their types may be any
string: this is for people and for simple scripts, not for an XML parser.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tagger.text.formats.sentence import LabelledSentence, pieces

_ENTITIES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", **{end: f"&#{ord(end)};" for end in "\n\r\v\f\x85\u2028\u2029"}}
)


def write_inline(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield one line for each sentence."""
    for sentence in sentences:
        parts: list[str] = []
        for text, span in pieces(sentence):
            escaped = text.translate(_ENTITIES)
            if span is None:
                parts.append(escaped)
            else:
                kind = span.type.translate(_ENTITIES)
                parts.append(f"<{kind}>{escaped}</{kind}>")
        yield "".join(parts) + "\n"
