"""The work of both stages: epochs over stored samples, in batches, shared between processes.

The order of samples is a function of (seed, epoch) and nothing else is drawn, so the epoch number is the whole state of
the random numbers.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from align3d_cli.errors import UsageError
from align3d_cli.training.distributed import sum_gradients
from align3d_cli.training.learner import Learner
from align3d_cli.training.loop import train
from align3d_cli.training.run import Line, Run

LossesOf = Callable[[Sequence[str], int], dict[str, Tensor]]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and in what portions; the seed decides the order of the samples.

    reshuffled: in every epoch; False replays the batches of the first
    """

    epochs: int
    batch: int
    seed: int
    reshuffled: bool = True

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1:
            raise UsageError(f"--epochs {self.epochs} and --batch {self.batch} must both be at least 1")


@dataclass(frozen=True, slots=True)
class Epochs:
    """A learner on the samples of those names, as work for the loop; arguments as of `train_epochs`."""

    learner: Learner
    losses_of: LossesOf
    parts: Sequence[str]
    names: Sequence[str]
    schedule: Schedule
    run: Run
    rating_of: Callable[[], float] | None = None

    @property
    def done(self) -> int:
        """Epochs."""
        return self.learner.epoch

    def advance(self) -> dict[str, float]:
        """One pass over all samples; the mean of every loss over the samples, and a finite rating as "rating"."""
        order = self.learner.epoch if self.schedule.reshuffled else 0
        groups = batches(self.names, self.schedule.batch, self.schedule.seed, order)
        losses = self._pass_over(groups)
        self.learner.epoch += 1
        if self.rating_of and math.isfinite(losses["loss"]):
            self.learner.rate(rating := self.rating_of())
            losses |= {"rating": rating} if math.isfinite(rating) else {}
        return losses

    def state(self) -> dict[str, Any]:
        """The learner's."""
        return self.learner.state()

    def restore(self, state: dict[str, Any]) -> None:
        """The learner, back to where `state` was taken."""
        self.learner.restore(state)

    def _pass_over(self, groups: Sequence[Sequence[str]]) -> dict[str, float]:
        sums = torch.zeros(len(self.parts), dtype=torch.float64)
        for names in groups:
            share = self.run.workers.share(names)
            if share:
                losses = self.losses_of(share, self.learner.epoch)
                (losses["loss"] * (len(share) / len(names))).backward()
                sums += torch.stack([losses[part].detach().double().cpu() for part in self.parts]) * len(share)
            sum_gradients(self.learner.parameters(), self.run.workers)
            self.learner.step()
        sums = self.run.workers.total(sums.to(self.run.device)) / sum(len(names) for names in groups)
        return dict(zip(self.parts, sums.tolist(), strict=True))


def train_epochs(
    learner: Learner,
    losses_of: LossesOf,
    parts: Sequence[str],
    names: Sequence[str],
    schedule: Schedule,
    run: Run,
    rating_of: Callable[[], float] | None = None,
) -> list[Line]:
    """Bring a learner to the end of its schedule or of its time; goes on from the run's folder.

    losses_of: (names of samples, epoch) -> mean losses over these samples, scalars; "loss" is what is minimised
    parts:     the keys of that dict, the same in every call
    rating_of: how good the learner is after an epoch, higher is better, nan if that cannot be said; for `Learner.best`
    Returns the losses of every epoch done. Raises as `train`.
    """
    return train(Epochs(learner, losses_of, parts, names, schedule, run, rating_of), schedule.epochs, run)


def batches(names: Sequence[str], size: int, seed: int, epoch: int) -> list[list[str]]:
    """The samples of an epoch, in an order of its own, in batches of at most `size`."""
    order = [names[row] for row in np.random.default_rng([seed, epoch]).permutation(len(names))]
    return [order[start : start + size] for start in range(0, len(order), size)]
