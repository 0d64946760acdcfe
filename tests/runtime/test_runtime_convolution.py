"""The convolution by tables against PyTorch's."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from tagger.runtime.convolution import convolve


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=6),
    falling=st.lists(st.integers(1, 5), min_size=1, max_size=4).map(
        lambda sizes: sorted(sizes, reverse=True)
    ),
    data=st.data(),
)
def test_sums_of_rows_are_a_convolution(lengths, falling, data):
    before = data.draw(st.integers(0, len(falling) - 1))
    draw = np.random.default_rng(sum(lengths))
    words = [draw.integers(1, 9, length) for length in lengths]
    rows = np.zeros((len(words), max(lengths)), dtype=np.int64)
    for row, word in zip(rows, words, strict=True):
        row[: len(word)] = word
    tables = [draw.standard_normal((9, size)).astype(np.float32) for size in falling]
    for table in tables:
        table[0] = 0.0  # padding adds nothing
    found = convolve(rows, tables, before)
    kernel = torch.zeros(falling[0], 9, len(falling))
    for place, table in enumerate(tables):
        kernel[: table.shape[1], :, place] = torch.from_numpy(table.T.copy())
    for row, word in zip(found, words, strict=True):
        one_hot = functional.one_hot(torch.from_numpy(word), 9).float().T
        padded = functional.pad(one_hot, (before, len(falling) - 1 - before))
        expected = functional.conv1d(padded, kernel).amax(1)
        np.testing.assert_allclose(row, expected.numpy(), atol=1e-5)


def test_a_word_without_characters_has_one_window_of_padding():
    table = np.array([[0.5], [2.0]], dtype=np.float32)
    assert convolve(np.array([[0, 0], [1, 1]]), [table], 0).tolist() == [[0.5], [2.0]]
