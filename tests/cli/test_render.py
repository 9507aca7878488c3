"""`align3d render` writes pictures, and cameras that a reader can use."""

import json

import numpy as np
from PIL import Image

from align3d_cli.scans.read import read_scan


def test_views_and_cameras_are_written(align3d, parts):
    """A closed part is drawn from nine sides; views.json names every picture and says what --json prints."""
    out = parts / "views"
    run = align3d("render", parts / "ball.ply", "--out", out, "--size", "64", "--json")
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
    arguments = ["render", parts / "ball.ply", "--out", out, "--size", "32", "--views", "1"]
    run = align3d(*arguments)
    assert run.code == 2
    assert "--force" in run.err
    assert (out / "views.json").read_text() == "mine"
    assert align3d(*arguments, "--force").code == 0
    assert json.loads((out / "views.json").read_text())["preset"] == "sphere:1"
