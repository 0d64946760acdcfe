"""Reading and writing column files: dialects, places, faults, and what real corpora hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagger.errors import DataError
from tagger.text import conll
from tagger.text.schemes import Scheme

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def write(tmp_path):
    def write_corpus(content: str | bytes, name: str = "corpus.conll") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return write_corpus


def read(path, **options):
    return list(conll.read_sentences(path, **options))


@pytest.mark.parametrize(
    "content",
    [
        "a\tO\nb c\tB-X\n\nd\tO\n",
        "a\tO\nb c\tB-X\n\nd\tO",
        "\ufeffa\tO\r\nb c\tB-X\r\n\r\nd\tO\r\n",
        "a\tO\rb c\tB-X\r\rd\tO\r",
        "a\tO  \nb c\tB-X\t\n \t \nd\tO\n\n\n\n",
        "\n\n\na\tO\nb c\tB-X\n\n\n\n\nd\tO\n",
        "-DOCSTART-\tO\n\na\tO\nb c\tB-X\n\nd\tO\n",
        "-DOCSTART- -X- -X- O\na\tO\nb c\tB-X\n-DOCSTART-\nd\tO\n",
        "# id 1\ta\tb\na\tO\nb c\tB-X\n\nd\tO\n",
    ],
)
def test_dialects_of_one_corpus_read_alike(write, content):
    found = [(sentence.tokens, sentence.tags) for sentence in read(write(content))]
    assert found == [(("a", "b c"), ("O", "B-X")), (("d",), ("O",))]


def test_every_token_knows_its_line(write):
    path = write("\n# x y z\na O\n\n\n\nb O\nc O\n-DOCSTART- O\n \t\nd O\n")
    rows = path.read_text().split("\n")
    for sentence in read(path):
        for i, token in enumerate(sentence.tokens):
            assert rows[sentence.line_of(i) - 1].startswith(token)


REAL = {  # file: (sentences, tokens, scheme), counted with awk and grep
    "wnut17/wnut17train.conll": (3394, 62730, Scheme.IOB2),
    "wnut17/emerging.dev.conll": (1009, 15733, Scheme.IOB2),
    "wnut17/emerging.test.annotated": (1287, 23394, Scheme.IOB2),
    "conll2002-es/esp.train": (8323, 264715, Scheme.IOB2),
    "conll2002-es/esp.testa": (1915, 52923, Scheme.IOB2),
    "conll2002-es/esp.testb": (1517, 51533, Scheme.IOB2),
    "resume-zh/train.char.bmes": (3821, 124099, Scheme.BMES),
    "wikigold/wikigold.conll.txt": (1696, 39007, Scheme.IOB1),
    "ud-en-ewt/en_ewt-ud-dev.conllu": (2001, 25147, Scheme.BARE),
}


@pytest.mark.parametrize("name", REAL)
def test_real_corpora(name):
    if not (SHARED / name).exists():
        pytest.skip("the shared corpora are not here")
    sentences, tokens, scheme = REAL[name]
    corpus = conll.read_corpus(SHARED / name)
    assert (len(corpus.sentences), sum(map(len, corpus.sentences)), corpus.scheme) == (
        sentences,
        tokens,
        scheme,
    )


def test_a_file_without_a_sentence_is_an_error(write):
    for content in ("", "\n\n \n", "-DOCSTART- O\n\n", "# nothing here at all\n"):
        with pytest.raises(DataError, match="found no sentence"):
            conll.read_corpus(write(content))
