"""A table is built scan after scan: what it takes is a matter of its largest category, not of the data set."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.labelled import LabelledCloud
from align3d_cli.evaluation.outputs import point_outputs, to_bytes
from align3d_cli.evaluation.plots import curves, histograms
from align3d_cli.evaluation.pooling import arms_and_categories, scans_of
from align3d_cli.evaluation.runlog import RunLog, RunRecord, read_run
from align3d_cli.evaluation.tables import build_table
from align3d_cli.helpers.digest import digest_of_bytes

pytestmark = pytest.mark.slow  # programs that score a data set

SIDE = 100  # pixels of a scan
PER_CATEGORY = 5
METHODS = ("pointad", "align3d")
SETTINGS = {"data_set": "folder", "protocol": "zero-shot", "auxiliary": [], "seeds": [0], "limit": None}


def written_run(folder: Path, categories: int) -> Path:
    """A run of scans with two methods each, as the log keeps them."""
    arm = {"name": "model", "methods": list(METHODS), "auxiliary": None, "seed": None, "sha256": None}
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    with RunLog(folder, SETTINGS) as log:
        log.append({"type": "plan", "n_lines": categories * PER_CATEGORY})
        for number in range(categories * PER_CATEGORY):
            defective = number % 2 == 1
            cloud = PointCloud(np.dstack([x, y, 0 * x]).reshape(-1, 3), grid=(SIDE, SIDE))
            defect = (np.hypot(x - 40, y - 60) < 9).ravel() & defective
            scores = {method: rng.random(SIDE**2, np.float32) for method in METHODS}
            data = to_bytes(point_outputs(LabelledCloud(cloud, defect), scores, True))
            log.append_scan(
                {
                    "type": "scan", "sample": str(number), "key": str(number), "category": f"c{number // PER_CATEGORY}",
                    "arm": arm, "anomalous": defective, "defect": "hole" if defective else "good", "organised": True,
                    "object_scores": {method: float(values.max()) for method, values in scores.items()},
                    "points": f"points/{number}.npz", "points_sha256": digest_of_bytes(data),
                },
                data,
            )  # fmt: skip
    return folder


def peak_of(work: Callable[[RunRecord], object], record: RunRecord) -> int:
    """Bytes that a piece of work holds at most."""
    tracemalloc.start()
    try:
        work(record)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def draw(record: RunRecord) -> None:
    """Curves and histograms of all categories, as `write_plots` draws them."""
    for arm, category in arms_and_categories(record):
        scans = [(arm, scans_of(record, arm["name"], category))]
        curves(category, scans)
        histograms(category, scans)


@pytest.mark.parametrize(("work", "categories"), [(build_table, 8), (draw, 3)], ids=["table", "plots"])
def test_memory_is_that_of_one_category(tmp_path, work, categories):
    """Eight categories, 40 scans, take no more than a fifth beyond what one of them takes."""
    one, many = (read_run(written_run(tmp_path / str(count), count)) for count in (1, categories))
    assert peak_of(work, many) < 1.2 * peak_of(work, one)
