"""The parts of a folder among each other: who is odd, what is left out, and when they are too few."""

from dataclasses import replace

import numpy as np
import pytest

from align3d_cli.errors import InputRejected
from align3d_cli.model.calibration import Calibration
from align3d_cli.reference.among import FEWEST, among
from align3d_cli.reference.order import surveyed
from tests.matching.shapes import random_pose
from tests.reference.plates import RAW, in_dent, plate

pytestmark = pytest.mark.slow  # scans are registered

OWN = Calibration(slope=2.0, offset=-1.0, threshold=0.6, colour_low=0.1, colour_high=0.9)
DENTED, LARGE = 2, 4


@pytest.fixture(scope="module")
def folder():
    """Five good plates, the fifth of another size, and a dented one in the middle."""
    return [
        plate(1),
        plate(2, pose=random_pose(2)),
        plate(3, dent=True),
        plate(4),
        plate(5, scale=2.0),
        plate(6, pose=random_pose(6)),
    ]


def compared(folder):
    """Each part's own scores joined with what the others say of it, in their order."""
    scans = [surveyed(one.name, one.scan.xyz) for one in folder]
    found = among(scans, folder.__getitem__, OWN)
    return [beside(one.scan, one.points, one.raw) for one, beside in zip(folder, found, strict=True)]


@pytest.fixture(scope="module")
def joined(folder):
    return compared(folder)


def test_the_defective_part_is_the_highest(folder, joined):
    """Nobody said which are good; its dent is where it is high, and it alone lies above the limit."""
    scores = [one.score for number, one in enumerate(joined) if number != LARGE]
    assert max(scores) == joined[DENTED].score > 0.5
    assert sorted(scores)[-2] < 0.5
    inside = in_dent(folder[DENTED].scan.xyz)
    assert np.median(joined[DENTED].points[inside]) > np.quantile(joined[DENTED].points[~inside], 0.9)


def test_a_part_of_another_size_is_left_to_the_model(joined):
    """It says nothing of the others, nor they of it."""
    odd = joined[LARGE]
    assert odd.calibration.threshold == 0.5 and odd.raw == RAW and "times as large as they are" in odd.notes[0]


def test_results_say_that_they_depend_on_the_call(folder, joined):
    """Which parts were compared, without a rate of false alarms that nobody could know."""
    for one in joined:
        assert one.account["kind"] == "among" and one.account["parts"] == [part.name for part in folder]
        assert one.account["interval"] is None and one.account["alarms"] is None


def test_the_order_of_the_folder_changes_nothing(folder, joined):
    """Each part has the same scores to the last bit, wherever it stands."""
    again = compared(folder[::-1])[::-1]
    for one, other in zip(joined, again, strict=True):
        assert one.score == other.score
        np.testing.assert_array_equal(one.points, other.points)


def test_too_few_parts_of_one_size_are_refused(folder):
    """Three and one of another size: how many there are, how many are needed, and what else there is."""
    few = [*folder[:3], folder[LARGE]]
    with pytest.raises(InputRejected, match=rf"^--among: 3 of 4 .* at least {FEWEST} are needed; .*--good"):
        compared(few)


def test_one_that_fails_after_all_is_left_out(folder):
    """It says nothing of the others, nor they of it; of those that are left at least four are needed."""
    scans = [surveyed(one.name, one.scan.xyz) for one in folder]
    found = among(scans, lambda row: None if row == 0 else folder[row], OWN)
    assert found[0] is None and all(found[1:])
    with pytest.raises(InputRejected, match="3 of 6"):
        among(scans, lambda row: None if row < 2 else folder[row], OWN)


def test_what_waits_holds_no_scan(folder):
    """Once parts are compared, what is kept of each is as large as its even points, not as its scan."""
    scans = [surveyed(one.name, one.scan.xyz) for one in folder]
    found = among(scans, folder.__getitem__, OWN)
    even = [beside.args[0] for beside, scan in zip(found, scans, strict=True) if scan.size < 2]
    assert all(len(one.points) < 4096 and one.points.size == one.deviation.size for one in even)


def test_a_copy_in_the_folder_is_refused(folder):
    """A defective part and its copy would call each other good."""
    copy = replace(folder[DENTED], name="copy.ply")
    with pytest.raises(InputRejected, match=r"^copy\.ply: is the same scan as plate3\.ply"):
        compared([*folder[:4], copy])
