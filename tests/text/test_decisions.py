"""Ids that carry decisions: what is spelt is read back, and nothing is carried out that wasn't decided so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import DataError
from tagger.text.conll import Corpus, Sentence
from tagger.text.decisions import Decision, carry_out, decide, find_state, parse_id, spell_id
from tagger.text.schemes import Scheme, Span

TYPES = st.text(min_size=0, max_size=6)


def make_corpus(*rows: str, scheme: Scheme = Scheme.IOB2) -> Corpus:
    """Make a corpus of sentences of tags; the tokens are letters."""
    sentences = [
        Sentence(tuple("abcdefgh"[: len(row.split())]), tuple(row.split()), line=10 * number + 1)
        for number, row in enumerate(rows)
    ]
    return Corpus("x.conll", tuple(sentences), scheme, "", ())


@given(
    sentence=st.integers(0, 10**9),
    start=st.integers(0, 10**6),
    types=st.lists(TYPES, max_size=3),
    state=st.text(max_size=8),
)
def test_an_id_carries_its_decision(sentence: int, start: int, types: list[str], state: str) -> None:
    spans = tuple(Span(type_, start + 2 * place, start + 2 * place + 1) for place, type_ in enumerate(types))
    decision = Decision(sentence, start, start + max(1, 2 * len(types)), spans)
    spelt = spell_id(decision, state)
    assert parse_id(spelt, state, "x") == decision
    assert spelt.isascii()
    assert not set(spelt) & set(" ,;#@'\"\\$&|<>()*?![]{}~\n\t")


@given(st.sampled_from("0123456789abcdefABCO-.=+:%"), st.integers(0, 22))
def test_a_changed_id_is_refused(letter: str, place: int) -> None:
    spelt = spell_id(Decision(56, 3, 5, (Span("PER", 3, 5),)), "state")
    changed = spelt[:place] + letter + spelt[place + 1 :]
    if changed != spelt:
        with pytest.raises(DataError, match=r"expected an id|is of another corpus"):
            parse_id(changed, "state", "x")


def test_ids_of_another_state_are_refused() -> None:
    before, after = make_corpus("B-X O"), make_corpus("B-X B-X")
    spelt = spell_id(Decision(0, 1, 2, (Span("X", 1, 2),)), find_state(before))
    assert decide(before, [spelt, spelt]) == [Decision(0, 1, 2, (Span("X", 1, 2),))]
    with pytest.raises(
        DataError, match=r"x\.conll: the id 1\.1-2=X\.\w{8} is of another corpus, or of another state"
    ):
        decide(after, [spelt])


def test_two_decisions_about_the_same_tokens_are_refused() -> None:
    corpus = make_corpus("O O O")
    state = find_state(corpus)
    ids = [spell_id(Decision(0, start, start + 2, ()), state) for start in (0, 1)]
    with pytest.raises(DataError, match="decide about the same tokens; leave one of them out"):
        decide(corpus, ids)


@pytest.mark.parametrize(
    ("scheme", "before", "decision", "after"),
    [
        (Scheme.IOB2, "O B-X O", Decision(0, 1, 2, (Span("Y", 1, 2),)), "O B-Y O"),
        (Scheme.IOB2, "O B-X O", Decision(0, 1, 2, ()), "O O O"),
        (Scheme.IOB2, "B-X B-Y I-Y O", Decision(0, 1, 4, (Span("Y", 1, 4),)), "B-X B-Y I-Y I-Y"),
        (Scheme.BIOES, "S-X B-Y E-Y", Decision(0, 1, 3, (Span("Y", 1, 2), Span("X", 2, 3))), "S-X S-Y S-X"),
        (Scheme.BARE, "A B C", Decision(0, 1, 2, (Span("D", 1, 2),)), "A D C"),
        # what is odd stays as it is elsewhere ...
        (Scheme.IOB2, "I-X O B-Y", Decision(0, 2, 3, ()), "I-X O O"),
        (Scheme.IOB2, "B-X ? B-Y", Decision(0, 2, 3, ()), "B-X ? O"),
        # ... unless it would be read otherwise behind the new label
        (Scheme.IOB2, "B-Y I-X", Decision(0, 0, 1, (Span("X", 0, 1),)), "B-X B-X"),
        (Scheme.IOB1, "I-Y I-X", Decision(0, 0, 1, (Span("X", 0, 1),)), "I-X B-X"),
        (Scheme.IOB1, "I-X B-X", Decision(0, 0, 1, (Span("Y", 0, 1),)), "I-Y B-X"),
    ],
)
def test_carrying_out(scheme: Scheme, before: str, decision: Decision, after: str) -> None:
    [(number, sentence)] = carry_out(make_corpus(before, scheme=scheme), [decision]).items()
    assert (number, sentence.tags) == (0, tuple(after.split()))


def test_what_is_so_already_changes_nothing() -> None:
    corpus = make_corpus("O B-X O")
    assert carry_out(corpus, [Decision(0, 1, 2, (Span("X", 1, 2),))]) == {}
