"""A column file mended: what is surely meant, but written otherwise, row by row, each change told.

`columns` finds out how rows are written, `characters` knows letters that look like others, `types` names that are
nearly those of others, `tags` says what each tag of a file is to be, `mend` goes through the rows.
"""

from tagger.text.mending.changes import MENDINGS, Change
from tagger.text.mending.mend import Mended, mend_file
from tagger.text.mending.types import NearType, find_near_types

__all__ = ["MENDINGS", "Change", "Mended", "NearType", "find_near_types", "mend_file"]
