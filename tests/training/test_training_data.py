"""From files to what training needs: the split, what is settled and what is said about each corpus."""

from __future__ import annotations

import random

import pytest

from tagger import config
from tagger.config import Config
from tagger.errors import DataError
from tagger.text.schemes import Scheme, convert
from tagger.training.data import build_lexicon, describe_corpus, encode_training, read_corpora


@pytest.fixture
def write(tmp_path):
    def write_file(content: str, name: str = "train.conll"):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write_file


def rows(*sentences: str) -> str:
    """`Anna/B-PER left/O` as column text."""
    return (
        "\n\n".join("\n".join(pair.replace("/", " ") for pair in each.split()) for each in sentences) + "\n"
    )


TRAIN = rows(
    "Anna/B-PER left/O Rome/B-LOC", "Bert/B-PER left/O", "Anna/B-PER left/O Rome/B-LOC", "it/O rained/O"
)
DEV = rows("Anna/B-PER left/O Rome/B-LOC", "Acme/B-ORG left/O Oslo/B-LOC", "Initech/B-ORG sank/O")


def test_corpora_keep_their_scheme_and_settle_the_settings(write):
    data = read_corpora(write(TRAIN), write(DEV, "dev.conll"), None, Config())
    assert (data.config.corpus.scheme, data.config.corpus.mode) == ("IOB2", "words")
    assert data.types == ("LOC", "PER")
    assert (data.held_out, data.test) == (False, None)
    assert data.train.scheme is data.dev.scheme is Scheme.IOB2


def test_corpora_may_be_files_or_in_memory(write):
    files = read_corpora(write(TRAIN), write(DEV, "dev.conll"), None, Config())
    for parts in (
        (files.train, files.dev),
        (write(TRAIN), files.dev),
        (files.train, write(DEV, "dev.conll")),
    ):
        found = read_corpora(*parts, None, Config())
        assert found.fingerprint() == files.fingerprint()
        assert (found.config, found.types) == (files.config, files.types)


def test_the_dev_corpus_is_read_in_the_scheme_of_the_training_corpus(write):
    bioes = rows("a/S-X b/B-X c/E-X d/O")
    ambiguous = rows("a/B-X b/I-X")
    assert read_corpora(write(bioes), write(ambiguous, "d"), None, Config()).dev.scheme is Scheme.BIOES
    with pytest.raises(DataError, match=r"d:1: found tag 'Q-X', expected O, B-TYPE or I-TYPE \(IOB2\)"):
        read_corpora(write(TRAIN), write(rows("a/Q-X"), "d"), None, Config())


def test_a_dev_corpus_of_another_scheme_keeps_its_own(write):
    dev = read_corpora(write(TRAIN), write(rows("a/S-PER b/B-LOC c/E-LOC"), "d"), None, Config()).dev
    assert dev.scheme is Scheme.BIOES
    assert dev.warnings[-1] == "its tags are BIOES, the model's IOB2; their spans are compared"


def test_characters_are_noticed(write):
    chinese = rows("北/B-LOC 京/E-LOC 很/O 大/O", "他/O 来/O 了/O")
    settled = read_corpora(write(chinese), write(chinese, "d"), None, Config()).config
    assert settled.corpus.mode == "characters"
    assert settled.embedding.bigram_dim > 0


def numbered(count: int) -> str:
    return rows(*(f"word{'x' * i}/B-PER left/O" for i in range(count)))


def test_held_out_sentences_are_drawn_by_the_seed_and_nothing_is_lost(write):
    path = write(numbered(40))
    settings = config.override(Config(), {"corpus.dev_share": 0.25})
    data = read_corpora(path, None, None, settings)
    assert data.held_out
    assert "held out" in data.dev.path
    assert (len(data.train.sentences), len(data.dev.sentences)) == (30, 10)
    together = [*data.train.sentences, *data.dev.sentences]
    assert len({sentence.line for sentence in together}) == 40
    for part in (data.train, data.dev):
        lines = [sentence.line for sentence in part.sentences]
        assert lines == sorted(lines)
    assert read_corpora(path, None, None, settings).dev == data.dev
    other = read_corpora(path, None, None, config.override(settings, {"seed": 2}))
    assert other.dev.sentences != data.dev.sentences


@pytest.mark.parametrize(
    ("count", "share", "held"), [(2, 0.01, 1), (2, 0.89, 1), (3, 0.5, 2), (100, 0.1, 10)]
)
def test_both_parts_of_a_split_hold_something(write, count, share, held):
    data = read_corpora(
        write(numbered(count)), None, None, config.override(Config(), {"corpus.dev_share": share})
    )
    assert len(data.dev.sentences) == held
    assert len(data.train.sentences) == count - held


def test_too_little_to_hold_out(write):
    with pytest.raises(
        DataError, match="found one sentence, expected two or more to hold some out; give a dev file"
    ):
        read_corpora(write(rows("Anna/B-PER")), None, None, Config())


def test_nothing_to_learn(write):
    with pytest.raises(
        DataError, match=r"train\.conll: found no span, expected some to learn from; .*--tag-column"
    ):
        read_corpora(write(rows("a/O b/O", "c/O")), None, None, Config())


def test_nothing_to_learn_in_the_column_of_tags_names_the_one_that_has_some(tmp_path):
    row = "1\tAnna\t_\t_\t_\t_\t_\t_\t_\tNER=B-PER\n\n"
    path = tmp_path / "train.conllu"
    path.write_text(row * 4, encoding="utf-8")
    with pytest.raises(
        DataError, match=r"found no span, .*; found only _ in .* UPOS, .*--tag-column MISC:NER"
    ):
        read_corpora(path, None, None, Config())


