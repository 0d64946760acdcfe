"""What is in a set of corpora and what is wrong with them: facts per file, and defects with their lines.

The first file is taken for the training corpus; the others are compared with it.
"""

from tagger.text.audit.defects import KINDS, Defect
from tagger.text.audit.examine import Audit, audit
from tagger.text.audit.facts import LENGTH_BINS, FileFacts, WordFacts

__all__ = ["KINDS", "LENGTH_BINS", "Audit", "Defect", "FileFacts", "WordFacts", "audit"]
