"""Regions of parts whose defects are known: as many as there are, as large and as deep as they are."""

import numpy as np
import pytest

from align3d_cli.regions import measure
from align3d_cli.regions.find import MOST, find_regions
from align3d_cli.regions.levels import Levels, levels_between

from .shapes import APART, BASES, Part, part, spread

TRUE = Levels(0.5, 0.5)  # for labels as the map
KINDS = {"dent": "concave", "bump": "convex", "scratch": "concave", "hole": "missing"}


def found(given: Part, **changes):
    scores = changes.pop("scores", given.label.astype(np.float32))
    return find_regions(given.xyz, scores, TRUE, APART, lambda: given.outward, **changes)


@pytest.mark.parametrize("noise", [0.02, 0.1])
@pytest.mark.parametrize("how", ["grid", "random"])
@pytest.mark.parametrize("defect", KINDS)
@pytest.mark.parametrize("base", BASES)
def test_a_known_defect_is_measured(base, defect, how, noise):
    """Depth within 15 %, area within 20 %, length and width within a sixth, the right sign, over kinds and bases."""
    given = part(base, defect, how, noise=noise)
    (region,) = found(given).regions
    assert region.kind == KINDS[defect] and region.points == given.label.sum()
    assert region.area == pytest.approx(given.area, rel=0.2)
    assert region.length == pytest.approx(given.length, rel=0.17)
    assert region.width == pytest.approx(given.width, rel=0.17)
    if defect == "hole":
        assert region.area_missing == pytest.approx(np.pi * 36, rel=0.2)
    else:
        deepest = region.height if defect == "bump" else region.depth
        assert deepest == pytest.approx(given.depth, rel=0.15)
        assert region.area_missing == 0
    assert region.roughness == pytest.approx(noise, rel=0.35)


@pytest.mark.parametrize("defect", ["dent", "bump"])
@pytest.mark.parametrize("base", BASES)
def test_the_fairest_surface_measures_as_well(monkeypatch, base, defect):
    """Where no simple surface goes through the ring, depth within 15 % and area within 20 % too."""
    monkeypatch.setattr(measure, "reference_of", lambda *given: None)
    given = part(base, defect, "random")
    (region,) = found(given).regions
    assert (region.height if defect == "bump" else region.depth) == pytest.approx(given.depth, rel=0.15)
    assert region.area == pytest.approx(given.area, rel=0.2) and region.kind == KINDS[defect]


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_measures_follow_the_unit(factor):
    """A part in other units has the same regions, lengths times the factor, areas times its square."""
    given = part("sphere", "dent", "random")
    (one,) = found(given).regions
    xyz = given.xyz * factor + 5 * factor
    (other,) = find_regions(xyz, given.label.astype(np.float32), TRUE, APART * factor, lambda: given.outward).regions
    assert other.points == one.points and other.kind == one.kind
    for name, power in {"area": 2, "length": 1, "width": 1, "depth": 1}.items():
        assert getattr(other, name) == pytest.approx(getattr(one, name) * factor**power, rel=1e-3)


@pytest.mark.parametrize(
    ("how", "seen", "gap"), [("grid", True, 1), ("random", True, 1), ("random", True, 0.5), ("grid", False, 1)]
)
def test_two_thin_walls_do_not_join(how, seen, gap):
    """A hot spot on each side of a wall one distance of points thick gives two regions; points at random take the
    directions they are seen from for that, and then half a distance is enough."""
    uv = [spread(100.0, 100.0, how, np.random.default_rng(seed)) for seed in (1, 2)]
    xyz = np.concatenate([np.c_[side, np.full(len(side), z)] for side, z in zip(uv, (0.0, -gap), strict=True)])
    scores = (np.hypot(*(xyz[:, :2] - 20).T) < 8).astype(np.float32)
    outward = np.where(xyz[:, 2:] == 0, 1.0, -1.0) * [0, 0, 1]
    regions = find_regions(xyz, scores, TRUE, APART, (lambda: outward) if seen else None).regions
    assert [region.low[2] for region in regions] == [region.high[2] for region in regions]
    assert {region.low[2] for region in regions} == {0.0, -gap} and len(regions) == 2
    assert all(region.area == pytest.approx(np.pi * 64, rel=0.1) for region in regions)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("how", ["grid", "random"])
