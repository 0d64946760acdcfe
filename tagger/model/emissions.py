"""The emission scores of an encoded corpus, one token after the other; what they mean is decided elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tagger.model.batch import EncodedCorpus, Group, collate, sorted_batches
from tagger.model.labeler import SequenceLabeler


@torch.inference_mode()
def score_tokens(
    labeler: SequenceLabeler,
    corpus: EncodedCorpus,
    groups: Sequence[Group],
    *,
    max_tokens: int,
    batch_tokens: int,
) -> Tensor:
    """Run the network, without dropout.

    Args:
        labeler: the network.
        corpus: holds the sentences.
        groups: of sentences that follow one another without a gap, what is read together.
        max_tokens: tokens that are encoded together at most.
        batch_tokens: padded tokens of a batch.

    Returns:
        (N, K) scores of the N tokens of all groups, in the order of the corpus, on the CPU.
    """
    first = groups[0].start
    sizes = [len(corpus.examples[number].forms) for number in range(first, groups[-1].stop)]
    starts = np.cumsum([0, *sizes])
    scores = torch.empty(int(starts[-1]), corpus.num_tags)
    for part in sorted_batches(groups, batch_tokens):
        batch = collate(corpus, part, max_tokens)
        found = labeler(batch.to(labeler.device)).float().cpu()  # (S, B, K)
        steps = np.arange(len(found))[:, None]
        inside = steps < batch.lengths.numpy()
        places = starts[np.array(batch.sentences) - first] + steps
        scores[torch.from_numpy(places[inside])] = found[torch.from_numpy(inside)]
    return scores
