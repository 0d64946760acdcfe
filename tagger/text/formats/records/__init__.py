"""JSON of other programs to sentences or documents: one file a question, one row a shape.

`values` finds the records of a file. `shapes` tells by its keys what a record is; `texts`, `tokens` and `labelstudio`
read it, with what `reading` holds. `spans` and `units` read offsets, `names` says what tags that are numbers mean,
`choice` decides what counts where several people labelled a text, `place` says where a fault is.
"""

from tagger.text.formats.records.choice import ALL, FIRST
from tagger.text.formats.records.shapes import read_records
from tagger.text.formats.records.units import UNITS

__all__ = ["ALL", "FIRST", "UNITS", "read_records"]
