"""The optimiser against PyTorch's own, and the lazy average against one computed at every step."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from device_manner import treat_as_device
from torch import nn

from tagger import config
from tagger.config import Config
from tagger.training.optimizer import Optimizer

ROWS, DIM = 12, 4


class Toy(nn.Module):
    """A row-sparse table, a bag of rows of another, and dense weights."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(2 * DIM, 3)
        self.table = nn.Embedding(ROWS, DIM, sparse=True)
        self.bag = nn.EmbeddingBag(ROWS, DIM, sparse=True, mode="sum")
        self.frozen = nn.Parameter(torch.ones(3), requires_grad=False)

    def loss(self, rows: torch.Tensor) -> torch.Tensor:
        features = torch.cat([self.table(rows), self.bag(rows.unsqueeze(1) // 2)], dim=-1)
        return (self.dense(features) * self.frozen).sin().square().sum()


SPARSE = ["table.weight", "bag.weight"]


def settings(**changes):
    named = {"training.clip_norm": 1e9, "training.average": 0.9, **changes}
    return config.override(Config(), named).training


def make(seed: int = 0, **changes):
    torch.manual_seed(seed)
    model = Toy().double()
    chosen = settings(**changes)
    averaged = copy.deepcopy(model).requires_grad_(False) if chosen.average else model
    return model, averaged, Optimizer(model, averaged, SPARSE, chosen)


def batches(steps: int, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randint(0, ROWS // 2 + step % (ROWS // 2), (3,), generator=generator) for step in range(steps)
    ]


def gradients(model, rows):
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    found = torch.autograd.grad(model.loss(rows), trained)
    return [each.coalesce() if each.is_sparse else each for each in found]


def rate(step: int) -> float:
    return 0.05 * (1 + step % 3)


def everything(model, averaged, optimizer) -> dict[str, torch.Tensor]:
    """A copy of all that a step may change."""
    named = {f"model.{name}": value for name, value in model.state_dict().items()}
    named |= {f"averaged.{name}": value for name, value in averaged.state_dict().items()}
    named |= {f"optimizer.{name}": value for name, value in optimizer.state().items()}
    return {name: value.detach().clone() for name, value in named.items()}


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_steps_are_those_of_adamw_and_sparse_adam(weight_decay):
    model, _, optimizer = make(**{"training.weight_decay": weight_decay})
    reference = copy.deepcopy(model)
    names = dict(reference.named_parameters())
    tables = [names.pop(name) for name in SPARSE]
    del names["frozen"]
    adam = torch.optim.AdamW(list(names.values()), lr=0.0, weight_decay=weight_decay)
    lazy = torch.optim.SparseAdam(tables, lr=1.0)
    for step, rows in enumerate(batches(30)):
        optimizer.step(gradients(model, rows), rate(step))
        for each in (adam, lazy):
            each.param_groups[0]["lr"] = rate(step)
            each.zero_grad()
        # SparseAdam adds epsilon before the correction of the bias, AdamW after it, as in the paper.
        lazy.param_groups[0]["eps"] = 1e-8 * math.sqrt(1 - 0.999 ** (step + 1))
        reference.loss(rows).backward()
        adam.step()
        lazy.step()
        for (name, ours), theirs in zip(model.named_parameters(), reference.parameters(), strict=True):
            torch.testing.assert_close(
                ours, theirs, rtol=1e-9, atol=1e-10, msg=lambda text, name=name: f"{name}: {text}"
            )


def test_gradients_are_read_by_their_strides():
    """PyTorch's fused kernel reads memory in its order: a transposed gradient would reach other weights."""
    found = []
    for turned in (False, True):
        model, averaged, optimizer = make()
        for rows in batches(3):
            values = gradients(model, rows)
            if turned:
                values = [each.mT.contiguous().mT if each.shape == (3, 2 * DIM) else each for each in values]
            optimizer.step(values, 0.05)
        found.append(everything(model, averaged, optimizer))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.995])
def test_the_lazy_average_is_the_average_over_every_step(decay):
    model, averaged, optimizer = make(**{"training.average": decay})
    expected = {name: value.detach().clone() for name, value in model.named_parameters()}
    for step, rows in enumerate(batches(40)):
        optimizer.step(gradients(model, rows), rate(step))
        now = min(decay, (2 + step) / (11 + step))  # step + 1 steps are done
        for name, value in model.named_parameters():
            expected[name] = now * expected[name] + (1 - now) * value.detach()
        if step in (0, 7, 8, 39):  # settling early or often changes nothing
            optimizer.settle()
            for name, value in averaged.named_parameters():
                torch.testing.assert_close(
                    value, expected[name], msg=lambda text, name=name: f"{name}: {text}"
                )
    assert not torch.allclose(averaged.table.weight, model.table.weight)


def test_without_an_average_the_model_is_its_own():
    model, averaged, optimizer = make(**{"training.average": 0.0})
    for step, rows in enumerate(batches(3)):
        optimizer.step(gradients(model, rows), rate(step))
    before = everything(model, averaged, optimizer)
    optimizer.settle()
    assert averaged is model
    assert all(
        torch.equal(before[name], value) for name, value in everything(model, model, optimizer).items()
    )


def test_rows_that_no_batch_touched_stay_as_they_were():
    model, _, optimizer = make()
    before = model.table.weight.detach().clone()
    optimizer.step(gradients(model, torch.tensor([3, 5, 3])), 0.1)
    changed = (model.table.weight != before).any(1).nonzero().flatten().tolist()
    assert changed == [3, 5]


def test_the_gradient_is_clipped_by_its_total_norm():
    for clip in (1e-3, 0.5, 1e9):
        model, _, optimizer = make(**{"training.clip_norm": clip})
        reference = copy.deepcopy(model)
        found = gradients(model, batches(1)[0])
        total = math.sqrt(sum(float(each.to_dense().square().sum()) for each in found))
        expected = [each.to_dense() * min(1.0, clip / total) for each in found]
        assert optimizer.step(found, 0.0) == pytest.approx(total)
        for each, wanted in zip(found, expected, strict=True):
            torch.testing.assert_close(each.to_dense(), wanted, rtol=1e-2 if clip < 0.1 else 1e-5, atol=0)
        assert torch.equal(model.dense.weight, reference.dense.weight)  # a rate of 0 moves nothing


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e308])
@pytest.mark.parametrize("place", [0, 2])
def test_a_gradient_that_is_not_finite_changes_nothing(bad, place):
    model, averaged, optimizer = make()
    for step, rows in enumerate(batches(4)):
        optimizer.step(gradients(model, rows), rate(step))
    before = everything(model, averaged, optimizer)
    found = gradients(model, batches(5)[-1])
    spoilt = found[place]._values() if found[place].is_sparse else found[place]
    spoilt[0] = bad
    assert not math.isfinite(optimizer.step(found, 0.1))
    after = everything(model, averaged, optimizer)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert optimizer.steps == 4


