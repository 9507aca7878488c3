"""A training run: the folder it keeps its state in, what it depends on, who takes part, how long it may take."""

import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from align3d_cli.errors import EnvironmentMissing, UsageError
from align3d_cli.helpers.files import write_bytes
from align3d_cli.helpers.leftovers import sweep
from align3d_cli.training.distributed import ALONE, Workers

Losses = Mapping[str, float | Tensor]  # scalars by name
Line = dict[str, float]


@dataclass(frozen=True, slots=True)
class Run:
    """Where a run keeps its state, who takes part and how long it may take. A unit of work is an epoch or a step.

    folder:       checkpoint.safetensors and losses.jsonl live here; None keeps nothing
    identity:     the features and settings the run depends on, in JSON's terms
    max_minutes:  stop after the unit in which the time is over; None for no limit
    save_seconds: least time between two checkpoints, what a killed run loses at most; 0 saves after every unit
    anew:         how the user begins anew, for messages
    on_unit, on_line: called with the number of units done, and with every line of the log
    """

    folder: Path | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)
    workers: Workers = ALONE
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    max_minutes: float | None = None
    save_seconds: float = 0.0
    anew: str = "start anew with --fresh"
    on_unit: Callable[[int], None] = lambda done: None
    on_line: Callable[[Line], None] = lambda line: None

    @property
    def checkpoint(self) -> Path | None:
        """Where the state is kept."""
        return self.folder and self.folder / "checkpoint.safetensors"

    @property
    def log(self) -> Path | None:
        """Where the losses are told, a JSON object a line."""
        return self.folder and self.folder / "losses.jsonl"

    @property
    def kept(self) -> bool:
        """Whether an earlier call left something to go on from."""
        return self.checkpoint is not None and self.checkpoint.exists()

    def forget(self) -> None:
        """Begin anew: what an earlier call kept is removed. Raises EnvironmentMissing where it cannot be."""
        if self.folder and self.folder.exists():
            try:
                shutil.rmtree(self.folder)
            except OSError as error:
                finding = f"cannot be removed ({error.strerror})"
                raise EnvironmentMissing(f"{self.folder}: {finding}; remove it by hand") from error

    def write_log(self, lines: Sequence[Line]) -> None:
        """The log as the checkpoint knows it: a line written after it is dropped, none is doubled; leftovers go."""
        if self.log and self.workers.first:
            sweep(self.log.parent, idle_seconds=0)  # a run has its folder to itself
            write_bytes(self.log, "".join(json.dumps(line) + "\n" for line in lines).encode(), force=True)

    def append_log(self, line: Line) -> None:
        """One more line. Raises EnvironmentMissing where it cannot be written."""
        if not (self.log and self.workers.first):
            return
        try:
            with open(self.log, "a") as log:
                log.write(json.dumps(line) + "\n")
        except OSError as error:
            finding = f"cannot be written ({error.strerror})"
            raise EnvironmentMissing(f"{self.log}: {finding}; free space and call again to go on") from error


@dataclass(slots=True)
class LossLog:
    """What a run says of its losses: a line is the mean over every `every` units, or over what is left at the end.

    unit:    what a line counts, "epoch" or "step"
    lines:   written so far; pending: losses of the units since the last line
    """

    unit: str = "epoch"
    every: int = 1
    lines: list[Line] = field(default_factory=list)
    pending: list[Losses] = field(default_factory=list)

    def add(self, done: int, losses: Losses, *, last: bool) -> Line | None:
        """Take the losses of a unit; the line that they complete, if any.

        Raises UsageError when a mean is not finite.
        """
        self.pending.append(losses)
        if done % self.every and not last:
            return None
        self.lines.append({self.unit: done, **self.means(done)})
        self.pending = []
        return self.lines[-1]

    def means(self, done: int) -> dict[str, float]:
        """Of the losses since the last line. Raises UsageError when one is not finite."""
        names = self.pending[0] if self.pending else {}
        found = {name: sum(float(losses[name]) for losses in self.pending) / len(self.pending) for name in names}
        if broken := [value for value in found.values() if not math.isfinite(value)]:
            raise UsageError(
                f"{self.unit} {done}: the loss is {broken[0]}; lower --learning-rate and begin the training anew"
            )
        return found

    def state(self) -> dict[str, Any]:
        """Everything that changes, for a checkpoint."""
        return {"lines": self.lines, "pending": self.pending}

    def restore(self, state: dict[str, Any]) -> None:
        """Back to where `state` was taken."""
        self.lines, self.pending = list(state["lines"]), list(state["pending"])
