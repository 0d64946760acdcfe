"""Linear chains at prediction, in numpy: the best tag sequences and exact probabilities from scores.

The tags y of a sentence x of T tokens get the score

    score(y) = start[y_1] + sum_t scores[t, y_t] + sum_t transitions[y_{t-1}, y_t] + end[y_T]

and the probability p(y | x) = exp(score(y)) / Z, where Z adds up exp(score) of all K^T tag sequences (Lafferty,
McCallum and Pereira 2001). With psi_t(i, j) = exp(transitions[i, j] + scores[t, j]) the messages

    alpha_t(j) = sum_i alpha_{t-1}(i) psi_t(i, j)          alpha_1(j) = exp(start[j] + scores[1, j])
    beta_t(i)  = sum_j psi_{t+1}(i, j) beta_{t+1}(j)       beta_T(i)  = exp(end[i])
    gamma_t(i) = exp(scores[t, i]) beta_t(i)

answer every question about probabilities (Sutton and McCallum 2012, section 4.1), and with a maximum in the place
of the sum those about the best sequences. `tagger.model.crf` is the same chain as a layer that learns.

    constraints  the moves that a scheme forbids
    roads        products of probabilities where that provably loses nothing, logarithms for everything else:
    scaled       ... the recursions on the one, and
    logarithms   ... on the other
    posterior    p(y_t | x), and the probability of an exact span
    search       Viterbi and the N best sequences
    linear       `Chain`, which asks them
    independent  the same questions where tokens are independent (softmax decoding)

Axes: T tokens, B sentences, K tags, N sequences or spans. Callers see (T, B, K); inside, the long axis B stands last.

    >>> import numpy as np
    >>> from tagger.text.schemes import Scheme, allowed
    >>> tags = ["O", "B-PER", "I-PER"]
    >>> chain = Chain(np.zeros(3), np.zeros((3, 3)), np.zeros(3), allowed(tags, Scheme.IOB2))
    >>> scores = np.array([[0.0, 0.0, 9.0], [0.0, 0.0, 9.0], [3.0, 0.0, 0.0]])[:, None]  # (T, 1, K)
    >>> best = chain.viterbi(scores, np.array([3]))
    >>> [tags[k] for k in best[:, 0]]  # I-PER can't begin a sentence
    ['B-PER', 'I-PER', 'O']
    >>> posterior = chain.posterior(scores, np.array([3]))
    >>> posterior.spans(best, np.array([0]), np.array([0]), np.array([3])).round(2)
    array([0.91])
"""

from tagger.runtime.chain.constraints import FORBIDDEN
from tagger.runtime.chain.independent import Independent, IndependentPosterior
from tagger.runtime.chain.linear import Chain
from tagger.runtime.chain.posterior import ChainPosterior
from tagger.runtime.chain.search import NBest

__all__ = ["FORBIDDEN", "Chain", "ChainPosterior", "Independent", "IndependentPosterior", "NBest"]
