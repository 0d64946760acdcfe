"""Several people's labels of the same text: how far they agree, where they don't, and one corpus made of all.

`readings` brings their files to one form, `kappa` and `unitizing` hold the measures, `agreement` counts,
`disagreements` finds the places to look at, `page` draws them, `merging` decides.
"""

from tagger.scoring.annotators.agreement import AnnotatorAgreement, PairAgreement, measure_agreement
from tagger.scoring.annotators.disagreements import Disagreement, find_disagreements, name_place
from tagger.scoring.annotators.kappa import Kappa, measure_cohen, measure_fleiss
from tagger.scoring.annotators.merging import Merge, Merged, merge_annotators, parse_merge
from tagger.scoring.annotators.page import render_agreement, write_agreement
from tagger.scoring.annotators.readings import Annotators, Opinions, match_annotators, read_annotators
from tagger.scoring.annotators.unitizing import Disagreements, UnitizingCounts, sum_up

__all__ = [
    "AnnotatorAgreement",
    "Annotators",
    "Disagreement",
    "Disagreements",
    "Kappa",
    "Merge",
    "Merged",
    "Opinions",
    "PairAgreement",
    "UnitizingCounts",
    "find_disagreements",
    "match_annotators",
    "measure_agreement",
    "measure_cohen",
    "measure_fleiss",
    "merge_annotators",
    "name_place",
    "parse_merge",
    "read_annotators",
    "render_agreement",
    "sum_up",
    "write_agreement",
]
