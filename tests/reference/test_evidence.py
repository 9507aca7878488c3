"""Evidence on plates whose dent is known: high there, low elsewhere, and nothing where there is nothing to compare."""

import numpy as np
import pytest

from align3d_cli.reference.comparison import evidence_of, lowest
from align3d_cli.reference.good import laid_out
from align3d_cli.reference.seen import diagonal
from align3d_cli.reference.usual import halves_of, measured
from tests.matching.shapes import random_pose
from tests.reference.plates import DENT_AT, DENT_DEPTH, LEVEL, WARM, first_hill, in_dent, plate, seen_at

pytestmark = pytest.mark.slow  # each scan is registered


@pytest.fixture(scope="module")
def good():
    """A plate as a lone good part, measured against a half of itself."""
    told = plate(1)
    seen = seen_at(told)
    return measured(laid_out([(told.name, None, seen)]), halves_of(told.scan, told.points, seen))


@pytest.fixture(scope="module", params=["as it was", "in another pose"])
def dented(request, good):
    """Evidence on a dented plate, and which of its even points lie in the dent and far from it."""
    size = good.parts[0].seen.surface.size
    pose = None if request.param == "as it was" else random_pose(2)
    seen = seen_at(plate(2, dent=True, pose=pose), size)
    where = seen.surface.xyz if pose is None else (seen.surface.xyz - pose[:3, 3]) @ pose[:3, :3]
    edge = ((where[:, :2] < 0.08) | (where[:, :2] > 0.92)).any(axis=1)
    far = (np.linalg.norm(where[:, :2] - DENT_AT, axis=1) > 0.25) & ~edge
    return evidence_of(seen, good.parts), in_dent(where), far


def test_descriptors_in_the_dent_are_unlike_any(dented):
    """Nearly all of its flank is farther from the nearest descriptor than nearly all of the rest."""
    found, inside, far = dented
    assert np.median(found.unlike[inside]) > np.quantile(found.unlike[far], 0.9)
    assert (found.unlike >= 0).all() and (found.unlike <= 2).all()


def test_the_model_is_warmer_there_than_at_the_same_place(dented):
    """`shift` is what the model says above the good part there, and 0 elsewhere; `surprise` likewise."""
    found, inside, far = dented
    assert found.shift[inside].mean() > 0.6 * (WARM - LEVEL)
    assert np.abs(np.median(found.shift[far])) < 0.02 and np.abs(np.median(found.surprise[far])) < 0.02
    assert found.surprise[inside].mean() > 0.5 * (WARM - LEVEL)


def test_the_surface_lies_below_the_good_one(dented):
    """`signed` is the depth of the dent, negative since it lies inside, and little elsewhere."""
    found, inside, far = dented
    assert found.why_apart == ""
    assert -DENT_DEPTH < np.nanmean(found.signed[inside]) < -0.6 * DENT_DEPTH
    assert np.nanquantile(np.abs(found.signed[far]), 0.95) < 0.1 * DENT_DEPTH
    assert found.missing_share < 0.02


def test_another_object_lies_on_none(good):
    """A rough block: why is said in words, and what needs a place is unknown; descriptors speak all the same."""
    found = evidence_of(seen_at(plate(3, kind=2, rough=0.03), good.parts[0].seen.surface.size), good.parts)
    assert "reference" in found.why_apart
    for unknown in (found.shift, found.signed, found.missing):
        assert np.isnan(unknown).all()
    assert np.isfinite(found.unlike).all() and np.isfinite(found.surprise).all() and found.usual is not None


def test_a_hole_is_missing_material(good):
    """Points at its rim say how far it reaches, and the share is that of its area."""
    seen = seen_at(plate(4, hole=True), good.parts[0].seen.surface.size)
    found = evidence_of(seen, good.parts)
    rim = np.linalg.norm(seen.surface.xyz[:, :2] - DENT_AT, axis=1) < 0.18
    assert found.missing[rim].max() > 0.05 and found.missing[~rim].max() < 0.03
    assert found.missing_share == pytest.approx(np.pi * 0.125**2, rel=0.4)


def test_what_varies_between_good_parts_is_usual_there():
    """A hill of another height on each good plate: the deviation is usual on it, and a plate is no less usual where it
    has no hill."""
    tall = [plate(10 + number, tall=height) for number, height in enumerate((0.4, 1.0, 1.6))]
    size = diagonal(tall[0].scan.xyz)
    known = measured(laid_out([(one.name, None, seen_at(one, size)) for one in tall]))
    assert all(part.first_from_part is not None for part in known.parts)
    part = known.parts[1]
    on_hill = np.linalg.norm(part.seen.surface.xyz[:, :2] - first_hill(0), axis=1) < 0.05
    far = np.linalg.norm(part.seen.surface.xyz[:, :2] - first_hill(0), axis=1) > 0.4
    assert part.usual.deviation[on_hill].mean() > 5 * np.median(part.usual.deviation[far])
    assert all((values >= 0).all() and values.dtype == np.float32 for values in part.usual.values)


def test_a_lone_part_differs_from_itself_by_noise(good):
    """Its two halves: the usual deviation is far below the dent's depth, the usual shift that of the scores' noise."""
    (part,) = good.parts
    assert np.median(part.usual.deviation) < 0.05 * DENT_DEPTH and np.median(part.usual.shift) < 0.03
    assert len(good.evidence) == 1 and good.evidence[0].why_apart == ""


def test_the_lowest_share_by_hand():
    """Of three good parts the nearest counts, of ten the mean of the nearest three: one odd one is not enough."""
    assert lowest([np.array([3.0, 1]), np.array([2.0, 5]), np.array([9.0, 4])]).tolist() == [2, 1]
    assert lowest([np.array([float(value)]) for value in (9, 1, 8, 3, 7, 2, 6, 5, 4, 10)]).tolist() == [2]
