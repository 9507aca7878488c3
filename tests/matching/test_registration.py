"""Registration against poses that are known: whole, one-sided and half scans, defects, symmetry, and what must fail."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from align3d_cli.matching.poses import angles_between, inverse, moved
from align3d_cli.matching.registration import register
from tests.matching.shapes import SHAPES, SYMMETRIC, brought, random_pose, sampled

NOISE = 0.001  # of the size, along the normals
N = 4000
EYE = (1.5, 2.0, 2.6)
SCANS = {
    "whole, 80 % of the points": {"n": int(0.8 * N)},
    "one-sided": {"n": N // 2, "eye": EYE},
    "half": {"n": N, "keep": lambda xyz: xyz[:, 0] + 0.3 * xyz[:, 1] > -0.05},
}


@pytest.fixture(scope="module")
def whole():
    """`whole(name)`: the fixed surface of a shape, made once."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = sampled(name, N, seed=1, noise=NOISE)
        return made[name]

    return get


def errors(found, pose, surface, size):
    """Degrees, and share of the size, by which points of the surface come to lie beside where they were."""
    off = found.fixed_from_moving @ pose
    shift = np.linalg.norm(moved(off, surface.xyz.mean(0, keepdims=True)) - surface.xyz.mean(0))
    return np.rad2deg(angles_between(np.eye(4), off[None])[0]), shift / size


def bumped(surface, height, share=0.02, at=0):
    """A bump of that height (share of the size) over a share of the points about one of them."""
    away = np.linalg.norm(surface.xyz - surface.xyz[at], axis=1)
    profile = np.clip(2 - 2 * away / np.quantile(away, share), 0, 1)
    return replace(surface, xyz=surface.xyz + surface.normals * (height * surface.size * profile)[:, None])


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
@pytest.mark.parametrize("name", [name for name in SHAPES if name not in SYMMETRIC])
def test_asymmetric_parts_are_found(whole, name, scan):
    """In any pose, with noise, other samples and a bump: within 0.3 degrees and 0.2 % of the size."""
    fixed = whole(name)
    here = bumped(sampled(name, seed=2, noise=NOISE, **scan), 0.02)
    for seed in range(2):
        pose = random_pose(seed)
        found = register(brought(here, pose), fixed)
        degrees, shift = errors(found, pose, here, fixed.size)
        assert found.success and degrees < 0.3 and shift < 0.002
        assert np.linalg.det(found.fixed_from_moving) == pytest.approx(1)
        assert found.overlap_moving > 0.95 and found.residual < 2 * NOISE * fixed.size


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
@pytest.mark.parametrize("name", SYMMETRIC)
def test_symmetric_parts_are_found_up_to_their_symmetry(whole, name, scan):
    """Boxes, nuts and balls have many right poses: in the one that is given the true surfaces coincide."""
    fixed, clean = whole(name), sampled(name, 20_000, seed=4)
    here, pose = bumped(sampled(name, seed=2, noise=NOISE, **scan), 0.02), random_pose(7)
    found = register(brought(here, pose), fixed)
    true = sampled(name, seed=2, **scan)  # the same points without noise and bump
    away, partner = cKDTree(clean.xyz).query(moved(found.fixed_from_moving @ pose, true.xyz))
    heights = np.einsum(
        "ij,ij->i", moved(found.fixed_from_moving @ pose, true.xyz) - clean.xyz[partner], clean.normals[partner]
    )
    assert found.success and away.max() < 2 * clean.spacing
    assert np.sqrt(np.median(heights**2)) < 0.0015 * fixed.size


def test_a_part_that_differs_in_a_detail_only_is_turned_the_right_way(whole):
    """A cone is symmetric but for its notch, and comes to lie notch upon notch."""
    here = sampled("notched cone", N, seed=3)
    turns = [errors(register(brought(here, random_pose(k)), whole("notched cone")), random_pose(k), here, 1)[0]
             for k in range(10, 12)]  # fmt: skip
    assert max(turns) < 0.3


