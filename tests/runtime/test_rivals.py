"""What else the tokens of a span could be, against every reading there is."""

from __future__ import annotations

import json

import numpy as np
import pytest
from oracles import BruteForceCRF
from toy_models import make_model, random_sentences

from tagger.errors import ConfigError
from tagger.runtime import rivals as module
from tagger.runtime.decode import Decoder
from tagger.runtime.questions import Question
from tagger.runtime.tagger import Tagger
from tagger.text.formats.jsonl import write_jsonl
from tagger.text.schemes import Scheme, Span, spans_to_tags

WORDS = {"scheme": "BMES", "mode": "characters", "has_outside": False}
MODELS = {
    "BIOES": {"scheme": "BIOES"},
    "IOB1": {"scheme": "IOB1"},
    "IO": {"scheme": "IO"},
    "words": WORDS | {"types": ("",)},
    "typed words": WORDS | {"types": ("NN", "VV")},
    "bare": {"scheme": "BARE"},
    "softmax": {"scheme": "IOB2", "decoder__kind": "softmax"},
    "without types": {"scheme": "IOB2", "types": ("",)},
}
TEMPERATURE = 1.7
TOKENS = 4


def enumerate_rivals(decoder, every, span):
    """Return {(type, start, end): probability} of all that could be there instead of a span."""
    table = decoder.table
    rows = {tag: row for row, tag in enumerate(table.inside.tolist())}
    if table.inner is Scheme.BARE:
        runs = {(None if tag == "O" else tag, span.start, span.end): [row] for tag, row in rows.items()}
    else:
        named = {
            (name, type_)
            for name, type_, is_outside in zip(table.names, table.types, table.is_outside, strict=True)
            if not is_outside
        }
        runs = {
            (name, start, end): [
                rows[tag] for tag in spans_to_tags([Span(type_, 0, end - start)], end - start, Scheme.BIOES)
            ]
            for name, type_ in named
            for start in range(max(0, span.start - 2), min(span.end, span.start + 3))
            for end in range(max(start, span.start, span.end - 3) + 1, min(TOKENS, span.end + 2) + 1)
            if span.end - 2 <= end
        }
        if "O" in rows:
            runs[None, span.start, span.end] = [rows["O"]] * (span.end - span.start)
    del runs[span.type, span.start, span.end]
    return {place: every.span(place[1], run) for place, run in runs.items()}


@pytest.mark.parametrize(
    ("kind", "given"),
    [(kind, given) for kind in MODELS for given in ("nothing", "known tags")]
    + [("words", "parted"), ("typed words", "parted"), ("BIOES", "parted")],
)
def test_rivals_have_the_probabilities_of_enumeration(kind, given):
    model = make_model(**MODELS[kind]).with_fitted(temperature=TEMPERATURE)
    decoder = Decoder(model)
    size = len(model.lexicon.tags)
    generator = np.random.default_rng(11)
    emissions = generator.normal(size=(3 * TOKENS, size)).astype(np.float32) * 2
    allowed = np.ones((3 * TOKENS, size), dtype=bool)
    known = parted = None
    if given == "known tags":
        tags = sorted(set(decoder.table.outside.tolist()))
        known = [None, [None, set(tags[:-1]), None, None], None]
        allowed[TOKENS + 1] = [tag in tags[:-1] for tag in decoder.table.outside]
    elif given == "parted":
        parted = np.zeros(3 * TOKENS, dtype=bool)
        parted[[2, TOKENS + 1]] = True
        allowed[parted] = decoder.table.begins | decoder.table.is_outside
        allowed[np.append(parted[1:], False)] = decoder.table.ends | decoder.table.is_outside
    question = Question(min_confidence=0.0, rivals=400)
    found = decoder.decode(emissions, [TOKENS] * 3, question, known, parted=parted)
    few = decoder.decode(emissions, [TOKENS] * 3, question._replace(rivals=2), known, parted=parted)
    weights = [np.zeros(size), np.zeros((size, size)), np.zeros(size)]
    is_chain = kind != "softmax"
    if is_chain:
        weights = [
            model.weights[f"decoder.{name}"]
            for name in ("start_transitions", "transitions", "end_transitions")
        ]
    seen = 0
    for number, (labelling, shorter) in enumerate(zip(found, few, strict=True)):
        part = slice(number * TOKENS, (number + 1) * TOKENS)
        every = BruteForceCRF(
            emissions[part] / TEMPERATURE,
            *(each / TEMPERATURE for each in weights),
            tuple(model.constraints) if is_chain else None,
            allowed[part].tolist(),
        )
        assert len(labelling.rivals) == len(labelling.spans)
        for span, rivals in zip(labelling.spans, labelling.rivals, strict=True):
            expected = enumerate_rivals(decoder, every, span)
            got = {rival[:3]: rival.confidence for rival in rivals}
            assert len(got) == len(rivals)
            likely = {place: chance for place, chance in expected.items() if chance > 1.1e-4}
            assert got.keys() >= likely.keys()
            assert got == pytest.approx({place: expected[place] for place in got}, abs=1e-5)
            chances = [rival.confidence for rival in rivals]
            assert chances == sorted(chances, reverse=True)
            seen += len(rivals)
        assert shorter.rivals == [rivals[:2] for rivals in labelling.rivals]
    assert seen


