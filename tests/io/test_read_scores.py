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
    xyz, back = read_scores(path)
    np.testing.assert_array_equal(xyz, XYZ)
    np.testing.assert_array_equal(back, scores)


def test_the_map_of_a_mesh_gives_its_vertices(tmp_path):
    """Faces are no matter: no points are drawn from them."""
    mesh = Mesh(XYZ[:4], np.array([[0, 1, 2], [0, 2, 3]]))
    path = write_scores(tmp_path / "map.ply", PointCloud(XYZ, mesh=mesh), SCORES, RGB)
    xyz, back = read_scores(path)
    np.testing.assert_array_equal(xyz, XYZ[:4])
    assert back.shape == (4,) and np.isfinite(back).all()


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