def test_normals_of_unknown_sign_serve_too(whole):
    """Where the signs of normals are arbitrary and said to be, only their directions count."""
    rng, fixed = np.random.default_rng(0), whole("bracket")
    here, pose = sampled("bracket", N, seed=2), random_pose(3)
    signs = rng.choice(np.float32([-1, 1]), (len(here), 1))
    loose = replace(brought(here, pose), oriented=False)
    found = register(replace(loose, normals=loose.normals * signs), fixed)
    assert found.success and errors(found, pose, here, fixed.size) < (0.3, 0.002)


def test_order_of_points_decides_nothing(whole):
    """The same points in another order give the same pose to the last bit but for sums."""
    fixed, here = whole("bracket"), brought(sampled("bracket", 3000, seed=2), random_pose(3))
    rows, fixed_rows = (np.random.default_rng(1).permutation(len(side)) for side in (here, fixed))
    first, second = register(here, fixed), register(here.take(rows), fixed.take(fixed_rows))
    assert np.allclose(first.fixed_from_moving, second.fixed_from_moving, atol=1e-9)
    assert first.overlap_moving == second.overlap_moving


def test_a_guess_is_tried_like_any_other_pose(whole):
    """Descriptors that say nothing, and a quarter of the part: the pose that it stands in is found by the guess."""
    fixed = whole("bracket")
    here = sampled("bracket", N, seed=2, keep=lambda xyz: (xyz[:, 0] > 0.1) & (xyz[:, 1] > -0.3))
    mute = replace(here, descriptors=np.zeros_like(here.descriptors))
    pose = random_pose(5)
    found = register(brought(mute, pose), fixed, inverse(pose)[None])
    assert errors(found, pose, here, fixed.size) < (0.3, 0.002)


def test_a_mirror_image_is_no_answer(whole):
    """The mirrored bracket is registered as well as it can be, by a proper motion, and does not fit."""
    fixed, here = whole("bracket"), sampled("bracket", N, seed=2)
    mirror = np.float32([1, -1, 1])
    found = register(replace(here, xyz=here.xyz * mirror, normals=here.normals * mirror), fixed)
    assert np.linalg.det(found.fixed_from_moving) == pytest.approx(1)
    assert found.overlap_moving < 0.95


@pytest.mark.parametrize(("moving", "fixed"), [("nut", "bracket"), ("ball", "nut"), ("box", "ball")])
def test_another_object_fails(whole, moving, fixed):
    """No pose, however it fits, is passed off as a registration, and the reason is a share or a distance."""
    found = register(brought(whole(moving), random_pose(1)), whole(fixed))
    assert not found.success and "reference" in found.failure and "%" in found.failure


def scaled(surface, factor):
    """The same scan in another unit."""
    return replace(
        surface, xyz=surface.xyz * factor, spacing=surface.spacing * factor, size=surface.size * factor
    )  # fmt: skip


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (1000, "it is 1000 times as large as the reference: one file in m, the other in mm?"),
        (1 / 25.4, "it is 25.4 times smaller than the reference: one file in inch, the other in mm?"),
        (6, "it is 6 times as large as the reference"),
    ],
)
def test_another_unit_fails_with_the_ratio(whole, factor, words):
    """Sizes too unlike for any overlap say so, and which units would explain it."""
    assert register(scaled(whole("bracket"), factor), whole("bracket")).failure == words


def test_the_unit_of_both_changes_nothing(whole):
    """Metres or micrometres: the same pose but for its shift, the same shares."""
    fixed, here = whole("bracket"), brought(sampled("bracket", 3000, seed=2), random_pose(3))
    first, second = register(here, fixed), register(scaled(here, 1e6), scaled(fixed, 1e6))
    assert np.allclose(first.fixed_from_moving[:3, :3], second.fixed_from_moving[:3, :3], atol=1e-4)
    assert second.residual == pytest.approx(1e6 * first.residual, rel=1e-2)