def test_nobody_gets_rivals_who_did_not_ask():
    labels = Tagger(make_model())
    sentences = random_sentences(20)
    assert all(each.rivals is None for each in labels.predict_tokens(sentences, nbest=2))
    asked = labels.predict_tokens([*sentences, []], rivals=3)
    assert [each.spans for each in asked[:-1]] == [each.spans for each in labels.predict_tokens(sentences)]
    assert asked[-1].rivals == []
    assert asked[-1].spans == []


def test_rivals_stand_beside_the_spans_that_are_given():
    labels = Tagger(make_model())
    sentences = random_sentences(30)
    everything = labels.predict_tokens(sentences, min_confidence=0.0, rivals=3)
    kept = labels.predict_tokens(sentences, min_confidence=0.5, rivals=3)
    for all_of, some in zip(everything, kept, strict=True):
        beside = dict(zip(all_of.spans, all_of.rivals, strict=True))
        assert some.rivals == [beside[span] for span in some.spans]
    assert sum(len(each.spans) for each in everything) > sum(len(each.spans) for each in kept)


def test_many_types_are_looked_at_some_spans_at_a_time(monkeypatch):
    labels = Tagger(make_model("BIOES"))
    sentences = random_sentences(30)
    at_once = labels.predict_tokens(sentences, rivals=4)
    monkeypatch.setattr(module, "_CELLS", 1)
    assert labels.predict_tokens(sentences, rivals=4) == at_once


def test_a_long_sentence_has_its_rivals_where_its_spans_are(monkeypatch):
    labels = Tagger(make_model())
    words = random_sentences(40)
    joined = [word for sentence in words for word in sentence]
    monkeypatch.setattr("tagger.runtime.decode.LONGEST_CHAIN", 128)
    (found,) = labels.predict_tokens([joined], min_confidence=0.0, rivals=3)
    for span, rivals in zip(found.spans, found.rivals, strict=True):
        assert all(
            abs(rival.start - span.start) <= 2
            and abs(rival.end - span.end) <= 2
            and rival.start < span.end
            and span.start < rival.end
            for rival in rivals
        )
    assert sum(map(len, found.rivals)) > len(found.spans)


def test_rivals_are_laid_over_the_text():
    labels = Tagger(make_model("BIOES"))
    text = "Ada met Li. In New York 😀 Li spoke."
    found = labels.predict(text, min_confidence=0.0, rivals=3)
    assert any(rivals for sentence in found for rivals in sentence.rivals)
    for sentence in found:
        for rivals in sentence.rivals:
            assert all(text[rival.start : rival.end] == rival.text for rival in rivals)
        (line,) = write_jsonl([sentence])
        assert json.loads(line) == sentence.as_dict()
        assert all("rivals" in span for span in json.loads(line)["spans"])


def test_a_number_of_rivals_below_0_is_an_error():
    with pytest.raises(ConfigError, match="rivals: found -1, expected 0"):
        Tagger(make_model()).predict("Ada", rivals=-1)


@pytest.mark.parametrize("kind", MODELS)
def test_any_span_is_weighed_as_it_is_where_it_is_found(kind):
    """Found spans have their confidences, by another road, and others what they have as rivals."""
    labels = Tagger(make_model(**MODELS[kind]).with_fitted(temperature=TEMPERATURE))
    sentences = [*random_sentences(30), []]
    documents = [number // 3 for number in range(len(sentences))]
    asked = labels.predict_tokens(sentences, documents=documents, rivals=5)
    spans = [
        [Span(*span[:3]) for span in each.spans]
        + [Span(*rival[:3]) for rivals in each.rivals for rival in rivals if rival.type is not None]
        + [Span("none of its types", 0, len(each.tags))] * bool(each.tags)
        for each in asked
    ]
    expected = [
        [span.confidence for span in each.spans]
        + [rival.confidence for rivals in each.rivals for rival in rivals if rival.type is not None]
        + [None] * bool(each.tags)
        for each in asked
    ]
    found = labels.weigh(sentences, spans, documents=documents)
    assert sum(map(len, expected)) > 60
    for ours, theirs in zip(found, expected, strict=True):
        assert ours[:-1] == pytest.approx(theirs[:-1], abs=1e-5)
        assert ours[-1:] == theirs[-1:]
