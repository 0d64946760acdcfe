"""Column files (CoNLL-2000 to 2003, BMES, CoNLL-U): read as a stream, checked as a corpus, written.

`source` turns bytes into blocks of whole lines, `sentence` holds the values, `reader` turns blocks into
sentences, `corpus` settles the tag scheme, `writer` writes. None of them knows a model or prints.
"""

from tagger.text.conll.corpus import Corpus, read_corpus
from tagger.text.conll.reader import read_sentences
from tagger.text.conll.sentence import CONLLU_COLUMNS, DEFAULT_COLUMNS, Columns, Sentence, parse_column
from tagger.text.conll.writer import format_sentence, write_sentences

__all__ = [
    "CONLLU_COLUMNS",
    "DEFAULT_COLUMNS",
    "Columns",
    "Corpus",
    "Sentence",
    "format_sentence",
    "parse_column",
    "read_corpus",
    "read_sentences",
    "write_sentences",
]
