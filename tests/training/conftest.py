"""One thread: the tensors of these tests are so small that sharing them out costs more than it gains."""

import torch

torch.set_num_threads(1)
