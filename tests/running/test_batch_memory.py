"""A batch holds one scan at a time: neither what failed nor what is done keeps its bytes."""

import tracemalloc

import numpy as np

from align3d_cli.running.batch import Batch, BatchSettings
from align3d_cli.running.inputs import find_parts
from align3d_cli.running.model import Model

LARGE = 4_000_000  # bytes of a file; its reader makes as much again of it


def test_failed_files_leave_nothing_behind(tmp_path):
    """Twelve large files that cannot be read: their errors stay, their bytes do not."""
    for number in range(12):
        (tmp_path / f"{number:02d}.ply").write_bytes(b"ply\nformat ascii 1.0\n" + b"\0" * LARGE)
    parts = find_parts([str(tmp_path)]).parts
    tracemalloc.start()
    try:
        outcomes = list(Batch(BatchSettings()).outcomes(parts))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(outcomes) == 12 and all(found.failure for found in outcomes)
    assert kept < LARGE


def test_scored_scans_leave_nothing_behind(tmp_path):
    """What is kept of a scan is its JSON object: less than a thousandth of its points a scan."""
    rng = np.random.default_rng(0)
    for number in range(4):
        points = rng.normal(size=(60_000, 3))
        np.save(tmp_path / f"{number}.npy", points / np.linalg.norm(points, axis=1, keepdims=True))
    batch = Batch(BatchSettings(), model=Model(device="cpu"))
    parts = find_parts([str(tmp_path)]).parts
    first = list(batch.outcomes(parts[:1]))
    tracemalloc.start()
    try:
        outcomes = list(batch.outcomes(parts[1:]))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert not any(found.failure for found in first + outcomes)
    assert kept < 60_000 * 24  # one of the three scans' points would be as much
