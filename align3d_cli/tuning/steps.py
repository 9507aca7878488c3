"""Steps of tuning as work for the training loop: a pool that a seeded stream of scans renews at a fixed rate."""

from collections.abc import Callable, Generator
from typing import Any

from torch import Tensor

from align3d_cli.tuning.tune import scans_by
from align3d_cli.tuning.tune_data import SampleViews, ViewPool
from align3d_cli.tuning.tuner import Tuner

Scans = Generator[SampleViews, None, None]


class Steps:
    """Optimiser steps of a tuner. The stream begins at the first step, where the pool of a run that went on begins."""

    def __init__(self, tuner: Tuner, pool: ViewPool, scans_from: Callable[[int], Scans]) -> None:
        """pool: empty, for whole scans; scans_from: the scans of the stream from a number on."""
        self.tuner, self.pool = tuner, pool
        self._scans_from = scans_from
        self._scans: Scans | None = None

    @property
    def done(self) -> int:
        """Steps."""
        return self.tuner.step

    def advance(self) -> dict[str, Tensor]:
        """Take new scans at the configured rate, then one step; the terms of its loss."""
        config = self.tuner.config
        scans = self._scans = self._scans or self._begun()
        while self.pool.added < config.views_per_sample * scans_by(self.tuner.step, config):
            self.pool.add(next(scans))
        return self.tuner.train_step(self.pool)

    def state(self) -> dict[str, Any]:
        """The tuner's: the pool is a function of the step."""
        return self.tuner.state()

    def restore(self, state: dict[str, Any]) -> None:
        """The tuner, back to where `state` was taken."""
        self.tuner.restore(state)

    def close(self) -> None:
        """Let go of the processes that make scans."""
        if self._scans is not None:
            self._scans.close()

    def _begun(self) -> Scans:
        """The stream from the oldest scan on that the pool holds before the next step."""
        per_scan = self.tuner.config.views_per_sample
        first = max(0, scans_by(self.tuner.step, self.tuner.config) - self.pool.capacity // per_scan)
        self.pool.added = first * per_scan
        return self._scans_from(first)
