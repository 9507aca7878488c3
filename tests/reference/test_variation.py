"""Where good parts vary: plates that differ at one place by a known height, or nowhere, or lie on no other."""

import json
from dataclasses import replace

import numpy as np
import pytest

from align3d_cli.errors import UsageError
from align3d_cli.io.read import read_scan
from align3d_cli.model.calibration import Calibration
from align3d_cli.reference.learning import learn
from align3d_cli.reference.seen import diagonal
from align3d_cli.reference.variation import LEAST, TIMES
from align3d_cli.running.variation_file import check_varies, write_variation
from tests.matching.shapes import random_pose
from tests.reference.plates import first_hill, heights, plate

pytestmark = pytest.mark.slow  # scans are registered

OWN = Calibration()
LOW, HIGH = 0.7, 1.3  # times the height of the first hill, of the lowest and the highest plate: 4 % of the size


@pytest.fixture(scope="module")
def tall():
    """Three plates whose first hill is of another height on each, all else the same."""
    parts = [plate(10 + number, tall=height) for number, height in enumerate((LOW, 1.0, HIGH))]
    return [replace(one, scan=replace(one.scan, report=one.scan.report | {"unit": "mm"})) for one in parts]


@pytest.fixture(scope="module")
def found(tall):
    return learn(tall, OWN).variation


def true_difference(xyz: np.ndarray) -> np.ndarray:
    """(N,) how far the highest plate lies above the lowest one."""
    return np.abs(heights(xyz[:, 0], xyz[:, 1], 0, HIGH) - heights(xyz[:, 0], xyz[:, 1], 0, LOW))


def test_the_place_that_varies_is_told_with_its_amount(found):
    """One place, around the hill, as far apart as the highest is from the lowest; its unit is the first part's."""
    (one,) = found.places
    assert np.linalg.norm(np.array(one.centre[:2]) - first_hill(0)) < 0.05  # its foot ends at the rim
    assert one.most == pytest.approx(true_difference(found.xyz).max(), rel=0.2)
    assert found.level < one.mean < one.most
    assert found.unit == "mm" and found.level == pytest.approx(max(TIMES * found.middle, LEAST * 1.45), rel=0.2)


def test_its_area_is_that_of_the_points_that_vary(found):
    """Seen from above, what is labelled is what differs by more than the level, and the area is theirs."""
    varies = true_difference(found.xyz) > found.level
    assert (varies == (found.region == 1)).mean() > 0.97
    (one,) = found.places
    assert one.area == pytest.approx(varies.mean(), rel=0.15)  # the plate is 1 x 1, a scan even from above
    assert one.width <= one.length < 1.5 * np.sqrt(4 * one.area / np.pi)
    assert (np.array(one.low) < one.centre).all() and (np.array(one.high) > one.centre).all()


def test_one_odd_plate_among_equal_ones_is_enough():
    """Three alike in other poses and one with a lower hill: the place is found from the odd one too, whose surface
    looks elsewhere than straight up."""
    parts = [plate(1), plate(2, pose=random_pose(2)), plate(3, pose=random_pose(3)), plate(4, tall=LOW)]
    told = learn(parts, OWN).variation
    heights_of = true_difference(plate(1).scan.xyz).max() / (HIGH - LOW) * (1 - LOW)
    assert len(told.places) == 1 and told.places[0].most == pytest.approx(heights_of, rel=0.25)


def test_plates_that_differ_by_noise_vary_nowhere():
    """No place, and everything that is told is JSON."""
    told = learn([plate(1), plate(2), plate(3)], OWN).variation
    assert told.places == () and not told.region.any()
    assert json.loads(json.dumps(told.as_dict()))["places"] == []


def test_without_another_part_that_lies_on_it_nothing_is_known():
    """Of a lone part, and of two reliefs that are no rigid body."""
    assert learn([plate(1)], OWN).variation is None
    assert learn([plate(1), plate(3, kind=2)], OWN).variation is None


def test_the_file_holds_what_varies_and_where(found, tmp_path):
    """All points of the first part, how far apart the parts lie there, the number of the place, and colours in it."""
    path = write_variation(tmp_path / "varies.ply", found)
    head = path.read_bytes()[:600]
    assert b"property float scalar_varies" in head and b"property float scalar_region" in head
    cloud = read_scan(path)
    assert len(cloud) == len(found.xyz) and diagonal(cloud.xyz) == pytest.approx(diagonal(found.xyz))
    assert len(np.unique(cloud.colours[found.region == 0], axis=0)) < len(np.unique(cloud.colours, axis=0))
    with pytest.raises(UsageError, match="exists already"):
        write_variation(path, found)
    with pytest.raises(UsageError, match=r"end its name with \.ply"):
        check_varies(tmp_path / "varies.npz")
