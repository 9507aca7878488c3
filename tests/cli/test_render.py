"""`align3d render` writes pictures, and cameras that a reader can use."""

import json

import numpy as np
import pytest
import trimesh
from PIL import Image

from align3d_cli.io.read import read_scan

pytestmark = pytest.mark.slow  # each test starts programs


def test_views_and_cameras_are_written(align3d, parts):
    """A closed part is drawn from nine sides; views.json names every picture and says what --json prints.

    --force replaces what an earlier call left.
    """
    out = parts / "views"
    out.mkdir()
    (out / "views.json").write_text("old")
    run = align3d("render", parts / "ball.ply", "--out", out, "--size", "64", "--json", "--force")
    assert run.code == 0, run.err
    described = json.loads(run.out)
    assert described["preset"] == "sphere:9"
    names = [view["image"] for view in described["views"]]
    assert sorted(path.name for path in out.glob("*.png")) == names
    assert {Image.open(out / name).size for name in names} == {(64, 64)}
    stored = json.loads((out / "views.json").read_text())
    assert stored["views"] == described["views"]


def test_the_cameras_put_points_where_the_maps_say(align3d, parts):
    """Projecting the scan by hand with views.json gives the pixels of maps.npz."""
    out = parts / "views"
    align3d("render", parts / "ball.ply", "--out", out, "--size", "64", "--views", "front:3", "--maps")
    described, maps = json.loads((out / "views.json").read_text()), np.load(out / "maps.npz")
    xyz = read_scan(parts / "ball.ply").xyz[maps["rows"]]
    for number, view in enumerate(described["views"]):
        camera = np.array(view["camera_from_cloud"])
        at = (xyz @ camera[:3, :3].T + camera[:3, 3])[:, :2] * described["scale_px"] + described["size_px"] / 2
        column, row = np.floor(at).astype(int).T
        np.testing.assert_array_equal(maps["pixel_of_point"][number], row * 64 + column)
        shown = maps["index"][number]
        assert maps["visible"][number][np.searchsorted(maps["rows"], shown[shown >= 0])].mean() > 0.9


def test_many_channels_stand_side_by_side(align3d, parts):
    """The seven geometry channels of a view are one wide picture with something in each; the lines name the files."""
    out = parts / "geometry"
    run = align3d("render", parts / "ball.ply", "--out", out, "--style", "geometry", "--size", "48", "--views", "2")
    assert run.code == 0, run.err
    picture = np.asarray(Image.open(out / "view_01.png"))
    assert picture.shape == (48, 7 * 48)
    assert all(len(np.unique(channel)) > 5 for channel in np.hsplit(picture, 7))
    assert "view_01.png" in run.out
    assert "2 views" in run.out


def test_colour_needs_colours(align3d, parts):
    """A scan without colour per point ends with 4 and names the styles it can have."""
    run = align3d("render", parts / "ball.ply", "--out", parts / "views", "--style", "colour")
    assert run.code == 4
    assert "--style grey" in run.err


def test_earlier_views_are_kept_unless_forced(align3d, parts):
    """Overwriting needs the word for it."""
    out = parts / "views"
    out.mkdir()
    (out / "views.json").write_text("mine")
    run = align3d("render", parts / "ball.ply", "--out", out)
    assert run.code == 2
    assert "--force" in run.err
    assert (out / "views.json").read_text() == "mine"


def test_opengl_draws_the_same_outline(align3d, tmp_path):
    """pyrender's views of a mesh cover nearly the pixels that our splats of it do; skipped where there is no OpenGL."""
    trimesh.creation.icosphere(subdivisions=3).export(tmp_path / "ball.stl")
    arguments = ["render", tmp_path / "ball.stl", "--size", "64", "--views", "2"]
    run = align3d(*arguments, "--out", tmp_path / "gl", "--renderer", "pyrender")
    if run.code == 5:
        pytest.skip(run.err)
    assert run.code == 0, run.err
    assert align3d(*arguments, "--out", tmp_path / "splat").code == 0
    for view in ("view_00.png", "view_01.png"):
        pictures = [np.asarray(Image.open(tmp_path / folder / view)) for folder in ("splat", "gl")]
        ours, theirs = (picture.min(axis=-1) < 250 for picture in pictures)
        assert (ours & theirs).sum() > 0.97 * (ours | theirs).sum()


def test_opengl_that_cannot_be_had_ends_with_5(align3d, parts):
    """OSMesa does not work with pyrender's own pins: one line says what to install, no traceback."""
    arguments = ["--out", parts / "gl", "--renderer", "pyrender", "--size", "32", "--views", "1"]
    run = align3d("render", parts / "ball.ply", *arguments, PYOPENGL_PLATFORM="osmesa")
    assert run.code == 5
    assert run.err.startswith("error: --renderer pyrender: ")
    assert "libegl1" in run.err
    assert run.err.count("\n") == 1
