"""The sentences of a corpus at their places in texts: what writers get. `alignment` is the way here.

A sentence that was cut from a text stands where it stood. One that has none (columns) gets a text: its tokens joined,
the next sentence of its document one character behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from tagger.text.conll import Excerpt, Sentence, SourceText
from tagger.text.conll.surface import find_in_order, find_text, is_derived
from tagger.text.counting import Note, overlook
from tagger.text.formats.sentence import LabelledSentence, LabelledSpan
from tagger.text.schemes import UNKNOWN_TAG, Scheme, Span, Task, name_type, spans_to_tags, tags_to_spans
from tagger.text.tokenizer import Mode, detect_mode

Offsets = tuple[int, int]


def locate_tokens(sentence: Sentence, joiner: str = " ") -> tuple[str, tuple[Offsets, ...]]:
    """Return a text for a sentence that has none, and the offsets of its tokens in it.

    The text is the `# text` above it where that holds the tokens in their order, else the tokens joined.

    >>> locate_tokens(Sentence(("Hi", "!"), comments=("# text = Hi!",)))
    ('Hi!', ((0, 2), (2, 3)))
    """
    told = find_text(sentence.comments)
    if told is not None and (found := find_in_order(sentence.tokens, told)) is not None:
        return told, found
    offsets = []
    start = 0
    for token in sentence.tokens:
        offsets.append((start, start + len(token)))
        start += len(token) + len(joiner)
    return joiner.join(sentence.tokens), tuple(offsets)


def locate_sentences(
    sentences: Iterable[Sentence],
    scheme: Scheme,
    name: str,
    note: Note = overlook,
    task: Task = Task.LABELS,
) -> Iterator[LabelledSentence]:
    """Yield the sentences of a corpus at their places in their documents.

    Args:
        sentences: gone through twice where they have no texts.
        scheme: of their tags.
        name: of the first document, where the file names none; the others have their number behind it.
        note: told of what does not fit: spans on the same characters.
        task: what the tags say.
    """
    return (located for _, located in _locate(sentences, scheme, name, note, task))


def locate_texts(
    sentences: Iterable[Sentence],
    scheme: Scheme,
    name: str,
    note: Note = overlook,
    task: Task = Task.LABELS,
) -> Iterator[tuple[SourceText, LabelledSentence]]:
    """Yield the texts of a corpus, each as if it were one sentence; the arguments are those of `locate_sentences`."""
    run: list[LabelledSentence] = []
    current: SourceText | None = None
    for source, located in _locate(sentences, scheme, name, note, task):
        if current is not None and source is not current:
            yield current, _join(run)
            run = []
        current = source
        run.append(located)
    if current is not None:
        yield current, _join(run)


def part_words(sentence: Sentence) -> Sentence:
    """Return a sentence with a place for each word, though a text writes several as one multiword token.

    They stand in the text one after the other (`did` and `n't`), or else the text is the words with blanks between.
    """
    excerpt = sentence.excerpt
    if excerpt is None or len(set(excerpt.tokens)) == len(excerpt.tokens):
        return sentence
    found = find_in_order(sentence.tokens, excerpt.text)
    if found is not None:
        shift = excerpt.start
        return replace(
            sentence,
            excerpt=replace(excerpt, tokens=tuple((shift + start, shift + end) for start, end in found)),
        )
    text, offsets = locate_tokens(replace(sentence, comments=()))
    source = replace(excerpt.source, text=f"{text}\n", start=(excerpt.source.start or 0) + excerpt.start)
    return replace(sentence, excerpt=Excerpt(source, 0, len(source.text), offsets))


def note_comments(comments: Iterable[str], note: Note) -> None:
    """Note the comments of a sentence that are left out; a text and its place aren't lost with them."""
    for comment in comments:
        if not is_derived(comment):
            note("comment", "left out: the format holds none", "")


def _join(run: Sequence[LabelledSentence]) -> LabelledSentence:
    """Return the sentences of a text as one."""
    if len(run) == 1:
        return run[0]
    return replace(
        run[0],
        end=run[-1].end,
        text="".join(sentence.text for sentence in run),
        tokens=[token for sentence in run for token in sentence.tokens],
        spans=[span for sentence in run for span in sentence.spans],
        starts=tuple(sentence.start for sentence in run),
        comments=tuple(comment for sentence in run for comment in sentence.comments),
    )


