"""Per-point outputs hold all that the metrics need: numbers from the log equal numbers from the scans."""

from pathlib import Path

import numpy as np
import pytest

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.labelled import LabelledCloud
from align3d_cli.errors import InputRejected
from align3d_cli.evaluation.outputs import PointOutputs, from_file, point_outputs, to_bytes
from align3d_cli.evaluation.pooling import LoggedScan, evaluate_kinds
from align3d_cli.helpers.digest import digest_of_bytes, sha256_of
from align3d_cli.metrics.evaluation import Evaluation, evaluate
from align3d_cli.metrics.regions import regions
from align3d_cli.metrics.samples import MODES, ScoredSample


def organised(rng: np.random.Generator, defective: bool) -> tuple[LabelledCloud, np.ndarray]:
    """20 x 30 pixels, some without measurement, some removed as background, a defect that touches both."""
    y, x = np.mgrid[:20.0, :30.0]
    xyz = np.dstack([x, y, np.sin(x / 5)]).reshape(-1, 3)
    xyz[rng.random(600) < 0.1] = np.nan
    xyz[::50, 2] = 1e19  # no measurement either: it is beyond all bounds
    defect = ((x - 8) ** 2 + (y - 9) ** 2 < 16).ravel() & defective
    scores = (0.3 * defect + rng.random(600)).astype(np.float32)
    scores[np.isnan(xyz[:, 0]) | (x.ravel() < 6)] = np.nan
    return LabelledCloud(PointCloud(xyz, grid=(20, 30)), defect), scores


def unordered(rng: np.random.Generator, defective: bool) -> tuple[LabelledCloud, np.ndarray]:
    """500 points in a square with two defects, some points not measured, some not scored."""
    xyz = np.column_stack([rng.uniform(0, 10, (500, 2)), np.zeros(500)])
    defect = (np.hypot(*(xyz[:, :2] - 2).T) < 1) | (np.hypot(*(xyz[:, :2] - 7).T) < 1.5)
    xyz[:20], xyz[40:50] = np.nan, -1e30
    scores = (0.3 * defect + rng.random(500)).astype(np.float32)
    scores[:30] = np.nan
    return LabelledCloud(PointCloud(xyz), defect & defective), scores


def logged(tmp_path, make, kinds: list[str]) -> tuple[list[LoggedScan], list[ScoredSample]]:
    """The same scans as the log keeps them and as evaluation reads them directly."""
    rng, scans, samples = np.random.default_rng(5), [], []
    for number, kind in enumerate(kinds):
        labelled, scores = make(rng, kind != "good")
        data = to_bytes(point_outputs(labelled, {"align3d": scores}, True))
        (tmp_path / f"{number}.npz").write_bytes(data)
        score, cloud, defect = float(np.nanmax(scores)), labelled.cloud, labelled.defect
        line = {
            "anomalous": kind != "good", "defect": kind, "object_scores": {"align3d": score},
            "organised": cloud.grid is not None, "points": f"{number}.npz", "points_sha256": digest_of_bytes(data),
        }  # fmt: skip
        scans.append(LoggedScan(line, tmp_path))
        region = regions(cloud.xyz, cloud.valid, defect, cloud.grid)
        samples.append(ScoredSample(kind != "good", score, scores, defect, cloud.valid, region, cloud.grid))
    return scans, samples


def evaluated(scans: list[LoggedScan], method: str) -> dict[tuple[str, str | None], Evaluation]:
    return {(mode, kind): found for mode, kind, found, _ in evaluate_kinds(scans, method)}


def written(path: Path, outputs: PointOutputs) -> str:
    """The outputs in a file; returns its SHA-256."""
    path.write_bytes(to_bytes(outputs))
    return sha256_of(path)


