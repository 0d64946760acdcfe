"""What an audit keeps of sentences, against lists that keep everything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tagger.text.audit.labels import LabelStore, LocatedTags, digest_of


@given(st.lists(st.tuples(st.lists(st.integers(0, 300), min_size=1, max_size=9), st.booleans())))
def test_labels_come_back_as_they_went_in(sentences):
    store, expected, line = LabelStore(), [], 1
    for numbers, has_gaps in sentences:
        tags = tuple(f"B-{number}" for number in numbers)
        lines = tuple(range(line, line + 2 * len(tags), 2)) if has_gaps else ()
        store.append(tags, line, lines)
        expected.append((tags, list(lines or range(line, line + len(tags)))))
        line += 2 * len(tags) + 1
    assert [(tags, list(lines)) for tags, lines in store] == expected
    assert [store.tags_written(i) for i in range(len(store))] == [tags for tags, _ in expected]
    assert [store.first_line(i) for i in range(len(store))] == [lines[0] for _, lines in expected]


def test_more_tags_than_the_items_of_an_array_can_tell():
    store = LabelStore()
    tags = [f"T{i}" for i in range(70_000)]
    for start in range(0, len(tags), 100):
        store.append(tags[start : start + 100], start)
    assert [tag for labels in store for tag in labels.tags] == tags


def test_tags_read_as_others_stand_as_they_were_written():
    store = LabelStore()
    store.append(["b-x", "O"], 1)
    store.read_as({"b-x": "B-x"})
    assert list(store) == [LocatedTags(("B-x", "O"), range(1, 3))]
    assert store.tags_written(0) == ("b-x", "O")


@given(st.lists(st.text(st.characters(exclude_characters="\n"), min_size=1), max_size=4))
def test_a_digest_tells_tokens_apart(tokens):
    assert digest_of(tokens) == digest_of(tuple(tokens))
    assert digest_of(tokens) != digest_of([*tokens, "a"])
    assert digest_of([*tokens, "a", "b"]) != digest_of([*tokens, "ab"])


def test_a_digest_is_the_same_in_every_process():
    assert digest_of(["a", "b"]) == 0xA76DE9F2D561975F  # printf 'a\nb' | b2sum -l 64
