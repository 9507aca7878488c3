"""Marks for "no measurement": which rows hold one, in every format; what only looks like one stays."""

from pathlib import Path

import numpy as np
import pytest

from align3d_cli.clouds.cloud import Mesh, PointCloud
from align3d_cli.clouds.marks import without_marks
from align3d_cli.io.read import read_scan
from align3d_cli.io.write import write_scores

PART = Path(__file__).parents[2] / "examples/chessman/dent/001.ply"
SCORE = 0.754  # of that part, as the README says


def bowl(side=60, height=4.0):
    """(side^2, 3): a bowl of extent 20 x 20 x height, row major."""
    x, y = (a.ravel() for a in np.meshgrid(np.linspace(-10, 10, side), np.linspace(-10, 10, side)))
    return np.c_[x, y, height * (x**2 + y**2) / 200 + 500]


def spoilt(xyz, share, mark, axes=slice(None)):
    """The points with a mark in a share of the rows, and (N,) bool, which."""
    rows = np.random.default_rng(0).random(len(xyz)) < share
    out = xyz.copy()
    out[np.ix_(rows, np.arange(3)[axes])] = mark
    return out, rows


@pytest.mark.parametrize("share", [0.01, 0.3, 0.8])
@pytest.mark.parametrize("mark", [0.0, -9999.0, -32768.0, 65535.0, 2147483647.0, 1e17])
@pytest.mark.parametrize("axes", [slice(None), slice(2, 3), slice(0, 1)])
def test_a_value_that_repeats_far_off_all_else_is_a_mark(share, mark, axes):
    """Rows with the mark, in all coordinates or in one, become NaN with one note; all others are untouched."""
    xyz, rows = spoilt(bowl() - [-300, 0, 0], share, mark, axes)
    cloud = without_marks(PointCloud(xyz))
    np.testing.assert_array_equal(cloud.valid, ~rows)
    np.testing.assert_array_equal(cloud.xyz[~rows], xyz[~rows])
    assert np.isnan(cloud.xyz[rows]).all()
    assert len(cloud.notes) == 1 and cloud.notes[0].startswith(f"{rows.sum()} of 3600 rows ")
    assert cloud.notes[0].endswith("a mark for no measurement; --keep-marks keeps them as points")
    assert without_marks(PointCloud(xyz), keep=True).xyz is xyz


def test_notes_name_the_mark():
    """The user reads which value it is and where it stands."""
    xyz = bowl()
    xyz[:39] = 0
    xyz[100:140, 2] = -9999
    xyz[200:210] = 65535
    assert [note.partition(" mark")[0] for note in without_marks(PointCloud(xyz)).notes] == [
        "10 of 3600 rows have x = y = z = 65535, far off all else: a",
        "40 of 3600 rows have z = -9999, far off all else: a",
        "39 of 3600 rows are exactly (0, 0, 0), a",
    ]


def test_zeros_amid_the_points_are_marks_and_a_lone_one_is_a_point():
    """A part may lie around the origin: (0, 0, 0) is a mark when it is told more often than any place is."""
    around = bowl() - [0, 0, 502]
    once, twice = around.copy(), around.copy()
    once[7], twice[[7, 900]] = 0, 0
    assert without_marks(PointCloud(once)).valid.all()
    assert np.flatnonzero(~without_marks(PointCloud(twice)).valid).tolist() == [7, 900]
    assert without_marks(PointCloud(np.repeat(once, 4, axis=0))).valid.all(), "all points are told four times"


def test_zeros_of_an_organised_scan_need_no_note():
    """(0, 0, 0) is that format's own way to say it, also when one pixel alone has it; other marks are told."""
    xyz = bowl() - [0, 0, 502]
    xyz[7] = 0
    xyz[8] = np.inf
    for keep in (False, True):
        cloud = without_marks(PointCloud(xyz, grid=(60, 60)), keep=keep)
        assert np.flatnonzero(~cloud.valid).tolist() == [7, 8] and not cloud.notes
    xyz[20:30, 2] = -9999
    cloud = without_marks(PointCloud(xyz, grid=(60, 60)))
    assert (~cloud.valid).sum() == 12 and cloud.notes[0].startswith("10 of 3600 rows have z = -9999")