@pytest.mark.parametrize("make", [organised, unordered])
@pytest.mark.parametrize("mode", MODES)
def test_metrics_from_the_log_are_those_of_the_scans(tmp_path, make, mode):
    """All six metrics, over all scans and for each kind of defect, equal `metrics.evaluate` on the scans themselves."""
    kinds = ["good", "hole", "good", "bump", "hole", "good"]
    scans, samples = logged(tmp_path, make, kinds)
    found = evaluated(scans, "align3d")
    if mode == "paper" and make is unordered:
        assert {mode for mode, _ in found} == {"foreground"}  # no pixels, no pixel metric
        return
    assert found[mode, None] == evaluate(samples, mode=mode)
    for kind in ("hole", "bump"):
        chosen = [sample for sample, k in zip(samples, kinds, strict=True) if k in ("good", kind)]
        assert found[mode, kind] == evaluate(chosen, mode=mode)


def test_outputs_come_back_as_they_were(tmp_path):
    """Scores keep their NaN and bits, labels their order, the grid its shape."""
    labelled, scores = organised(np.random.default_rng(0), True)
    digest = written(tmp_path / "a.npz", point_outputs(labelled, {"rgb": scores, "pointad": -scores}, True))
    found = from_file(tmp_path / "a.npz", digest, ("rgb",))
    assert set(found.scores) == {"rgb"}  # the other method's scores are not even unpacked
    np.testing.assert_array_equal(found.scores["rgb"], scores)
    np.testing.assert_array_equal(found.defect, labelled.defect)
    np.testing.assert_array_equal(found.measured, labelled.cloud.valid)
    assert found.grid == (20, 30)
    shown = labelled.cloud.xyz[found.preview_rows]
    np.testing.assert_allclose(found.preview_xyz, shown, rtol=1e-6)
    assert not np.isnan(scores[found.preview_rows]).any()


def test_plain_numpy_reads_them(tmp_path):
    """Anyone's numpy gets N scores by method and N label bits out of the file."""
    labelled, scores = unordered(np.random.default_rng(0), True)
    written(tmp_path / "a.npz", point_outputs(labelled, {"align3d": scores}, True))
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["scores_align3d"].shape == (500,) and arrays["scores_align3d"].dtype == np.float32
        bits = np.unpackbits(arrays["defect"], count=int(arrays["n_points"])).astype(bool)
    np.testing.assert_array_equal(bits, labelled.defect)


def test_same_outputs_are_the_same_bytes():
    """No time stamp gets into the file."""
    labelled, scores = organised(np.random.default_rng(0), True)
    first, second = (to_bytes(point_outputs(labelled, {"rgb": scores}, True)) for _ in range(2))
    assert first == second


def test_scans_without_point_labels_count_for_objects_only(tmp_path):
    """Unlabelled points are in no pool, and the evaluation says so."""
    labelled, scores = unordered(np.random.default_rng(0), False)
    digest = written(tmp_path / "a.npz", point_outputs(labelled, {"rgb": scores}, False))
    assert from_file(tmp_path / "a.npz", digest, ()).defect is None
    line = {
        "anomalous": True, "defect": "hole", "object_scores": {"rgb": 1.0}, "organised": False,
        "points": "a.npz", "points_sha256": digest,
    }  # fmt: skip
    found = evaluated([LoggedScan(line, tmp_path)], "rgb")["foreground", None]
    assert found.n_points == 0 and "1 scans have no point labels" in " ".join(found.notes)


@pytest.mark.parametrize("damage", [lambda data: data[:-200], lambda data: data[:99] + b"?" + data[100:]])
def test_damaged_points_are_rejected(tmp_path, damage):
    """A cut file, and one with another byte, is an input error with a next step, not a crash or another figure."""
    labelled, scores = organised(np.random.default_rng(0), True)
    path = tmp_path / "a.npz"
    digest = written(path, point_outputs(labelled, {"rgb": scores}, True))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputRejected, match=r"a\.npz: is damaged or another.*run the benchmark again"):
        from_file(path, digest, ("rgb",))
    path.unlink()
    with pytest.raises(InputRejected, match=r"a\.npz: cannot be read.*run the benchmark again"):
        from_file(path, digest, ("rgb",))
