"""One scored part goes into every kind of file."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.errors import UsageError
from align3d_cli.model.calibration import Calibration
from align3d_cli.report.heatmap import ScoredPart, part_page, sheet_png, write_heatmap
from align3d_cli.report.result import build_result


@pytest.fixture(scope="module")
def part() -> ScoredPart:
    """A ball with a hot cap around +z and two rows without a measurement."""
    from align3d_cli.clouds.prepare import prepare
    from align3d_cli.model.drawn import drawn_of
    from align3d_cli.model.inspector import Inspection
    from align3d_cli.render.draw import draw_views
    from align3d_cli.render.settings import ViewSettings

    xyz = np.random.default_rng(0).normal(size=(4000, 3))
    xyz /= np.linalg.norm(xyz, axis=1, keepdims=True)
    scores = np.where(xyz[:, 2] > 0.9, 0.95, 0.05).astype(np.float32)
    xyz[:2], scores[:2] = np.nan, np.nan
    scan = prepare(PointCloud(xyz))
    drawn = drawn_of(scan.index, draw_views(scan, ViewSettings(preset="front:2", size_px=300)))
    inspection = Inspection(
        score=0.9, raw_score=0.9, point_scores=scores, n_points=4000, n_invalid=2, n_removed=0,
        n_unseen=0, views="front:2", preparation={}, drawn=drawn,
    )  # fmt: skip
    result = build_result(
        score=0.9, threshold=0.5, seconds={"total": 1.0}, input="deep/ball.ply", input_sha256="a" * 64, output=None,
        n_points=4000, n_invalid=2, n_unseen=0, n_removed=0, unit=None,
        extent=[1.0, 1.0, 1.0],
        resolution={"spacing": 0.1, "pixel": 0.2, "smallest": 0.6},
        regions=[],
        references=None,
        decision=None,
        notes=[],
        doubts=[], model="tiny", model_sha256=None,
        views="front:2", device="cpu", seed=0, colours=[0.2, 0.8],
    )  # fmt: skip
    return ScoredPart(PointCloud(xyz), inspection, result, Calibration(colour_low=0.2, colour_high=0.8))


@pytest.mark.parametrize(
    ("format", "begins"),
    [("ply", b"ply\n"), ("npz", b"PK"), ("glb", b"glTF"), ("png", b"\x89PNG"), ("html", b"<!DOCTYPE html>")],
)
def test_every_format_is_written(part, tmp_path, format, begins):
    """The file begins as its kind does, in a folder that is made for it."""
    path = tmp_path / "new" / f"heat.{format}"
    write_heatmap(path, part, format=format)
    assert path.read_bytes().startswith(begins)


def test_a_map_on_a_grid_needs_a_grid(part, tmp_path):
    """An unordered cloud has no pixels, and the message says what to write instead."""
    with pytest.raises(UsageError, match="no pixel grid"):
        write_heatmap(tmp_path / "map.tiff", part, format="tiff")


def test_the_same_part_gives_the_same_bytes(part):
    """Pictures and pages hold no clock and no chance."""
    assert sheet_png(part) == sheet_png(part)
    assert part_page(part) == part_page(part)


def test_a_part_is_drawn_once(part):
    """Sheet, page and report show one portrait; an inspection that was stripped of its views is refused."""
    assert part.portrait is part.portrait
    bare = replace(part, inspection=replace(part.inspection, drawn=None))
    with pytest.raises(ValueError, match="without its views"):
        sheet_png(bare)


def test_the_sheet_shows_the_cap_in_the_view_from_above(part):
    """Seen from +z the hot cap is in the middle of the first view, in the colours of the map's high end."""
    import io

    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(sheet_png(part))).convert("RGB")).astype(int)
    middle, beside = pixels[58 + 150, 6 + 150], pixels[58 + 150, 6 + 40]
    assert middle[0] > 200 > middle[2]  # pale yellow: red without blue
    assert beside[2] > beside[0]  # the cool end: more blue than red


def test_the_page_opens_with_the_first_view(part, tmp_path):
    """The viewer's home rotation is that of view 0: straight on, y turned down, z turned away."""
    write_heatmap(tmp_path / "page.html", part, format="html")
    text = (tmp_path / "page.html").read_text()
    (payload,) = re.findall(r'<script type="application/json" id="points-0">(.*?)</script>', text, re.S)
    np.testing.assert_allclose(np.reshape(json.loads(payload)["home"], (3, 3)), np.diag([1, -1, -1]), atol=1e-6)
