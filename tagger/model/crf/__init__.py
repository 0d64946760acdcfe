from tagger.model.crf.chain import FORBIDDEN, Chain
from tagger.model.crf.layer import CRF
from tagger.model.crf.posterior import Posterior
from tagger.model.crf.search import NBest

__all__ = ["CRF", "FORBIDDEN", "Chain", "NBest", "Posterior"]
