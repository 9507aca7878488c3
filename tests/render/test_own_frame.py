"""Views laid in the scan's own frame: the same pictures of the same points, however the file lies."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import Prepared, prepare
from align3d_cli.render.draw import draw_views, resolve_preset
from align3d_cli.render.own_frame import own_frame
from align3d_cli.render.settings import ViewSettings

OWN = ViewSettings(size_px=96, frame="scan", count=8)
TURNS = Rotation.random(4, random_state=np.random.default_rng(0))


@pytest.fixture
def part(cube) -> np.ndarray:
    """(N, 3) points of a closed box of three lengths with a knob near one corner."""
    xyz = cube(20_000)[0] * [1.0, 0.6, 0.3]
    away = np.linalg.norm(xyz - [35, 20, 15], axis=1)
    return xyz + np.outer(8 * np.exp(-((away / 8) ** 2)), [0, 0, 1])


def scan_of(xyz: np.ndarray, grid: tuple[int, int] | None = None) -> Prepared:
    """The points as they are scored."""
    return prepare(PointCloud(xyz, grid=grid), background="keep")


def depth_of(scan: Prepared, plan: ViewSettings) -> torch.Tensor:
    """(V, H, W) depths in pixels before the deepest of each view, 0 where nothing is drawn."""
    views = draw_views(scan, plan)
    depth = views.surface * views.cameras.scale_px
    deepest = torch.where(depth.isfinite(), depth, -torch.inf).amax(dim=(1, 2), keepdim=True)
    return torch.where(depth.isfinite(), deepest - depth, 0.0)


def share_alike(one: torch.Tensor, two: torch.Tensor) -> float:
    """Share of the pixels whose depths differ by less than half a pixel."""
    return float(((one - two).abs() < 0.5).float().mean())


def test_a_turned_part_shows_the_same_pictures(part):
    """All but a few pixels at the outlines; in the frame of the file the pictures are others."""
    scan = scan_of(part)
    assert resolve_preset(scan, OWN) == "around:8"
    before, in_file = depth_of(scan, OWN), depth_of(scan, replace(OWN, frame="file"))
    for turn in TURNS:
        turned = scan_of(turn.apply(part) + np.array([10.0, -400.0, 3.0]))
        assert share_alike(before, depth_of(turned, OWN)) > 0.98
        assert share_alike(in_file, depth_of(turned, replace(OWN, frame="file"))) < 0.9


def test_a_turned_organised_scan_shows_the_same_pictures():
    """Seen from the sensor with its rows downwards, wherever the file has its axes."""
    row, column = np.mgrid[:90, :120].astype(np.float64)
    height = 12 * np.exp(-((row - 30) ** 2 + (column - 80) ** 2) / 200) + 5 * np.sin(row / 20) + 0.3 * row
    xyz = np.stack([column, row, 300 - height], axis=-1).reshape(-1, 3)
    scan = scan_of(xyz, (90, 120))
    assert resolve_preset(scan, OWN) == "facing:8"
    np.testing.assert_allclose(own_frame(scan), np.diag([1.0, -1.0, -1.0]), atol=1e-6)
    before = depth_of(scan, OWN)
    for turn in TURNS:
        assert share_alike(before, depth_of(scan_of(turn.apply(xyz), (90, 120)), OWN)) > 0.98


def test_an_open_sheet_is_seen_along_its_normal(tilted_plane):
    """However it is tilted; in the frame of the file a sheet that no axis sees from both sides is drawn all around."""
    sheet = tilted_plane(20_000, 0.0, 0.0)
    sheet[:, 2] += 6 * np.exp(-((sheet[:, 0] - 20) ** 2 + sheet[:, 1] ** 2) / 50)
    for turn in TURNS:
        scan = scan_of(turn.apply(sheet))
        assert resolve_preset(scan, OWN) == "facing:8"
        assert abs(own_frame(scan)[2] @ turn.apply([0, 0, 1])) > 0.99


def test_scans_of_one_row_have_some_frame():
    """Rows that do not tell what is down leave the principal axes."""
    xyz = np.random.default_rng(0).normal(size=(200, 3))
    frame = own_frame(scan_of(xyz, (1, 200)))
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-9)


def test_the_frame_of_the_file_is_the_default(part):
    """Models that state no frame are drawn as ever."""
    assert ViewSettings().frame == "file"
    assert resolve_preset(scan_of(part), ViewSettings()) == "sphere:9"
