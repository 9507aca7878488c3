"""An anomaly map that was written is read back as it was."""

import numpy as np
import pytest

from align3d_cli.clouds.cloud import Mesh, PointCloud
from align3d_cli.errors import InputRejected
from align3d_cli.io.read_scores import read_scores
from align3d_cli.io.write import write_scores

RNG = np.random.default_rng(0)
XYZ = RNG.normal(size=(50, 3)).astype(np.float32).astype(np.float64)
SCORES = RNG.random(50).astype(np.float32)
RGB = np.zeros((50, 3), np.uint8)


@pytest.mark.parametrize("format", ["ply", "npz"])
def test_points_and_scores_come_back(tmp_path, format):
    """Every point in its order with the very score, NaN where it has none."""
    scores = SCORES.copy()
    scores[3] = np.nan
    path = write_scores(tmp_path / f"map.{format}", PointCloud(XYZ), scores, RGB)
    back = read_scores(path)
    np.testing.assert_array_equal(back.xyz, XYZ)
    np.testing.assert_array_equal(back.scores, scores)
    assert back.regions is None and back.deviation is None


@pytest.mark.parametrize("format", ["ply", "npz"])
def test_regions_and_deviations_come_back(tmp_path, format):
    """Where the map holds them."""
    labels, off = np.arange(50, dtype=np.int32) % 3, np.where(np.arange(50) % 7, SCORES - 0.5, np.nan)
    cloud = PointCloud(XYZ)
    path = write_scores(tmp_path / f"map.{format}", cloud, SCORES, RGB, regions=labels, deviation=off)
    back = read_scores(path)
    np.testing.assert_array_equal(back.regions, labels)
    np.testing.assert_array_equal(back.deviation, off.astype(np.float32))


def test_the_map_of_a_mesh_gives_its_vertices(tmp_path):
    """Faces are no matter: no points are drawn from them."""
    mesh = Mesh(XYZ[:4], np.array([[0, 1, 2], [0, 2, 3]]))
    path = write_scores(tmp_path / "map.ply", PointCloud(XYZ, mesh=mesh), SCORES, RGB)
    back = read_scores(path)
    np.testing.assert_array_equal(back.xyz, XYZ[:4])
    assert back.scores.shape == (4,) and np.isfinite(back.scores).all()


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.ply", b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n"
         b"end_header\n0 0 0\n", "has no scalar_anomaly"),
        ("a.npz", b"PK\x03\x04", "holds no points and scores"),
        ("a.npz", b"nothing", "holds no points and scores"),
        ("a.ply", b"", "the file is empty"),
    ],
)  # fmt: skip
def test_what_is_no_map_is_refused(tmp_path, name, data, told):
    """In one line that says what to do."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputRejected, match=f"{name}: {told}; "):
        read_scores(tmp_path / name)


def test_a_map_without_any_score_is_refused(tmp_path):
    """There is nothing to show of it."""
    path = write_scores(tmp_path / "map.npz", PointCloud(XYZ), np.full(50, np.nan, np.float32), RGB)
    with pytest.raises(InputRejected, match="holds no point with a score"):
        read_scores(path)