def _locate(
    sentences: Iterable[Sentence], scheme: Scheme, name: str, note: Note, task: Task
) -> Iterator[tuple[SourceText, LabelledSentence]]:
    """Yield the sentences, each with its source; a text that says nothing of its document begins at 0."""
    joiner: str | None = None
    document, reached = -1, 0
    for sentence in sentences:
        if sentence.document != document:
            document, reached = sentence.document, 0
        excerpt = sentence.excerpt
        if excerpt is None:
            joiner = find_joiner(sentences) if joiner is None else joiner
            excerpt = _lay_out(sentence, joiner, reached)
            reached += excerpt.end + 1
        doc = excerpt.source.name or (f"{name}#{document}" if document else name)
        yield excerpt.source, _label(sentence, excerpt, scheme, doc, note, task)


def _lay_out(sentence: Sentence, joiner: str, start: int) -> Excerpt:
    text, offsets = locate_tokens(sentence, joiner)
    return Excerpt(SourceText(text, None, start), 0, len(text), offsets)


def _label(
    sentence: Sentence, excerpt: Excerpt, scheme: Scheme, doc: str, note: Note, task: Task
) -> LabelledSentence:
    """Return a sentence at its place in its document."""
    text, base = excerpt.source.text, excerpt.source.start or 0
    found = tags_to_spans(sentence.tags, scheme)
    tokens: list[tuple[int, int, str]]
    if len(set(excerpt.tokens)) < len(excerpt.tokens):
        places, tags, found = _merge_words(sentence, excerpt, scheme, found, note)
    else:
        places, tags = excerpt.tokens, sentence.tags
    tokens = [(base + start, base + end, tag) for (start, end), tag in zip(places, tags, strict=True)]
    spans = []
    for kind, first, last in found:
        start, end = places[first][0], places[last - 1][1]
        name = name_type(kind, task)
        confidence = excerpt.confidences.get((name, start, end)) if excerpt.confidences else None
        spans.append(LabelledSpan(name, base + start, base + end, text[start:end], confidence))
    return LabelledSentence(
        doc=doc,
        start=base + excerpt.start,
        end=base + excerpt.end,
        text=excerpt.text,
        tokens=tokens,
        spans=spans,
        comments=sentence.comments,
        task=task,
    )


def _merge_words(
    sentence: Sentence, excerpt: Excerpt, scheme: Scheme, found: Iterable[Span], note: Note
) -> tuple[Sequence[Offsets], Sequence[str], list[Span]]:
    """Make one token of the words of each multiword token: its characters carry one label at most.

    A span that begins or ends at one of the words covers the whole of it: `de le parc`, written `du parc`, with a
    name of `le parc`, is `du parc`. Where that meets another span, the one before stays.

    Returns:
        The offsets of the tokens, their tags, and the spans of them.
    """
    places = list(dict.fromkeys(excerpt.tokens))
    numbers = {place: i for i, place in enumerate(places)}
    token_of = [numbers[place] for place in excerpt.tokens]
    kept: list[Span] = []
    for kind, first, last in found:
        span = Span(kind, token_of[first], token_of[last - 1] + 1)
        if kept and span.start < kept[-1].end:
            note("span", "on a multiword token that another one holds, left out", f"line {sentence.line}")
        else:
            kept.append(span)
    tags = spans_to_tags(kept, len(places), scheme)
    unknown = set(range(len(places)))
    for word, token in enumerate(token_of):
        if sentence.tags[word] != UNKNOWN_TAG:
            unknown.discard(token)
    for token in unknown:
        tags[token] = UNKNOWN_TAG
    note("sentence", "with multiword tokens, each taken as one token", f"line {sentence.line}")
    return places, tags, kept


def find_joiner(sentences: Iterable[Sentence]) -> str:
    """Return what stands between tokens in a text: nothing where they are characters, else a blank."""
    return "" if detect_mode(sentence.tokens for sentence in sentences) is Mode.CHARACTERS else " "