def test_facts_of_a_corpus_beside_the_training_corpus(write):
    data = read_corpora(write(TRAIN), write(DEV, "dev.conll"), None, Config())
    own = describe_corpus(data.train)
    assert (own.sentences, own.tokens, own.spans) == (4, 10, 5)
    assert (own.unknown, own.repeated, own.strange_types) == (None, None, {})
    dev = describe_corpus(data.dev, data.train, data.types)
    assert (dev.sentences, dev.tokens, dev.spans) == (3, 8, 5)
    assert dev.unknown == 4 / 8  # Acme, Oslo, Initech, sank
    assert dev.repeated == 1
    assert dev.strange_types == {"ORG": 2}


def test_the_tables_hold_training_words_alone(write):
    data = read_corpora(write(TRAIN), write(DEV, "dev.conll"), write(DEV, "test.conll"), Config())
    lexicon = build_lexicon(data)
    assert "rome" in lexicon.words
    assert "acme" not in lexicon.words
    assert not any("ORG" in tag for tag in lexicon.tags)


def test_training_tags_are_encoded_in_the_inner_scheme(write):
    text = rows("New/B-LOC York/I-LOC fell/O", "Rome/B-LOC Oslo/B-LOC")
    data = read_corpora(write(text), write(text, "d"), None, Config())
    lexicon = build_lexicon(data)
    encoded = encode_training(data, lexicon)
    named = [[lexicon.tags[row] for row in example.tags] for example in encoded]
    assert named == [["B-LOC", "E-LOC", "O"], ["S-LOC", "S-LOC"]]
    assert all(example.allowed is None for example in encoded)


def test_tokens_without_a_known_tag_are_left_open(write):
    text = rows("New/B-LOC York/I-LOC fell/O", "Rome/? fell/O", "?/O Oslo/?")
    data = read_corpora(write(text), write(text, "d"), None, Config())
    encoded = encode_training(data, build_lexicon(data))
    first, second, third = (example.allowed for example in encoded)
    assert (first.sum(1) == 1).all()
    assert second[1].sum() == third[0].sum() == 1
    assert second[0].sum() > 1 < third[1].sum()


@pytest.mark.parametrize("labels", [("O", "PER", "LOC"), ("NN", "VB", "DT")])
def test_bare_labels_are_learnt_as_they_are(write, labels):
    text = rows(*(f"one/{labels[0]} two/{labels[1]} three/{labels[2]}" for _ in range(3)))
    bare = config.override(Config(), {"corpus.scheme": "BARE"})  # beside O that has to be said
    data = read_corpora(write(text), write(text, "d"), None, bare)
    lexicon = build_lexicon(data)
    assert sorted(lexicon.tags) == sorted(labels)
    encoded = encode_training(data, lexicon)
    assert [lexicon.tags[row] for row in encoded[0].tags] == list(labels)


def long_sentence(length: int, seed: int, longest: int = 5) -> tuple[str, list[str]]:
    """A sentence in IOB2 with spans of up to `longest` tokens, and its tags in BIOES."""
    draw = random.Random(seed)
    tags: list[str] = []
    while len(tags) < length:
        size = draw.randint(1, longest)
        tags += ["B-X", *["I-X"] * (size - 1)] if draw.random() < 0.5 else ["O"] * size
    tags = tags[:length]
    text = "\n".join(f"w{'x' * (i % 7)} {tag}" for i, tag in enumerate(tags)) + "\n"
    return text, convert(tags, Scheme.IOB2, Scheme.BIOES)


@pytest.mark.parametrize("seed", range(5))
def test_a_training_sentence_too_long_to_read_at_once_is_cut_between_spans(write, seed):
    text, expected = long_sentence(1_000, seed)
    settings = config.override(Config(), {"encoder.max_tokens": 64})
    data = read_corpora(write(text + "\n" + text), write(text, "d"), None, settings)
    lexicon = build_lexicon(data)
    encoded = encode_training(data, lexicon)
    sizes = [len(example.forms) for example in encoded]
    assert sum(sizes) == 2_000
    assert max(sizes) <= 64
    assert sizes.count(min(sizes)) <= 2  # the remainders
    named = [[lexicon.tags[row] for row in example.tags] for example in encoded]
    assert [tag for tags in named for tag in tags] == expected * 2
    for tags in named:
        assert tags[0][0] in "OBS"
        assert tags[-1][0] in "OES"


def test_a_span_longer_than_the_limit_stays_whole(write):
    text = rows(" ".join(["a/O"] + ["b/B-X"] + ["c/I-X"] * 40 + ["d/O"] * 30))
    settings = config.override(Config(), {"encoder.max_tokens": 16})
    data = read_corpora(write(text), write(text, "d"), None, settings)
    encoded = encode_training(data, build_lexicon(data))
    assert [len(example.forms) for example in encoded] == [42, 16, 14]


def test_no_cut_is_made_beside_an_open_tag(write):
    text = rows(" ".join(["a/B-X", *["b/?"] * 60, "c/B-X", *["d/O"] * 5]))
    settings = config.override(Config(), {"encoder.max_tokens": 16})
    data = read_corpora(write(text), write(text, "d"), None, settings)
    encoded = encode_training(data, build_lexicon(data))
    assert [len(example.forms) for example in encoded] == [62, 5]


def test_fingerprints_differ_where_sentences_do(read_tiny, ten_sentences):
    before = read_tiny().fingerprint()
    assert read_tiny(seed=3).fingerprint() == before
    text = ten_sentences.read_text(encoding="utf-8")
    for old, new in (
        ("rained", "snowed"),
        ("Nobody O", "Nobody B-PER"),
        ("\n-DOCSTART- O\n\nOmar", "\nOmar"),
    ):
        assert old in text
        ten_sentences.write_text(text.replace(old, new), encoding="utf-8")
        assert read_tiny().fingerprint() != before
