"""Poses that need no descriptors: principal axes upon principal axes, in every order that the extents allow."""

from itertools import permutations, product

import numpy as np

from align3d_cli.matching.poses import about, rotation_of

ALIKE = 1.2  # ratio of two extents up to which they may be swapped; noise, a defect and sampling change them by less
STEP_DEG = 15.0  # of turns about an axis whose two others are alike; fine registration mends half of it


def axes_of(xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centre (3,), extents (3,) falling (root mean squares), and the axes in the rows of a rotation (3, 3)."""
    centre = xyz.mean(axis=0)
    centred = xyz - centre
    values, vectors = np.linalg.eigh(centred.T @ centred / len(xyz))
    axes = vectors[:, ::-1].T.copy()
    axes[2] = np.cross(axes[0], axes[1])
    return centre, np.sqrt(np.maximum(values[::-1], 0)), axes


def axis_poses(moving_xyz: np.ndarray, fixed_xyz: np.ndarray) -> np.ndarray:
    """(K, 4, 4) fixed_from_moving that bring centre and axes together: 4 where the extents differ, up to some hundreds.

    Right for two scans of the same part of a surface; a rough start at best where each shows another part of it.
    """
    centre, extents, axes = axes_of(moving_xyz)
    fixed_centre, _, fixed_axes = axes_of(fixed_xyz)
    between = np.einsum("ji,kjl,lm->kim", fixed_axes, _reorderings(extents), axes)
    return about(between, centre, fixed_centre)


def own_turns(xyz: np.ndarray) -> np.ndarray:
    """(K, 4, 4) motions of a surface upon what may be itself: half and whole turns about its axes."""
    centre, extents, axes = axes_of(xyz)
    return about(np.einsum("ji,kjl,lm->kim", axes, _reorderings(extents), axes), centre, centre)


def _reorderings(extents: np.ndarray) -> np.ndarray:
    """(K, 3, 3) proper rotations in the frame of the axes that take them to axes of like extent."""
    tiny = np.finfo(float).tiny
    first_two, last_two = (extents[:-1] / np.maximum(extents[1:], tiny) < ALIKE).tolist()
    signed = [
        np.eye(3)[list(order)] * signs
        for order in permutations(range(3))
        for signs in product((1.0, -1.0), repeat=3)
        if _allowed(order, first_two, last_two)
    ]
    proper = np.array([turn for turn in signed if np.linalg.det(turn) > 0])
    spun = [(proper[:, None] @ turns).reshape(-1, 3, 3) for turns in _spins(first_two, last_two)]
    return _different(np.concatenate([proper, *spun]))


def _allowed(order: tuple[int, ...], first_two: bool, last_two: bool) -> bool:
    groups = (0, 0 if first_two else 1, (0 if first_two else 1) if last_two else 2)
    return all(groups[i] == groups[place] for i, place in enumerate(order))


def _spins(first_two: bool, last_two: bool) -> list[np.ndarray]:
    """Turns (K, 3, 3) about each axis across which the surface is as broad as it is deep."""
    angles = np.deg2rad(np.arange(STEP_DEG, 360, STEP_DEG))
    axes = [np.eye(3)[i] for i, there in ((2, first_two), (0, last_two), (1, first_two and last_two)) if there]
    return [np.array([rotation_of(angle * axis) for angle in angles]) for axis in axes]


def _different(rotations: np.ndarray) -> np.ndarray:
    """Each rotation once."""
    return rotations[np.unique(rotations.round(6).reshape(len(rotations), 9), axis=0, return_index=True)[1]]
