"""Long, thin, stepped families: slender, whole within their boxes, of many proportions, and no change to older ones."""

from dataclasses import replace

import numpy as np
import pytest

from align3d_cli.synthetic import FAMILIES, HELD_OUT_FAMILIES, TRAIN_FAMILIES
from align3d_cli.synthetic.families import blades, cranks, fins, handles, levers, profiles, shafts
from align3d_cli.synthetic.families.shafts import stepped
from align3d_cli.synthetic.families.variation import kitbash, varied
from align3d_cli.synthetic.outlines import tapered
from align3d_cli.synthetic.sampling import sample_surface
from align3d_cli.synthetic.sdf import cylinder, section
from align3d_cli.synthetic.solid import Solid

LONG = [name for room in (shafts, handles, blades, cranks, levers, profiles, fins) for name in room.FAMILIES]


def faces_of(half) -> np.ndarray:
    """Points (3, N) float32 spread over the six faces of a box."""
    points = np.random.default_rng(0).uniform(-1, 1, (6, 3, 1500)) * np.reshape(half, (3, 1))
    for face, on_face in enumerate(points):
        on_face[face // 2] = half[face // 2] * (1 if face % 2 else -1)
    return np.concatenate(points, axis=1).astype(np.float32)


@pytest.mark.parametrize("family", LONG)
def test_long_parts_end_within_their_boxes(family):
    """No face of the box that a part declares cuts it, over a dozen draws: a cut would look like a flat, whole part."""
    for seed in range(12):
        part = FAMILIES[family](np.random.default_rng(seed))
        assert part.sdf(faces_of(part.half)).min() > 0, seed


@pytest.mark.parametrize("family", LONG)
def test_long_parts_are_slender_in_many_proportions(family):
    """The thinnest side is less than half of the longest, and its share varies by a quarter and more between draws."""
    shares = []
    for seed in range(6):
        surface = sample_surface(FAMILIES[family](np.random.default_rng(seed)), 1500, np.random.default_rng(0))
        size = np.ptp(surface.xyz, axis=0)
        shares.append(size.min() / size.max())
    assert max(shares) < 0.55
    assert max(shares) > 1.25 * min(shares)


def test_the_older_families_and_their_mixture_stay_as_they_were():
    """Long families come last and are no part of the kitbash: a seed of an older name gives the part it always gave."""
    older = TRAIN_FAMILIES[: TRAIN_FAMILIES.index("kitbash")]
    assert tuple(LONG) == TRAIN_FAMILIES[len(older) + 1 :]
    assert not set(LONG) & set(HELD_OUT_FAMILIES)
    mixture = kitbash({name: FAMILIES[name] for name in older if name != "relief"})
    points = np.random.default_rng(1).uniform(-1, 1, (3, 500)).astype(np.float32)
    for seed in range(3):
        now, then = (make(np.random.default_rng(seed)) for make in (FAMILIES["kitbash"], mixture))
        assert np.array_equal(now.sdf(points), then.sdf(points))


def test_no_feature_cuts_through_a_part_that_says_how_thin_it_is():
    """Grooves and writing on any part are deep enough to part a wire in two, unless the wire names its thickness."""
    wire = Solid(cylinder(0.012, 0.9), (0.03, 0.03, 0.95))
    centre = np.zeros((3, 1), np.float32)  # which no deformation moves

    def cut(thin: float) -> int:
        parts = (varied(replace(wire, thin=thin), np.random.default_rng(seed)) for seed in range(60))
        return sum(bool(part.sdf(centre)[0] >= 0) for part in parts)

    assert cut(np.inf) > 0
    assert cut(0.012) == 0


def test_a_section_is_a_cylinder_with_cut_edges():
    """On the mantle, the ends and the chamfer's middle the distance is 0; the corner that was cut off lies outside."""
    part = section(-0.2, 0.6, 0.3, 0.1)
    on = [(0.3, 0, 0.2), (0, 0.1, 0.6), (0, 0, -0.2), (0.25, 0, 0.55), (0, 0.25, -0.15)]
    assert np.allclose(part(np.array(on, np.float32).T), 0, atol=1e-6)
    assert part(np.array([[0.29], [0], [0.59]], np.float32))[0] > 0.05
    assert part(np.array([[0.0], [0], [0.2]], np.float32))[0] < -0.25


def test_steps_meet_without_a_gap():
    """Along a line just below the thinner radius the stepped body is solid over the shoulder, chamfers or not."""
    body = stepped(np.array((0.2, 0.4, 0.3)), np.array((-0.9, -0.2, 0.3, 0.9)), 0.05)
    z = np.linspace(-0.8, 0.8, 200)
    assert body(np.stack((0 * z + 0.19, 0 * z, z)).astype(np.float32)).max() < 0
    assert body(np.array([[0.39], [0], [0.28]], np.float32))[0] > 0  # the thick section's own edge is cut


def test_a_tapered_bar_has_its_widths_at_its_ends():
    """Across the bar's ends the outline is as far from the axis as was asked for, halfway the mean of both."""
    bar = tapered((-1.0, 0.0), (1.0, 0.0), 0.1, 0.3)
    x, y = np.array([(-1, 0.1), (0, 0.2), (1, -0.3), (1.3, 0)], np.float32).T
    assert np.allclose(bar(x, y), 0, atol=1e-6)
