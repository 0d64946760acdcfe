"""JSON of other programs to sentences or documents: one file a question, one row a shape.

`values` finds the records of a file, `shapes` tells by its keys what a record is and reads it, `labelstudio` reads
tasks of Label Studio, `spans` reads spans, `choice` decides what counts where several people labelled a text or
nobody did.
"""

from tagger.text.formats.records.choice import ALL, FIRST
from tagger.text.formats.records.shapes import read_records
from tagger.text.formats.records.spans import UNITS
from tagger.text.formats.records.values import parse_json

__all__ = ["ALL", "FIRST", "UNITS", "parse_json", "read_records"]
