"""References as scoring meets them: joined, falling back to the model alone, refused, stored and read again."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import prepare
from align3d_cli.errors import InputRejected
from align3d_cli.matching.poses import moved
from align3d_cli.model.calibration import Calibration
from align3d_cli.reference.learning import learn
from align3d_cli.reference.order import own_order, refuse_copies, surveyed
from align3d_cli.reference.references import FACTS, ITSELF
from tests.matching.shapes import random_pose
from tests.reference.plates import DENT_DEPTH, RAW, in_dent, plate

pytestmark = pytest.mark.slow  # scans are registered

OWN = Calibration(slope=2.0, offset=-1.0, threshold=0.6, colour_low=0.1, colour_high=0.9)


@pytest.fixture(scope="module")
def good():
    """Three scans of one plate, each in a pose of its own."""
    return [plate(1), plate(2, pose=random_pose(2)), plate(3, pose=random_pose(3))]


@pytest.fixture(scope="module")
def known(good):
    return learn(good, OWN)


@pytest.fixture(scope="module")
def lone(good):
    return learn(good[:1], OWN)


def told(found):
    return found.scan, found.points, found.raw


@pytest.mark.parametrize("how_many", ["known", "lone"])
def test_a_dent_is_told_from_a_further_good_part(request, how_many):
    """Its points are higher than all around, the object is; the deviation is its depth, in the order of the points."""
    references = request.getfixturevalue(how_many)
    dented, further = plate(4, dent=True), plate(5)
    bad, fine = (references.beside(*told(one)) for one in (dented, further))
    inside = in_dent(dented.scan.xyz)
    assert np.median(bad.points[inside]) > np.quantile(bad.points[~inside], 0.9)
    assert bad.score > 0.5 and bad.score > fine.score and bad.raw > fine.raw + 1
    assert -DENT_DEPTH < np.nanmean(bad.deviation[inside]) < -0.6 * DENT_DEPTH
    assert bad.calibration is references.calibration and bad.calibration.threshold == 0.5
    assert set(bad.account) == {*FACTS, "spoke", "laid", "why_apart", "missing_share"}
    assert bad.account["laid"] and bad.account["why_apart"] is None and bad.notes == ()


def test_a_good_part_to_look_at_lies_on_the_scan(known):
    """One of the references with the pose that lays it there; none beside a scan of another size."""
    posed = plate(5, pose=random_pose(7))
    twin = known.beside(*told(posed)).twin
    assert twin.name in known.facts["parts"]
    there = moved(twin.scan_from_twin, twin.xyz)
    away = cKDTree(there).query(posed.scan.xyz)[0]
    spacing = np.median(cKDTree(there).query(there, k=2)[0][:, 1])
    assert np.quantile(away, 0.95) < 2 * spacing
    large = plate(6, scale=3.0)
    assert known.beside(*told(large)).twin is None


def test_what_was_learned_is_said(known, lone, good):
    """Parts by name, how many are one rigid body, alarms with their interval; of a lone part no rate is known."""
    assert known.facts["parts"] == [one.name for one in good] and known.facts["laid_parts"] == 3
    assert known.facts["alarms"] == 0 and known.facts["interval"] == [0.0, 0.7076]
    assert lone.facts["interval"] is None and lone.facts["alarms"] is None


def test_another_size_is_left_to_the_model(lone):
    """The model's own score and points, its limit brought to 0.5, and a note that says why and what to do."""
    found = lone.beside(*told(plate(5, scale=3.0)))
    limit = 0.6 / (1 - 0.6)  # odds of its own threshold, which comes to lie at 0.5
    odds = float(OWN.score(RAW)) / (1 - float(OWN.score(RAW))) / limit
    assert OWN.threshold == 0.6 and found.raw == RAW and found.score == pytest.approx(odds / (1 + odds))
    assert found.calibration.threshold == 0.5 and found.deviation is None
    assert found.account["spoke"] == {"zero-shot": 1.0} and not found.account["laid"]
    (note,) = found.notes
    assert "3 times as large" in note and "the model alone speaks" in note and "name good parts of its kind" in note


def test_another_object_is_left_to_the_model(lone):
    """Of the same size, and unlike all over: a rough block says nothing about hilly plates."""
    found = lone.beside(*told(plate(6, kind=2, rough=0.03)))
    assert found.raw == RAW and found.calibration.threshold == 0.5 and "times as unlike" in found.notes[0]


def test_an_odd_good_part_is_refused_by_name(good):
    """Three plates and a rough one: its name, what is odd, and what to do."""
    with pytest.raises(
        InputRejected, match=r"^plate7\.ply: .* as unlike the other good parts .*; leave it out"
    ) as said:
        learn([*good, plate(7, kind=2, rough=0.03)], OWN)
    assert "\n" not in str(said.value)


