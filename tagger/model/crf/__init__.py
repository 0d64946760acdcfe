"""Linear-chain conditional random fields: an exact loss, exact probabilities, the best tag sequences.

The tags y of a sentence x of T tokens get the score

    score(y) = start[y_1] + sum_t emissions[t, y_t] + sum_t transitions[y_{t-1}, y_t] + end[y_T]

and the probability p(y | x) = exp(score(y)) / Z, where Z adds up exp(score) of all K^T tag sequences (Lafferty,
McCallum and Pereira 2001). The emissions come from a network, the other scores are learned. Because a score only ever
joins neighbours, sums and maxima over all sequences take T steps of K x K numbers:

    potentials  the scores that sentences share
    messages    the recursions alpha and beta (Rabiner 1989; Sutton and McCallum 2012), and the choice between
    scaled      ... products of probabilities, fast, where that provably loses nothing, and
    logarithms  ... their logarithms, for everything else
    problem     a padded batch made ready for them
    loss        -log p(gold | x), and -log p(sets of allowed tags | x) where the tags are known in part, with the
                analytic gradient: how often a score is expected to be used, less how often the gold tags use it
    soft        the cross-entropy with a distribution over tag sequences, such as a teacher's
    posterior   p(y_t | x), and the probability of an exact span
    search      Viterbi and the N best sequences
    layer       the module `CRF`
    kernels     the recursions and Viterbi on a GPU, a program a sentence instead of an operator a step

Axes: T tokens, B sentences, K tags, N sequences or spans. This package refuses to know what a tag means: which moves
a scheme forbids comes in as three boolean arrays (`tagger.text.schemes.allowed`). `tagger.runtime.chain` is the same
chain at prediction, in numpy; the reading of constraints and the proof behind the choice of a road are found there.

    >>> import torch
    >>> from tagger.text.schemes import Scheme, allowed
    >>> tags = ["O", "B-PER", "I-PER"]
    >>> crf = CRF(3, batch_first=True, constraints=allowed(tags, Scheme.IOB2))
    >>> emissions = torch.tensor([[[0.0, 0.0, 9.0], [0.0, 0.0, 9.0], [3.0, 0.0, 0.0]]])
    >>> [tags[k] for k in crf.decode(emissions)[0]]  # I-PER can't begin a sentence
    ['B-PER', 'I-PER', 'O']
    >>> loss = -crf(emissions, torch.tensor([[1, 2, 0]]), reduction="mean")
    >>> loss.backward()
"""

from tagger.model.crf.layer import CRF
from tagger.model.crf.posterior import Posterior
from tagger.model.crf.potentials import Potentials
from tagger.model.crf.soft import SoftTags
from tagger.runtime.chain import FORBIDDEN, NBest

__all__ = ["CRF", "FORBIDDEN", "NBest", "Posterior", "Potentials", "SoftTags"]