def test_a_device_takes_the_same_steps_without_being_asked(monkeypatch):
    """Its row-sparse gradients hold rows several times, its norm is a tensor; clipped and unclipped steps."""
    found = []
    for beside_device in (False, True):
        model, averaged, optimizer = make(**{"training.clip_norm": 3.0, "training.weight_decay": 0.1})
        norms = []
        for step, rows in enumerate(batches(20)):
            values = gradients(model, rows)
            if beside_device:
                treat_as_device(monkeypatch)
                values = [repeat_rows(each) if each.is_sparse else each for each in values]
            norms.append(optimizer.step(values, rate(step)))
            monkeypatch.undo()
        optimizer.settle()
        assert all(isinstance(norm, torch.Tensor) == beside_device for norm in norms)
        assert any(norm > 3.0 for norm in norms) and any(norm < 3.0 for norm in norms)
        found.append(everything(model, averaged, optimizer) | {"norms": torch.tensor([*map(float, norms)])})
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, msg=lambda text, name=name: f"{name}: {text}")


def repeat_rows(gradient: torch.Tensor) -> torch.Tensor:
    """Return the gradient with its first row twice more, without values: as `tables.look_up` beside a device."""
    rows, values = gradient.indices()[0], gradient.values()
    rows = torch.cat((rows[:1], rows[:1], rows))
    values = torch.cat((torch.zeros_like(values[:1]), torch.zeros_like(values[:1]), values))
    return torch.sparse_coo_tensor(rows.unsqueeze(0), values, gradient.shape, check_invariants=True)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("place", [0, 2])
