"""A corpus cut into parts to train and to test on, so that neither knows the other's sentences.

`survey` goes through the corpus once, `together` finds what has to stay in one part, `dealing` deals it out,
`copying` writes the rows as they stand. `division` is all of it.
"""

from tagger.text.splitting.division import Division, DivisionPart, divide_corpus
from tagger.text.splitting.parts import Part, parse_parts

__all__ = ["Division", "DivisionPart", "Part", "divide_corpus", "parse_parts"]
