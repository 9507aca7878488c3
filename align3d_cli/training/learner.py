"""Modules under training with their optimisers: what an epoch changes, and the epoch that was best."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(slots=True)
class Learner:
    """Modules that are trained, each with its own optimiser, and what has been done to them.

    modules, optimisers: same keys
    epoch:  number of epochs done
    best:   "epoch", "rating" and "modules" of the epoch with the highest rating; None where nothing was rated
    """

    modules: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]
    epoch: int = 0
    best: dict[str, Any] | None = None

    def parameters(self) -> list[Tensor]:
        """What the optimisers change."""
        return [parameter for module in self.modules.values() for parameter in trained(module).values()]

    def step(self) -> None:
        """One step of every optimiser along the gradients there are, which are forgotten then."""
        for optimiser in self.optimisers.values():
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Any]:
        """Everything that changes while it learns."""
        return {
            "modules": self._trained(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "epoch": self.epoch,
            "best": self.best,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Back to where `state` was taken."""
        self._fill(state["modules"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.epoch, self.best = state["epoch"], state["best"]

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
    optimisers: dict[str, torch.optim.Optimizer] = {
        name: torch.optim.Adam(list(trained(module).values()), lr=learning_rate, betas=betas)
        for name, module in modules.items()
    }
    return Learner(modules, optimisers)
