"""Several processes train one model: each takes its share of every batch, gradients are summed over all.

Started by torchrun or `accelerate launch`, which set RANK, WORLD_SIZE and the rendezvous; alone, all this is a no-op.
Every process keeps the same weights: same start, same summed gradients, same optimiser step.
"""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

Item = TypeVar("Item")
BARRIER_HOURS = 12  # one process may render and encode for hours while another already waits


@dataclass(frozen=True, slots=True)
class Workers:
    """rank: this process, in [0, count)."""

    rank: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.count:
            raise ValueError(f"rank {self.rank} is not one of {self.count} workers")

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """The items of this process; the shares of all processes are disjoint and cover all items."""
        return items[self.rank :: self.count]

    def total(self, values: Tensor) -> Tensor:
        """Sum of a tensor over all processes, in place."""
        if self.count > 1:
            dist.all_reduce(values)
        return values

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes, by rank; waits for the last."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        dist.all_gather_object(values, value)
        return values

    def agree(self, flag: bool, device: torch.device) -> bool:
        """Whether any process says yes, so that all leave a loop together."""
        if self.count == 1:
            return flag  # a step of tuning must not wait for the device to answer
        return bool(self.total(torch.tensor(float(flag), device=device)) > 0)


ALONE = Workers()
# A thread of gloo lets go of a tensor after it has told the waiting process, and needs the interpreter for it: where
# that has begun to end, the process is aborted ("terminate called without an active exception").
LETTING_GO_SECONDS = 0.2


@contextmanager
def joined(device: torch.device) -> Iterator[Workers]:
    """The workers of this launch; leaves the process group at the end. Without RANK in the environment, one worker."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1 or "RANK" not in os.environ:
        yield Workers()
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=timedelta(hours=BARRIER_HOURS))
    try:
        yield Workers(dist.get_rank(), dist.get_world_size())
        dist.barrier()  # the first process serves the rendezvous: it must not leave while others still talk
        time.sleep(LETTING_GO_SECONDS)
    finally:
        dist.destroy_process_group()


def local_device(device: torch.device) -> torch.device:
    """The GPU of this process when several were started on one machine (LOCAL_RANK), else the device as given."""
    if device.type == "cuda" and device.index is None and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device


def sum_gradients(parameters: Iterable[Tensor], workers: Workers) -> None:
    """Add the gradients of all processes, one message for all parameters; a process without a share counts as zero."""
    if workers.count == 1:
        return
    parameters = [parameter for parameter in parameters if parameter.requires_grad]
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    flat = workers.total(torch.cat([gradient.reshape(-1) for gradient in gradients]))
    for parameter, gradient in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
        parameter.grad = gradient.reshape(parameter.shape).clone()
