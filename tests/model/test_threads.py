"""One thread for a while, and the setting of before afterwards."""

import pytest
import torch

from tagger.model.threads import one_thread


def test_the_setting_comes_back_whatever_happens():
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        with pytest.raises(RuntimeError, match="x"), one_thread():
            raise RuntimeError("x")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
