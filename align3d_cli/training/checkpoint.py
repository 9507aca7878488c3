"""Where a training run stands, on disk: nested dicts, lists, numbers and tensors in one safetensors file, no pickle.

The order of samples is a function of (seed, epoch) and the loops of both stages draw nothing else, so the epoch
number is the whole state of their random numbers: a run that was killed and resumed gives the same bytes as one that
was not.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from align3d_cli.errors import InputRejected
from align3d_cli.helpers.files import write_tensors


@dataclass(slots=True)
class Learner:
    """Modules that are trained, each with its own optimiser, and what has been done to them.

    modules, optimisers: same keys
    epoch:  number of epochs done
    losses: one entry an epoch, as written to the log
    best:   "epoch", "rating" and "modules" of the epoch with the highest rating; None where nothing was rated
    """

    modules: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]
    epoch: int = 0
    losses: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Any] | None = None

    def parameters(self) -> list[Tensor]:
        return [parameter for module in self.modules.values() for parameter in trained(module).values()]

    def step(self) -> None:
        for optimiser in self.optimisers.values():
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Any]:
        """Everything that changes while it learns."""
        return {
            "modules": self._trained(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "epoch": self.epoch,
            "losses": self.losses,
            "best": self.best,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Back to where `state` was taken."""
        self._fill(state["modules"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.epoch, self.losses, self.best = state["epoch"], state["losses"], state.get("best")

    def rate(self, rating: float) -> None:
        """Keep the modules as they are now if no epoch was rated higher; of equals the first counts, nan never does."""
        if rating > (self.best["rating"] if self.best else -math.inf):
            modules = {
                name: {key: p.detach().clone() for key, p in own.items()} for name, own in self._trained().items()
            }
            self.best = {"epoch": self.epoch, "rating": rating, "modules": modules}

    def return_to_best(self) -> None:
        """The modules as they were in the epoch that was rated highest; as they are where none was."""
        if self.best:
            self._fill(self.best["modules"])

    def _trained(self) -> dict[str, dict[str, Tensor]]:
        return {name: trained(module) for name, module in self.modules.items()}

    def _fill(self, values: dict[str, dict[str, Tensor]]) -> None:
        with torch.no_grad():
            for name, own in self._trained().items():
                for key, parameter in own.items():
                    parameter.copy_(values[name][key])


def trained(module: nn.Module) -> dict[str, Tensor]:
    """The parameters that training changes, by name; frozen towers and buffers stay out of the checkpoint."""
    return {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}


def with_adam(modules: dict[str, nn.Module], learning_rate: float, betas: tuple[float, float]) -> Learner:
    """A learner at its start: one Adam a module over its trainable parameters."""
    optimisers = {
        name: torch.optim.Adam(list(trained(module).values()), lr=learning_rate, betas=betas)
        for name, module in modules.items()
    }
    return Learner(modules, optimisers)


def epoch_order(n: int, seed: int, epoch: int) -> np.ndarray:
    """(n,) int, the order of the samples in an epoch."""
    return np.random.default_rng([seed, epoch]).permutation(n)


def batches(names: Sequence[str], size: int, seed: int, epoch: int) -> list[list[str]]:
    """The samples of an epoch in batches of at most `size`."""
    order = [names[row] for row in epoch_order(len(names), seed, epoch)]
    return [order[start : start + size] for start in range(0, len(order), size)]


def save_checkpoint(path: Path, state: dict[str, Any], identity: str = "") -> None:
    """Write the state of a run; the file appears whole or the old one stays.

    identity: hash of everything the run depends on (features, settings), checked on loading
    """
    tensors: dict[str, Tensor] = {}
    layout = json.dumps({"identity": identity, "state": _without_tensors(state, tensors)})
    write_tensors(path, tensors, {"checkpoint": layout})


def load_checkpoint(path: Path, identity: str = "") -> dict[str, Any] | None:
    """The state written by `save_checkpoint`, tensors on the CPU; None when there is no file.

    Raises InputRejected for a file that is damaged or belongs to another run.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            layout = json.loads(file.metadata()["checkpoint"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - a file handle, not a dict
    except (SafetensorError, TypeError, KeyError, ValueError) as error:
        raise InputRejected(f"{path}: not a readable checkpoint ({error}); start anew with --fresh") from error
    if layout["identity"] != identity:
        raise InputRejected(f"{path}: belongs to a run with other features or settings; start anew with --fresh")
    return _with_tensors(layout["state"], tensors)


def _without_tensors(value: Any, tensors: dict[str, Tensor]) -> Any:
    """JSON for a nested state: tensors move to `tensors`, dicts become pairs because JSON keys are strings."""
    if isinstance(value, Tensor):
        name = f"{len(tensors):05d}"
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, dict):
        return {"pairs": [[key, _without_tensors(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_without_tensors(item, tensors) for item in value]
    return value


def _with_tensors(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_with_tensors(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    return {key: _with_tensors(item, tensors) for key, item in value["pairs"]}
