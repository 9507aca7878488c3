"""A part that an earlier call scored stands on the page with what its heat map tells, and says what is missing."""

import base64

import numpy as np
import pytest

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.io.write import write_scores
from align3d_cli.report.html import html_page
from align3d_cli.report.kept_page import KEPT, kept_page
from align3d_cli.report.points_payload import PagePoints, points_payload

from .results import scored

XYZ = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32).astype(np.float64)
SCORES = np.linspace(0, 1, 40, dtype=np.float32)


@pytest.mark.parametrize("format", ["ply", "npz"])
@pytest.mark.parametrize("views", ["front:2", "around:6"])
def test_points_are_those_of_the_heat_map(tmp_path, format, views):
    """As the call that scored would show them; rows without a score are left out."""
    scores = SCORES.copy()
    scores[5] = np.nan
    labels, off = np.arange(40, dtype=np.int32) // 30, SCORES - 0.5
    path = write_scores(
        tmp_path / f"map.{format}", PointCloud(XYZ), scores, np.zeros((40, 3), np.uint8), regions=labels, deviation=off
    )
    page = kept_page(scored(output=str(path), views=views), points=1000)
    kept = PagePoints(XYZ, scores, None, labels, off).at(np.delete(np.arange(40), 5))
    expected = points_payload(kept, np.eye(3), limit=1000)
    assert {**page.points, "home": None} == {**expected, "home": None}
    assert page.sheet is None and page.missing.startswith(KEPT)


def test_a_view_sheet_is_shown_as_it_is(tmp_path):
    """The picture of the file, without points to turn."""
    (tmp_path / "map.png").write_bytes(b"\x89PNG the sheet")
    page = kept_page(scored(output=str(tmp_path / "map.png")), points=1000)
    assert page.sheet == b"\x89PNG the sheet" and page.points is None
    text = html_page("batch", [page])
    assert base64.b64encode(page.sheet).decode() in text and "<canvas" not in text


@pytest.mark.parametrize("name", ["map.glb", "map.html", "map.tiff", "gone.ply", "gone.png"])
def test_other_maps_leave_the_numbers(tmp_path, name):
    """What cannot be shown is said, and why; the part's result stands there all the same."""
    page = kept_page(scored("dented.ply", output=str(tmp_path / name)), points=1000)
    text = html_page("batch", [page])
    assert page.points is None and page.sheet is None and KEPT in text and name in text
    assert "dented.ply" in text and "<canvas" not in text and "<img" not in text


def test_a_part_that_wrote_no_heat_map_has_its_numbers(tmp_path):
    """Also one whose map went to standard output."""
    for output in (None, "-"):
        page = kept_page(scored(output=output), points=1000)
        assert page.points is None and page.missing == f"{KEPT} without a heat map: only its numbers are shown."


@pytest.mark.parametrize("output", ["heat/map.ply", "/scored/elsewhere/map.ply", "scored/heat/map.ply"])
def test_heat_maps_that_were_moved_with_their_results_are_found(tmp_path, output):
    """By their path below the results' folder, or by the last words of it, by their name at least."""
    place = tmp_path / ("heat" if "heat" in output else ".")
    place.mkdir(exist_ok=True)
    write_scores(place / "map.ply", PointCloud(XYZ), SCORES, np.zeros((40, 3), np.uint8))
    assert kept_page(scored(output=output), points=1000).points is None
    assert kept_page(scored(output=output), points=1000, beside=tmp_path).points["shown"] == 40