def test_a_step_without_walls_is_as_deep_as_it_is(how, sign):
    """A sensor sees the floor of a blind hole and no wall that leads to it: the floor is measured against its rim."""
    uv = spread(100.0, 100.0, how, np.random.default_rng(4))
    label = np.hypot(*uv.T) < 9
    xyz = np.c_[uv, np.where(label, 8.0 * sign, 0.0)]
    outward = np.tile([0.0, 0.0, 1.0], (len(xyz), 1))
    (region,) = find_regions(xyz, label.astype(np.float32), TRUE, APART, lambda: outward).regions
    assert region.kind == ("convex" if sign > 0 else "concave") and region.area == pytest.approx(np.pi * 81, rel=0.1)
    assert max(region.depth, region.height) == pytest.approx(8.0, rel=0.01)


def test_a_dent_at_the_rim_of_a_part_ends_there():
    """Half a dent has half the area, and what lies beyond the rim is not missing."""
    uv = spread(100.0, 100.0, "grid", np.random.default_rng(4))
    r = np.hypot(*(uv - [50.0, 0.0]).T)
    xyz = np.c_[uv, np.where(r < 9, -1.5 * np.cos(np.minimum(r / 9, 1) * np.pi / 2) ** 2, 0.0)]
    outward = np.tile([0.0, 0.0, 1.0], (len(xyz), 1))
    (region,) = find_regions(xyz, (r < 9).astype(np.float32), TRUE, APART, lambda: outward).regions
    assert region.area == pytest.approx(np.pi * 40.5, rel=0.12) and region.area_missing == 0
    assert region.kind == "concave" and region.depth == pytest.approx(1.5, rel=0.15)


def test_no_depth_is_told_across_an_edge_of_the_part():
    """Where two faces meet, no smooth surface says where the edge would be: unknown, and not a bump."""
    rng = np.random.default_rng(0)
    top = np.pad(spread(100.0, 100.0, "grid", rng), ((0, 0), (0, 1)))
    side = np.c_[top[:, 0], np.full(len(top), 50.0), top[:, 1] - 50]
    xyz = np.concatenate([top, side[side[:, 2] < -0.5]])
    outward = np.where(np.arange(len(xyz))[:, None] < len(top), [0.0, 0.0, 1.0], [0.0, 1.0, 0.0])
    r = np.linalg.norm(xyz - [0.0, 50.0, 0.0], axis=1)
    dent = 1.5 * np.cos(np.minimum(r / 9, 1) * np.pi / 2) ** 2
    xyz = xyz - dent[:, None] * np.array([0.0, 1.0, 1.0]) / np.sqrt(2) + rng.normal(0, 0.03, xyz.shape)
    (region,) = find_regions(xyz, (r < 9).astype(np.float32), TRUE, APART, lambda: outward).regions
    assert (region.kind, region.depth, region.height) == ("unknown", None, None)
    assert region.area == pytest.approx(np.pi * 81, rel=0.2)


def test_a_cold_part_has_no_regions_and_nobody_is_asked_for_directions():
    """Nothing above the core level: the end, before anything costs time."""

    def nobody():
        raise AssertionError

    given = part("plate", "dent")
    cold = find_regions(given.xyz, np.full(len(given.xyz), 0.49, np.float32), TRUE, APART, nobody)
    assert cold.regions == () and not cold.labels.any()
    unknown = find_regions(given.xyz, np.full(len(given.xyz), np.nan, np.float32), TRUE, APART, nobody)
    assert unknown.regions == ()


def test_specks_are_dropped_and_a_core_is_needed():
    """Nine hot points together are noise; ten are a region, if one of them reaches the core level."""
    given = part("plate", "hole")
    order = np.argsort(np.hypot(*(given.xyz[:, :2] - 30).T))
    for n, peak, expected in [(9, 0.9, 0), (10, 0.9, 1), (10, 0.69, 0)]:
        scores = np.zeros(len(given.xyz), np.float32)
        scores[order[:n]] = 0.6
        scores[order[0]] = peak
        regions = find_regions(given.xyz, scores, Levels(0.5, 0.7), APART).regions
        assert len(regions) == expected


