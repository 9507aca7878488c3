"""A made-up stream of scans: tuning reads views, whoever drew them."""

from collections.abc import Generator

import numpy as np

from align3d_cli.tuning.tune_data import DEFECT, GOOD, SCAN_POINTS, SampleViews

SIZE = 64


def scans(first: int = 0) -> Generator[SampleViews, None, None]:
    """An endless seeded stream of two-view scans: a noisy plane, in every other one a dent that is labelled."""
    index = first
    while True:
        rng = np.random.default_rng(index)
        depth = rng.normal(0, 0.05, (2, SIZE, SIZE)).astype(np.float32)
        target = np.full((2, SIZE, SIZE), GOOD, np.uint8)
        if index % 2:
            depth[:, 20:36, 20:36] += 4
            target[:, 20:36, 20:36] = DEFECT
        yield SampleViews(depth, target, rng.integers(-1, SIZE**2, (2, SCAN_POINTS), dtype=np.int32))
        index += 1
