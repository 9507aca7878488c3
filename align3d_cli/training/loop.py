"""The epoch loop of both stages: batches, shares, gradients, checkpoint, log, clock."""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from align3d_cli.errors import UsageError
from align3d_cli.training.checkpoint import Learner, batches, load_checkpoint, save_checkpoint
from align3d_cli.training.distributed import Workers, sum_gradients

LossesOf = Callable[[Sequence[str], int], dict[str, Tensor]]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and in what portions. max_minutes: stop after the epoch in which the time is over; None for no limit."""

    epochs: int
    batch: int
    seed: int
    max_minutes: float | None = None

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1:
            raise UsageError(f"--epochs {self.epochs} and --batch {self.batch} must both be at least 1")


@dataclass(frozen=True, slots=True)
class Run:
    """Where a run keeps its state, and who takes part.

    folder:   checkpoint.safetensors and losses.jsonl live here; None keeps nothing
    identity: hash of the features and settings the run depends on
    """

    folder: Path | None = None
    identity: str = ""
    workers: Workers = field(default_factory=Workers)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    on_epoch: Callable[[int, dict[str, float]], None] = lambda epoch, losses: None

    @property
    def checkpoint(self) -> Path | None:
        return self.folder and self.folder / "checkpoint.safetensors"

    @property
    def log(self) -> Path | None:
        return self.folder and self.folder / "losses.jsonl"


def train(
    learner: Learner,
    losses_of: LossesOf,
    parts: Sequence[str],
    names: Sequence[str],
    schedule: Schedule,
    run: Run,
    rating_of: Callable[[], float] | None = None,
) -> None:
    """Bring a learner to the end of its schedule or of its time; resumes from the run's folder.

    losses_of: (names of samples, epoch) -> mean losses over these samples, scalars; "loss" is what is minimised
    parts:     the keys of that dict, the same in every call
    rating_of: how good the learner is after an epoch, higher is better, nan if that cannot be said; for `Learner.best`
    Raises UsageError when a loss stops being finite.
    """
    if run.checkpoint:
        if state := load_checkpoint(run.checkpoint, run.identity):
            learner.restore(state)
        _write_log(run, learner)
    started = time.monotonic()
    while learner.epoch < schedule.epochs:
        losses = _epoch(learner, losses_of, parts, batches(names, schedule.batch, schedule.seed, learner.epoch), run)
        learner.epoch += 1
        if rating_of:
            learner.rate(rating := rating_of())
            losses |= {"rating": rating} if math.isfinite(rating) else {}
        learner.losses.append({"epoch": learner.epoch, **losses})
        if run.checkpoint and run.workers.first:
            save_checkpoint(run.checkpoint, learner.state(), run.identity)
            _append_log(run, learner)
        run.on_epoch(learner.epoch, losses)
        if run.workers.agree(_is_over(started, schedule), run.device):
            break


def _epoch(
    learner: Learner, losses_of: LossesOf, parts: Sequence[str], groups: list[list[str]], run: Run
) -> dict[str, float]:
    """One pass over all samples; returns the mean of every loss over the samples."""
    sums = torch.zeros(len(parts), dtype=torch.float64)
    for names in groups:
        share = run.workers.share(names)
        if share:
            losses = losses_of(share, learner.epoch)
            (losses["loss"] * (len(share) / len(names))).backward()
            sums += torch.stack([losses[part].detach().double().cpu() for part in parts]) * len(share)
        sum_gradients(learner.parameters(), run.workers)
        learner.step()
    sums = run.workers.total(sums.to(run.device)) / sum(len(names) for names in groups)
    means = dict(zip(parts, sums.tolist(), strict=True))
    if not math.isfinite(means["loss"]):
        raise UsageError(
            f"epoch {learner.epoch + 1}: the loss is {means['loss']}; lower --learning-rate and start with --fresh"
        )
    return means


def _is_over(started: float, schedule: Schedule) -> bool:
    return schedule.max_minutes is not None and time.monotonic() - started >= 60 * schedule.max_minutes


def _write_log(run: Run, learner: Learner) -> None:
    """The log as the checkpoint knows it: a line written after the last checkpoint is dropped, none is doubled."""
    if run.log and run.workers.first:
        run.log.parent.mkdir(parents=True, exist_ok=True)
        run.log.write_text("".join(json.dumps(losses) + "\n" for losses in learner.losses))


def _append_log(run: Run, learner: Learner) -> None:
    with open(run.log, "a") as log:
        log.write(json.dumps(learner.losses[-1]) + "\n")