def test_numbers_are_those_of_the_points():
    """Labels, share, box, peak and mean are of the region's own points; the most severe region comes first."""
    given = part("plate", "dent")
    scores = np.where(given.label, 0.8, 0.0).astype(np.float32)
    hot = np.hypot(*(given.xyz[:, :2] + 30).T) < 4
    scores[hot] = 0.95
    result = found(given, scores=scores)
    large, small = result.regions
    assert (large.id, small.id) == (1, 2) and large.points > small.points
    own = given.xyz[result.labels == 2]
    assert small.points == len(own) == hot.sum() and small.share == pytest.approx(len(own) / len(given.xyz), rel=1e-5)
    np.testing.assert_allclose([small.low, small.high], [own.min(axis=0), own.max(axis=0)], rtol=1e-5)
    np.testing.assert_allclose(small.centre, own.mean(axis=0), rtol=1e-5)
    assert small.peak == float(np.float32(0.95)) and large.mean == pytest.approx(0.8)
    assert small.kind == "flat"


def test_the_order_of_points_changes_nothing():
    """The same points told in another order have the same regions."""
    given = part("cylinder", "scratch", "random")
    order = np.random.default_rng(3).permutation(len(given.xyz))
    result = found(given)
    turned = find_regions(
        given.xyz[order], given.label[order].astype(np.float32), TRUE, APART, lambda: given.outward[order]
    )
    (one,), (other,) = result.regions, turned.regions
    assert np.array_equal(turned.labels, result.labels[order])
    assert other.depth == pytest.approx(one.depth, rel=1e-3) and other.area == pytest.approx(one.area, rel=1e-3)


def test_a_part_that_is_hot_all_over_is_one_region_of_unknown_depth():
    """There is no surface around it to measure against; thinned to MOST points it still holds all of them."""
    rng = np.random.default_rng(0)
    xyz = rng.normal(size=(3 * MOST, 3))
    xyz *= 40 / np.linalg.norm(xyz, axis=1, keepdims=True)
    apart = 40 * np.sqrt(4 * np.pi / len(xyz))
    (region,) = find_regions(xyz, np.ones(len(xyz), np.float32), TRUE, apart).regions
    assert (region.kind, region.depth, region.height, region.roughness) == ("unknown", None, None, None)
    assert region.points == len(xyz) and region.share == 1
    assert region.area == pytest.approx(4 * np.pi * 1600, rel=0.2)


def test_a_dense_region_is_measured_on_fewer_points():
    """A dent of 16 000 points has the size it has with 250, and all but a few loose points their label."""
    fine = 9.0
    given = part("plate", "dent", "random", noise=0.01)
    rng = np.random.default_rng(5)
    uv = (rng.random((160_000, 2)) - 0.5) * 50
    r = np.hypot(*uv.T)
    lift = np.where(r < fine, -given.depth * np.cos(np.minimum(r / fine, 1) * np.pi / 2) ** 2, 0)
    xyz = np.c_[uv, lift + rng.normal(0, 0.01, len(uv))]
    result = find_regions(xyz, (r < fine).astype(np.float32), TRUE, 50 / 400)
    (region,) = result.regions
    assert not (result.labels[r >= fine] > 0).any() and region.points > 0.995 * (r < fine).sum()
    assert region.depth + region.height == pytest.approx(1.5, rel=0.05)
    assert region.area == pytest.approx(np.pi * 81, rel=0.05)


def test_copies_of_points_count_once_in_areas():
    """A scan that tells every point twice has defects of the same size."""
    given = part("plate", "dent")
    twice = np.repeat(given.xyz, 2, axis=0)
    scores = np.repeat(given.label, 2).astype(np.float32)
    (region,) = find_regions(twice, scores, TRUE, APART, lambda: np.repeat(given.outward, 2, axis=0)).regions
    assert region.points == 2 * given.label.sum()
    assert region.area == pytest.approx(given.area, rel=0.2) and region.depth == pytest.approx(given.depth, rel=0.15)


def test_levels_lie_between_the_colour_limits():
    """A tenth and half of the way, and never the wrong way round."""
    levels = levels_between(0.2, 0.7)
    assert (levels.edge, levels.core) == (pytest.approx(0.25), pytest.approx(0.45))
    with pytest.raises(ValueError, match="below its core"):
        Levels(0.5, 0.4)
