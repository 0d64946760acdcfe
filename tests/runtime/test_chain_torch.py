"""The numpy chain beside the layer that was trained: the same tags, scores and probabilities, whatever the scores."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import DataError
from tagger.model.crf import CRF
from tagger.runtime.chain import Chain
from tagger.text.schemes import Constraints, Scheme, allowed

TAGS = {
    Scheme.BARE: "DET NOUN VERB",
    Scheme.IOB2: "O B-X I-X B-Y I-Y",
    Scheme.BIOES: "O " + " ".join(f"{place}-{type_}" for type_ in "XYZUVW" for place in "BIES"),
    Scheme.BILOU: "O B-X I-X L-X U-X",
    Scheme.BMES: "B M E S",
    Scheme.BMEWO: "O B-X M-X E-X W-X",
}


class Pair(NamedTuple):
    """One chain twice, and a batch."""

    layer: CRF
    chain: Chain
    scores: np.ndarray
    lengths: np.ndarray
    sets: np.ndarray | None

    def ask_layer(self) -> tuple[torch.Tensor, ...]:
        sets = None if self.sets is None else torch.from_numpy(self.sets)
        return torch.from_numpy(self.scores), torch.from_numpy(self.lengths), sets

    def ask_chain(self) -> tuple[np.ndarray | None, ...]:
        return self.scores, self.lengths, self.sets


@st.composite
def pairs(draw) -> Pair:
    """Draw a scheme, or constraints at random; scores of any size; sets of allowed tags."""
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    T, B = draw(st.integers(1, 40)), draw(st.sampled_from([1, 3, 40]))
    scheme = draw(st.sampled_from([None, "random", *TAGS]))
    constraints, K = None, draw(st.integers(1, 6))
    if scheme == "random":
        masks = [random.random(shape) < 0.5 for shape in (K, (K, K), K)]
        masks[0][0] = masks[1][0, 0] = masks[2][0] = True
        constraints = Constraints(*masks)
    elif scheme is not None:
        constraints = allowed(TAGS[scheme].split(), scheme)
        K = len(constraints.start)
    layer = CRF(K, constraints=constraints).requires_grad_(False)
    spread = draw(st.sampled_from([0.1, 1.0, 8.0, 100.0]))
    for parameter in layer.parameters():
        parameter.copy_(torch.from_numpy(random.standard_normal(tuple(parameter.shape)) * spread))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    scores = random.standard_normal((T, B, K)) * draw(st.sampled_from([0.1, 3.0, 20.0, 60.0, 800.0]))
    sets = None
    if draw(st.booleans()):
        sets = (random.random((T, B, K)) < 0.7) | (random.random((T, B, 1)) < 0.5)
    lengths = random.integers(1, T + 1, B)
    chain = Chain(
        *(
            parameter.numpy()
            for parameter in (layer.start_transitions, layer.transitions, layer.end_transitions)
        ),
        constraints,
    )
    return Pair(layer, chain, scores.astype(dtype), lengths, sets)


@given(pairs(), st.sampled_from([1.0, 0.7, 2.0, 3.0]), st.integers(1, 5))
@settings(max_examples=300, deadline=None)
def test_both_chains_give_the_same_answers(pair: Pair, temperature: float, n: int) -> None:
    scores, lengths, sets = pair.ask_layer()
    try:
        tags = pair.layer.viterbi(scores, lengths, sets)
    except DataError as error:
        for ask in (
            lambda: pair.chain.viterbi(*pair.ask_chain()),
            lambda: pair.chain.nbest(pair.scores, pair.lengths, n, pair.sets),
            lambda: pair.chain.posterior(*pair.ask_chain(), temperature),
        ):
            with pytest.raises(DataError) as raised:
                ask()
            assert str(raised.value) == str(error)
        return
    close = 1e-5
    if temperature != 1.0:  # torch divides in single precision and finds the peaks afterwards
        close += np.abs(pair.scores).max() * len(pair.scores) * 1e-7
    # What joins tags is held in single precision by both, so log Z may stray by that much at each token, and with it
    # the probability of a whole sequence, which is the exponential of a score less log Z.
    whole = (
        close + max(np.abs(each.numpy()).max() for each in pair.layer.parameters()) * len(pair.scores) * 1e-7
    )
    found = pair.chain.viterbi(*pair.ask_chain())
    assert np.array_equal(found, tags.numpy())
    expected, posterior = (
        pair.layer.posterior(scores, lengths, sets, temperature),
        pair.chain.posterior(*pair.ask_chain(), temperature),
    )
    np.testing.assert_allclose(posterior.log_z, expected.log_z.numpy(), rtol=1e-6, atol=whole)
    np.testing.assert_allclose(posterior.marginals, expected.marginals.numpy(), atol=close)
    starts = [(b, s, size) for b, size in enumerate(lengths.tolist()) for s in range(size)]
    runs = np.array([(b, s, e) for b, s, size in starts for e in {s + 1, (s + size) // 2 + 1, size}])
    spans = expected.spans(tags, *torch.from_numpy(runs).unbind(1))
    np.testing.assert_allclose(posterior.spans(found, *runs.T), spans.numpy(), atol=close)
    best, wanted = (
        pair.chain.nbest(pair.scores, pair.lengths, n, pair.sets),
        pair.layer.nbest(scores, lengths, n, sets),
    )
    assert np.array_equal(best.counts, wanted.counts.numpy())
    exist = np.arange(n) < best.counts[:, None]
    np.testing.assert_allclose(best.scores[exist], wanted.scores.numpy()[exist], rtol=1e-12)
    same = np.where(exist, best.tags, 0) == np.where(exist, wanted.tags.numpy(), 0)
    assert same.all() or is_close_call(best.scores)
    np.testing.assert_allclose(
        posterior.of_scores(best.scores / temperature)[exist],
        expected.of_scores(wanted.scores / temperature).numpy()[exist],
        atol=whole,
    )


def is_close_call(scores: np.ndarray) -> bool:
    """Return whether two sequences of a sentence are equally good, so that either may come first."""
    return bool((np.abs(np.diff(scores, axis=1)) < 1e-9 * np.abs(scores[:, 1:])).any())