def test_a_good_part_of_another_size_is_refused_by_name(good):
    """Parts of different kinds or units are no good parts of one kind."""
    with pytest.raises(InputRejected, match=r"^plate8\.ply: [\d.]+ times the size of plate\d\.ply; name good"):
        learn([plate(8, scale=10.0), *good], OWN)


def test_a_scan_named_twice_is_refused(good):
    """The same file, or a copy of it under another name: a part would vouch for itself."""
    clouds = {"a.ply": good[0].scan.xyz, "b.ply": good[1].scan.xyz, "c.ply": good[0].scan.xyz[::-1]}
    with pytest.raises(InputRejected, match=r"^c\.ply: is the same scan as a\.ply; name every scan once"):
        refuse_copies([surveyed(name, xyz) for name, xyz in clouds.items()])
    with pytest.raises(InputRejected, match=r"^plate1\.ply: is named twice; "):
        learn([good[0], good[1], good[0]], OWN)


def test_a_good_part_itself_is_told(lone, good):
    """A scan that was taught looks better than a further one, and a note says so."""
    assert lone.beside(*told(good[0])).notes == (ITSELF,)


def test_the_order_of_good_parts_changes_nothing(known, good):
    """The same limits and the same scores to the last bit."""
    again, scan = learn(good[::-1], OWN), told(plate(5))
    assert again.calibration == known.calibration and again.size == known.size
    one, other = known.beside(*scan), again.beside(*scan)
    np.testing.assert_array_equal(one.points, other.points)
    assert one.score == other.score


def test_parts_stand_in_an_order_of_their_own(good):
    """The part of middle size first; rows of one order and of another name the same scans."""
    scans = [surveyed(f"{scale}", good[0].scan.xyz * scale) for scale in (1.2, 1.0, 1.1)]
    order = own_order(scans)
    assert order[0] == 2
    assert [2 - row for row in own_order(scans[::-1])] == order


def test_the_order_of_points_changes_nothing(lone):
    """Shuffled, a scan without a grid has the same scores, point for point, but for the rounding of sums."""
    one = plate(9, grid=False)
    shuffle = np.random.default_rng(0).permutation(len(one.scan.xyz))
    found = lone.beside(*told(one))
    again = lone.beside(
        type(one.scan)(one.scan.xyz[shuffle], one.scan.index, None, None, one.scan.spacing, one.scan.report),
        one.points[shuffle],
        one.raw,
    )
    np.testing.assert_allclose(again.points, found.points[shuffle], atol=1e-4)
    assert again.score == pytest.approx(found.score, abs=1e-4)


@pytest.fixture(scope="module")
def nominal(good):
    """One plate that every scan must lie on."""
    return learn(good[:1], OWN, kind="reference")


def test_a_scan_that_must_lie_and_does_not_is_an_error(nominal):
    """A rough block: no verdict, but one line with the file, the reference, why, and what to check."""
    with pytest.raises(InputRejected, match=r"^line/7\.ply: cannot be laid onto plate1\.ply: .+; check part, side"):
        nominal.beside(*told(plate(6, kind=2, rough=0.03)), name="line/7.ply")
    assert nominal.beside(*told(plate(5))).account["kind"] == "reference"


def test_a_cad_model_is_measured_from_its_triangles(good):
    """A sharp ridge between large triangles, of which few points were drawn: another scan of it lies on it, nine
    tenths within a fiftieth of the spacing, where points alone err by more."""
    x, y = np.meshgrid(*[np.linspace(0, 1, 5)] * 2)
    corners = np.stack([x, y, 0.3 - np.abs(x - 0.5) + 0.2 * y * (y > 0.5)], axis=-1)
    a, b, c, d = corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]
    triangles = np.concatenate([np.stack(three, axis=2).reshape(-1, 3, 3) for three in ((a, b, c), (a, c, d))])
    weights = np.random.default_rng(0).dirichlet(np.ones(3), (2, len(triangles), 500))
    scans = [np.einsum("tnk,tkj->tnj", one, triangles).reshape(-1, 3) for one in weights]
    parts = [replace(good[0], scan=prepare(PointCloud(xyz)), points=np.full(len(xyz), 0.2)) for xyz in scans]
    exact, by_points = (
        learn([replace(parts[0], triangles=mesh)], OWN, kind="reference").beside(*told(parts[1])).deviation
        for mesh in (triangles, None)
    )
    spacing = 0.01 * 1.45
    assert np.nanquantile(np.abs(exact), 0.9) < 0.02 * spacing
    assert np.nanmean(np.abs(exact)) < 0.7 * np.nanmean(np.abs(by_points))


@pytest.mark.parametrize(("scale", "words"), [(1000, "one file in m, the other in mm"), (1 / 25.4, "inch")])
def test_a_reference_in_another_unit_is_told_before_anything_is_measured(nominal, scale, words):
    """At the reference's scale a scan a thousand times as large would have more cells than memory."""
    with pytest.raises(InputRejected, match=words):
        nominal.beside(*told(plate(5, scale=scale)))
