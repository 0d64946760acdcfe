"""Several processes that train one network together, each started by itself: `torchrun`, on one machine or several.

Every process holds the whole run: network, optimiser, corpus, place. Of each batch it computes a part; the
gradients of the parts are added up, and all take the same step with the sum. So the network stays the same everywhere
without being sent, and is what one process would make of the same batches: the sum is the gradient of the whole
batch, but for rounding. (What is drawn in a part, dropout, differs from what is drawn in a whole; and the language
model trained beside a labeller chooses among the words of a part.) The first process alone measures, writes and
talks, and tells the others what it found; from that all draw the same conclusions.

This is what `torch.nn.parallel.DistributedDataParallel` does, done by hand, because its machinery doesn't fit: it
hangs on `backward()`, where gradients are taken by `torch.autograd.grad` here, it sends row-sparse gradients one
table after the other and not at all by NCCL, and it walks the graph of each step for parameters that had no part in
the loss. What it would gain, sending while the backward pass still runs, is little: a labeller's dense weights are
some hundred thousand numbers, one message of a millisecond or less. So a step sends four: words on the CPU (who wants
to stop, how many rows each table's gradient has), all dense gradients as one vector, the numbers of all rows, and
their values.

Words go by Gloo, which notices at once that a process has died; tensors of a GPU by NCCL. Messages between the
processes are pickled as PyTorch's own are: they belong in a network that is trusted.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor

from tagger.errors import ConfigError, TaggerError
from tagger.model.device import at_hand
from tagger.training.launch import Launch, find_launch
from tagger.training.workers.gradient import Gradient

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

_TIMEOUT = timedelta(
    hours=2
)  # the first may measure or write for long; who has died is noticed at once, by Gloo
_FAULT = "fault"  # a key: how many processes have told of one
_joined: list[None] = []  # groups that this process was in, each of which has keys of its own

Value = TypeVar("Value")


class PeerLostError(TaggerError):
    """Another process of the training is gone."""


class PeersDifferError(TaggerError):
    """The processes of a training don't train the same."""


class ToldElsewhereError(TaggerError):
    """Another process of the training failed first, and has said why."""


class Peers:
    """The processes that train together, of which this is one.

    Attributes:
        rank: the number of this one.
        size: how many there are.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank = rank
        self.size = size
        self._wants_stop: Callable[[], bool] = lambda: False
        self._is_stopping = False

    @property
    def is_first(self) -> bool:
        """Whether this one measures, writes and talks."""
        return self.rank == 0

    @property
    def is_alone(self) -> bool:
        """Whether there are no others."""
        return self.size == 1

    def agree(self, stop: Callable[[], bool]) -> Callable[[], bool]:
        """Return what tells whether any process was asked to stop, the same at the same step in all of them."""
        if self.is_alone:
            return stop
        self._wants_stop = stop
        return lambda: self._is_stopping

    def share(self, value: Value) -> Value:
        """Return the value of the first process, whatever the others give."""
        if self.is_alone:
            return value
        content = _dump(value) if self.is_first else b""
        with _watched():
            size = torch.tensor([len(content)])
            dist.broadcast(size, 0)
            received = torch.empty(int(size), dtype=torch.uint8)
            if self.is_first:
                received = torch.frombuffer(bytearray(content), dtype=torch.uint8)
            dist.broadcast(received, 0)
        return value if self.is_first else cast(Value, pickle.loads(received.numpy().tobytes()))

    def share_tensors(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the tensors of the first process; the others give tensors of the same shapes and types."""
        found = {}
        for name, tensor in tensors.items():
            content = tensor.detach().clone(memory_format=torch.contiguous_format).reshape(-1)
            if len(content):
                with _watched():
                    dist.broadcast(content.view(torch.uint8), 0)
            found[name] = content.view(tensor.shape)
        return found

    def check_same(self, digest: bytes) -> None:
        """See that all processes train the same.

        Raises:
            PeersDifferError: the digest of this one isn't that of the first.
        """
        if self.share(digest) != digest:
            raise PeersDifferError(
                f"process {self.rank} has other settings or other sentences than process 0; give all processes the "
                "same options and the same files"
            )

    def check_device(self, device: torch.device) -> None:
        """See that processes of one machine don't share a GPU.

        Raises:
            ConfigError: they do, or there is no way to add gradients up on such a device.
        """
        launch = find_launch()
        if self.is_alone or device.type == "cpu" or launch is None:
            return
        count = torch.cuda.device_count() if device.type == "cuda" else 0
        if launch.local_size > count:
            raise ConfigError(
                f"found {device.type} for {launch.local_size} processes on this machine, expected a GPU of CUDA's "
                f"for each, of which it has {count}; start as many processes, or give --device cpu",
                "training.device",
            )

    def add_up(self, gradient: Gradient) -> Gradient:
        """Return the sum of the gradients of all processes, in the order of their ranks.

        Whether any of them was asked to stop is told on the way, see `agree`.

        Raises:
            PeerLostError: a process is gone.
        """
        dense = [value for value in gradient.values if not value.is_sparse]
        tables = [value for value in gradient.values if value.is_sparse]
        with _watched():
            words = self._gather(torch.tensor([self._wants_stop(), *(value._nnz() for value in tables)]))
            self._is_stopping = self._is_stopping or any(bool(each[0]) for each in words)
            loss, sums = _add_up_dense(gradient.loss, dense)
            summed = iter(self._add_up_rows(tables, [each[1:].tolist() for each in words]))
        of_dense = iter(sums)
        return Gradient(loss, [next(summed if value.is_sparse else of_dense) for value in gradient.values])

    def wait(self) -> None:
        """Wait until all processes have come to here."""
        with _watched():
            self._gather(torch.zeros(1, dtype=torch.int64))

    def _add_up_rows(self, tables: Sequence[Tensor], counts: Sequence[Sequence[int]]) -> list[Tensor]:
        """Return the sums of row-sparse gradients, of which `counts` says how many rows each process has of each."""
        if not tables:
            return []
        widths = [table.shape[1] for table in tables]
        most_rows = max(map(sum, counts))
        most_numbers = max(sum(n * width for n, width in zip(each, widths, strict=True)) for each in counts)
        rows = torch.cat([table._indices()[0] for table in tables])
        values = torch.cat([table._values().reshape(-1) for table in tables])
        of_all_rows = self._gather(_pad(rows, most_rows))
        of_all_values = self._gather(_pad(values, most_numbers))
        parts: list[list[tuple[Tensor, Tensor]]] = [[] for _ in tables]
        for found_rows, found_values, each in zip(of_all_rows, of_all_values, counts, strict=True):
            row, number = 0, 0
            for part, count, width in zip(parts, each, widths, strict=True):
                numbers = found_values[number : number + count * width].view(count, width)
                part.append((found_rows[row : row + count], numbers))
                row, number = row + count, number + count * width
        return [
            torch.sparse_coo_tensor(
                torch.cat([each for each, _ in part]).unsqueeze(0),
                torch.cat([each for _, each in part]),
                table.shape,
                check_invariants=False,
            ).coalesce()
            for part, table in zip(parts, tables, strict=True)
        ]

    def _gather(self, tensor: Tensor) -> list[Tensor]:
        """Return the tensors of all processes, which are of the same shape, by rank."""
        found = [torch.empty_like(tensor) for _ in range(self.size)]
        dist.all_gather(found, tensor)
        return found