def test_a_device_moves_no_weight_by_a_gradient_that_is_not_finite(monkeypatch, bad, place):
    treat_as_device(monkeypatch)
    model, averaged, optimizer = make(**{"training.weight_decay": 0.1})
    for step, rows in enumerate(batches(4)):
        optimizer.step(gradients(model, rows), rate(step))
    before = everything(model, averaged, optimizer)
    found = gradients(model, batches(5)[-1])
    spoilt = found[place]._values() if found[place].is_sparse else found[place]
    spoilt[0] = bad
    assert not math.isfinite(optimizer.step(found, 0.1))
    after = everything(model, averaged, optimizer)
    for name, value in before.items():
        if name.startswith("model.") or name.endswith(("exp_avg", "exp_avg_sq", "mean", "square")):
            assert torch.equal(after[name], value), name
    optimizer.step(gradients(model, batches(6)[-1]), 0.1)
    assert all(value.isfinite().all() for value in everything(model, averaged, optimizer).values())
    assert not torch.equal(model.dense.weight, before["model.dense.weight"])


def test_a_gradient_without_rows_is_no_step_of_the_table():
    model, _, optimizer = make()
    found = gradients(model, batches(1)[0])
    nowhere, nothing = torch.zeros(1, 0, dtype=torch.long), torch.zeros(0, DIM, dtype=torch.float64)
    empty = torch.sparse_coo_tensor(nowhere, nothing, (ROWS, DIM), check_invariants=True)
    before = model.table.weight.detach().clone()
    names = [name for name, each in model.named_parameters() if each.requires_grad]
    found[names.index("table.weight")] = empty.coalesce()
    assert math.isfinite(optimizer.step(found, 0.1))
    assert torch.equal(model.table.weight, before)


@pytest.mark.parametrize("average", [0.9, 0.0])
@pytest.mark.parametrize("settled", [False, True])
def test_whoever_loads_the_state_goes_on_with_the_same_bits(average, settled):
    changes = {"training.average": average, "training.weight_decay": 0.01, "training.clip_norm": 0.5}
    model, averaged, optimizer = make(**changes)
    for step, rows in enumerate(batches(9)):
        optimizer.step(gradients(model, rows), rate(step))
    if settled:
        optimizer.settle()
    other, other_averaged, other_optimizer = make(seed=1, **changes)
    other.load_state_dict({name: value.clone() for name, value in model.state_dict().items()})
    if average:
        other_averaged.load_state_dict({name: value.clone() for name, value in averaged.state_dict().items()})
    other_optimizer.load({name: value.clone() for name, value in optimizer.state().items()})
    for step, rows in enumerate(batches(9, seed=5)):
        for each, its_optimizer in ((model, optimizer), (other, other_optimizer)):
            its_optimizer.step(gradients(each, rows), rate(step))
    for each in (optimizer, other_optimizer):
        each.settle()
    one, two = everything(model, averaged, optimizer), everything(other, other_averaged, other_optimizer)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_fresh_state_can_be_loaded_too():
    model, _, optimizer = make()
    _, _, other = make()
    other.load(optimizer.state())
    assert other.steps == 0
    rows = batches(1)[0]
    assert math.isfinite(other.step(gradients(model, rows), 0.1))