@pytest.mark.parametrize(
    "xyz",
    [
        bowl() * [1, 1, 0],
        np.round(bowl() * [1, 1, 3]),
        np.concatenate([bowl() * [1, 1, 0], bowl()[:200] - [0, 0, 460]]),
        np.concatenate([bowl(), np.round(bowl(40) - [-400, 0, 0])]),
        np.repeat(np.array(np.meshgrid([0.0, 1], [0.0, 1], [0.0, 9999])).reshape(3, -1).T, 50, axis=0),
    ],
    ids=["flat", "in whole steps", "a step above a plate", "two parts", "a box of corners"],
)
def test_what_repeats_without_being_far_is_measured(xyz):
    """Plates at one height, coordinates in steps, steps and second parts are no marks."""
    assert without_marks(PointCloud(xyz)).xyz is xyz


def test_a_mesh_has_no_marks():
    """Samples of a surface are where the surface is."""
    xyz = np.concatenate([bowl(), np.zeros((50, 3))])
    assert without_marks(PointCloud(xyz, mesh=Mesh(np.eye(3), np.array([[0, 1, 2]])))).valid.all()


@pytest.mark.parametrize("suffix", ["csv", "xyz", "npy", "pcd"])
def test_every_format_is_looked_at(tmp_path, suffix):
    """Marks are found behind the reader, whatever it read; asked to, they are kept."""
    xyz, rows = spoilt(bowl(), 0.2, 0.0)
    path = tmp_path / f"a.{suffix}"
    if suffix == "npy":
        np.save(path, xyz)
    elif suffix == "pcd":
        head = f"FIELDS x y z\nSIZE 8 8 8\nTYPE F F F\nCOUNT 1 1 1\nWIDTH {len(xyz)}\nHEIGHT 1\nDATA ascii\n"
        path.write_text(head + "\n".join(" ".join(map(str, row)) for row in xyz.tolist()))
    else:
        np.savetxt(path, xyz, delimiter="," if suffix == "csv" else " ")
    cloud = read_scan(path)
    np.testing.assert_array_equal(cloud.valid, ~rows)
    assert "exactly (0, 0, 0)" in cloud.notes[0]
    assert read_scan(path, keep_marks=True).valid.all()


@pytest.fixture(scope="module")
def inspector():
    """The shipped model."""
    from align3d_cli.model.bundle import load_bundle
    from align3d_cli.model.inspector import Inspector

    return Inspector(load_bundle("align3d-lite"), device="cpu")


def with_coordinates(path, xyz):
    """The shipped part's file with other coordinates in its rows."""
    head, body = PART.read_bytes().split(b"end_header\n")
    row = np.frombuffer(body, np.uint8).reshape(len(xyz), -1).copy()
    row[:, :12] = xyz.astype("<f4").view(np.uint8).reshape(len(xyz), 12)
    path.write_bytes(head + b"end_header\n" + row.tobytes())


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.02, 0.3])
@pytest.mark.parametrize(("mark", "axes"), [(0.0, slice(None)), (-9999.0, slice(None)), (-9999.0, slice(2, 3))])
def test_marks_leave_the_score_as_it_is(tmp_path, inspector, share, mark, axes):
    """The README's first example scores as if the rows with marks were not in the file; they are counted, and NaN."""
    xyz, rows = spoilt(read_scan(PART).xyz, share, mark, axes)
    with_coordinates(tmp_path / "a.ply", xyz)
    found = inspector.inspect(read_scan(tmp_path / "a.ply"))
    assert found.score == inspector.inspect(PointCloud(xyz[~rows])).score
    assert found.score == pytest.approx(SCORE, abs=0.15)  # a third of the points fewer: a scan of another density
    assert found.n_invalid == rows.sum() and len(found.notes) == 1
    np.testing.assert_array_equal(np.isnan(found.point_scores), rows)


def test_the_heat_map_keeps_the_marks_of_its_file(tmp_path):
    """A PLY goes back with the coordinates it came with, marks too, and NaN for their score."""
    xyz, rows = spoilt(read_scan(PART).xyz, 0.02, -9999.0)
    with_coordinates(tmp_path / "a.ply", xyz)
    cloud = read_scan(tmp_path / "a.ply")
    scores = np.where(cloud.valid, 0.5, np.nan).astype(np.float32)
    write_scores(tmp_path / "b.ply", cloud, scores, np.zeros((len(cloud), 3), np.uint8))
    back = read_scan(tmp_path / "b.ply", keep_marks=True)
    np.testing.assert_array_equal(back.xyz, xyz)
    np.testing.assert_array_equal(np.isnan(back.origin.vertex.columns["scalar_anomaly"]), rows)
