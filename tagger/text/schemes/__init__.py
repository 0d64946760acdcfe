"""Tag schemes: tags to spans and back, conversion, legal steps, and which scheme a corpus uses.

A tag is a prefix and a type (`B-PER`), a prefix alone (`B`, its type is the empty string), `O`, or `?` for a
token whose tag is not known (partial annotation, legal in every scheme). Strings alone: no files, no line
numbers, no model.
"""

from tagger.text.schemes.detection import (
    Bigrams,
    Detection,
    count_bigrams,
    detect,
    detect_from_bigrams,
)
from tagger.text.schemes.notation import (
    are_brackets,
    describe_marks_not_known,
    find_foreign_notation,
    is_question_mark,
    read_brackets,
    respell,
)
from tagger.text.schemes.segmentation import WORD, Task, find_task, name_type, parse_task
from tagger.text.schemes.spans import (
    Span,
    candidates,
    convert,
    count_touching,
    labels_of,
    measure_spans,
    spans_to_tags,
    tags_to_spans,
)
from tagger.text.schemes.steps import Constraints, allowed, is_legal_step, violations
from tagger.text.schemes.tags import (
    EDGE,
    LETTERS,
    OUTSIDE,
    UNKNOWN_TAG,
    Scheme,
    describe_tags,
    is_tag,
    parse_scheme,
    split_tag,
    tags_of_types,
)

__all__ = [
    "EDGE",
    "LETTERS",
    "OUTSIDE",
    "UNKNOWN_TAG",
    "WORD",
    "Bigrams",
    "Constraints",
    "Detection",
    "Scheme",
    "Span",
    "Task",
    "allowed",
    "are_brackets",
    "candidates",
    "convert",
    "count_bigrams",
    "count_touching",
    "describe_marks_not_known",
    "describe_tags",
    "detect",
    "detect_from_bigrams",
    "find_foreign_notation",
    "find_task",
    "is_legal_step",
    "is_question_mark",
    "is_tag",
    "labels_of",
    "measure_spans",
    "name_type",
    "parse_scheme",
    "parse_task",
    "read_brackets",
    "respell",
    "spans_to_tags",
    "split_tag",
    "tags_of_types",
    "tags_to_spans",
    "violations",
]
