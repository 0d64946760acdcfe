"""Column files (CoNLL-2000 to 2003, BMES, CoNLL-U): read as a stream, checked as a corpus, written.

`source` turns bytes into blocks of whole lines, `sentence` holds the values, `table` cuts blocks up, `reader` makes
sentences of them, `corpus` finds the tag scheme, `writer` writes, `kept` fills a column of rows that were read.
"""

from tagger.text.conll.corpus import (
    Corpus,
    CorpusStream,
    Rereadable,
    pack_corpus,
    read_corpus,
    resolve_scheme,
    stream_corpus,
)
from tagger.text.conll.kept import KeptRows
from tagger.text.conll.layout import MissingColumnError
from tagger.text.conll.likening import fit_corpus, liken
from tagger.text.conll.reader import read_sentences
from tagger.text.conll.sentence import (
    CONLLU_COLUMNS,
    DEFAULT_COLUMNS,
    BlankTokens,
    Columns,
    Compounds,
    Excerpt,
    Sentence,
    SourceText,
    parse_column,
    parse_names,
    parse_output_column,
)
from tagger.text.conll.words import UntypedWordsError, drop_types
from tagger.text.conll.writer import (
    format_conllu,
    format_sentence,
    format_sentences,
    rewrite_tags,
    write_sentences,
)

__all__ = [
    "CONLLU_COLUMNS",
    "DEFAULT_COLUMNS",
    "BlankTokens",
    "Columns",
    "Compounds",
    "Corpus",
    "CorpusStream",
    "Excerpt",
    "KeptRows",
    "MissingColumnError",
    "Rereadable",
    "Sentence",
    "SourceText",
    "UntypedWordsError",
    "drop_types",
    "fit_corpus",
    "format_conllu",
    "format_sentence",
    "format_sentences",
    "liken",
    "pack_corpus",
    "parse_column",
    "parse_names",
    "parse_output_column",
    "read_corpus",
    "read_sentences",
    "resolve_scheme",
    "rewrite_tags",
    "stream_corpus",
    "write_sentences",
]