ALONE = Peers()


@contextmanager
def joined() -> Iterator[Peers]:
    """Be one of the processes that a launcher started, or alone, or whatever the caller has joined before.

    Where several fail, as all do that read the same bad file, the first to fail goes on with its error, and the
    others with `ToldElsewhereError`. No process leaves before all have come to the end.
    """
    launch = find_launch()
    if dist.is_available() and dist.is_initialized():
        yield Peers(dist.get_rank(), dist.get_world_size())
    elif launch is None:
        yield ALONE
    else:
        store = _join(launch)
        try:
            peers = Peers(launch.rank, launch.size)
            try:
                yield peers
            except Exception as error:
                if _is_told(store):
                    raise ToldElsewhereError(
                        "another process of this training failed, and says why"
                    ) from error
                raise
            with suppress(PeerLostError):  # its work is done all the same
                peers.wait()
        finally:
            dist.destroy_process_group()


def _join(launch: Launch) -> Store:
    """Join the group of all processes; return the store that they share."""
    is_on_gpu = torch.cuda.is_available() and launch.local_rank < torch.cuda.device_count()
    if is_on_gpu:
        torch.cuda.set_device(launch.local_rank)  # what `cuda` means from here on
    try:
        from torch._C._distributed_c10d import PrefixStore  # not in every build
        from torch.distributed.rendezvous import rendezvous

        found, _, _ = next(rendezvous("env://", launch.rank, launch.size, timeout=_TIMEOUT))
        store = PrefixStore(f"tagger-{len(_joined)}", found)
        _joined.append(None)
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if is_on_gpu else "gloo",
            store=store,
            rank=launch.rank,
            world_size=launch.size,
            timeout=_TIMEOUT,
        )
    except (ImportError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"process {launch.rank} of {launch.size} didn't find the others ({reason}); start them with torchrun"
        ) from None
    return store


def _is_told(store: Store) -> bool:
    """Tell whether another process has failed before, and mark that this one has."""
    try:
        return bool(store.add(_FAULT, 1) > 1)
    except RuntimeError:  # it is gone with the process that held it
        return False


@contextmanager
def _watched() -> Iterator[None]:
    """Tell of the death of a process in the user's words."""
    try:
        yield
    except RuntimeError as error:
        raise PeerLostError(
            "another process of this training was killed or can't be reached any more; what was saved last is whole: "
            "start all processes again, with --resume"
        ) from error


def _freeze(content: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(content)


def _dump(value: object) -> bytes:
    stream = io.BytesIO()

    class Pickler(pickle.Pickler):
        def reducer_override(self, each: Any) -> Any:
            if isinstance(each, MappingProxyType):  # a mapping that nobody changes, as results have them
                return _freeze, (dict(each),)
            return NotImplemented

    Pickler(stream, pickle.HIGHEST_PROTOCOL).dump(value)
    return stream.getvalue()


def _add_up_dense(loss: float | Tensor, values: Sequence[Tensor]) -> tuple[float | Tensor, list[Tensor]]:
    """Return the sums of a loss and of dense gradients: one message."""
    sizes = [value.numel() for value in values]
    told = torch.as_tensor(loss, dtype=values[0].dtype, device=values[0].device).reshape(1)
    flat = torch.cat([*(value.reshape(-1) for value in values), told])
    dist.all_reduce(flat)
    *parts, told = torch.split(flat, [*sizes, 1])
    return at_hand(told.reshape(())), [
        part.view(value.shape) for part, value in zip(parts, values, strict=True)
    ]


def _pad(tensor: Tensor, size: int) -> Tensor:
    return torch.cat([tensor, tensor.new_zeros(size - len(tensor))])
