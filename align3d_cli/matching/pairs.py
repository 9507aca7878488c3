"""Poses from descriptors: points that look alike, pairs of them that lie alike, and the motion each pair asks for.

Two points with their normals fix a pose. A pair that is to be believed keeps its length and its angles (point pair
features, Drost et al. 2010), and many other pairs agree with both of its ends (second-order compatibility, Chen et al.,
SC2-PCR, 2022): right matches agree with each other, wrong ones by chance only. Nothing is drawn at random.
"""

from dataclasses import dataclass

import numpy as np

from align3d_cli.matching.poses import joined, rotations_between
from align3d_cli.matching.surface import Surface

ASKED = 1000  # points of the moving surface that look for their like
KEPT = 700  # matches; their table of pairs is squared as a matrix, 30 ms
CANDIDATES = 2  # likes of each point: the right one is often second where parts repeat themselves
USUAL = 10  # nearest descriptors whose mean distance is usual for a point
SHORTEST = 0.12  # of the size, between the ends of a pair; shorter ones turn with every error of the ends
ANGLE = 0.35  # difference of cosines; 20 degrees at right angles, for normals of noisy scans near edges
PARTNERS = 3  # pairs tried from each match: those that most others agree with
DETERMINED = 0.2  # second singular value of three unit vectors; below it they are nearly parallel


@dataclass(frozen=True, slots=True)
class Matches:
    """M points of one surface and what look like the same points of another: rows of each, (M,) int64."""

    moving: np.ndarray
    fixed: np.ndarray


def matches(moving: Surface, fixed: Surface) -> Matches:
    """Points with the nearest descriptors; of many the ones whose likeness stands out most.

    Distances are measured by what is usual for either point (cross-domain similarity local scaling, Conneau et al.,
    2018): without that a few points of no shape in particular would be the nearest of all others.
    """
    asked, there = moving.descriptors[:ASKED], fixed.descriptors
    squared = (asked**2).sum(1)[:, None] + (there**2).sum(1) - 2 * asked @ there.T
    distances = np.sqrt(np.maximum(squared, 0))
    distances = 2 * distances - _usual(distances)[:, None] - _usual(distances.T)
    candidates = min(CANDIDATES, distances.shape[1])
    nearest = np.argpartition(distances, candidates - 1, axis=1)[:, :candidates]
    best = np.argsort(np.take_along_axis(distances, nearest, axis=1), axis=None, kind="stable")[:KEPT]
    return Matches(best // candidates, nearest.ravel()[best])


def _usual(distances: np.ndarray) -> np.ndarray:
    """Mean of the least distances in each row."""
    least = min(USUAL, distances.shape[1])
    return np.partition(distances, least - 1, axis=1)[:, :least].mean(axis=1)


def pair_poses(moving: Surface, fixed: Surface, found: Matches) -> np.ndarray:
    """(K, 4, 4) fixed_from_moving: one for each of the most believable pairs of matches."""
    here, there = moving.take(found.moving), fixed.take(found.fixed)
    tolerance = 1.5 * (moving.spacing + fixed.spacing)
    alike = _alike(here, there, tolerance)
    believed = np.where(alike, alike.astype(np.float32) @ alike.astype(np.float32), 0)
    first = np.repeat(np.arange(len(here)), PARTNERS)
    second = np.argsort(-believed, axis=1, kind="stable")[:, :PARTNERS].ravel()
    pairs = np.stack((np.minimum(first, second), np.maximum(first, second)), axis=1)
    pairs = np.unique(pairs[believed[first, second] > 0], axis=0)
    return _poses(here, there, pairs)


def _alike(here: Surface, there: Surface, tolerance: float) -> np.ndarray:
    """(M, M) bool: the pair is as long, and its normals stand to it and to each other, here as there."""
    lengths, there_lengths = _lengths(here.xyz), _lengths(there.xyz)
    alike = np.abs(lengths - there_lengths) < tolerance
    alike &= np.minimum(lengths, there_lengths) > SHORTEST * min(here.size, there.size)
    signed = here.oriented and there.oriented
    for angle, there_angle in zip(_angles(here, lengths), _angles(there, there_lengths), strict=True):
        differs = angle - there_angle if signed else np.abs(angle) - np.abs(there_angle)
        alike &= np.abs(differs) < ANGLE
    return alike


def _lengths(xyz: np.ndarray) -> np.ndarray:
    centred = xyz - xyz.mean(0)
    squares = (centred**2).sum(1)
    return np.sqrt(np.maximum(squares[:, None] + squares - 2 * centred @ centred.T, 0))


def _angles(ends: Surface, lengths: np.ndarray) -> list[np.ndarray]:
    """Cosines (M, M) float32 between the normals of a pair, between each and the pair's direction; and which way
    round the normals turn along it, which tells a pair from its mirror image."""
    normals = ends.normals.astype(np.float32)
    xyz = (ends.xyz - ends.xyz.mean(0)).astype(np.float32)
    away = np.maximum(lengths, np.finfo(np.float32).tiny).astype(np.float32)
    own = (normals * xyz).sum(1)
    along_first = (normals @ xyz.T - own[:, None]) / away
    twist = (np.cross(xyz, normals) @ normals.T) / away
    return [normals @ normals.T, along_first, along_first.T, twist + twist.T]


def _poses(here: Surface, there: Surface, pairs: np.ndarray) -> np.ndarray:
    """(K, 4, 4) of pairs (K, 2): direction upon direction, normals upon normals, middle upon middle."""
    vectors, there_vectors = _vectors(here, pairs), _vectors(there, pairs)
    if not (here.oriented and there.oriented):
        vectors, there_vectors, pairs = _with_signs(vectors, there_vectors, pairs)
    rotations, determined = rotations_between(vectors, there_vectors)
    good = determined > DETERMINED
    middles, there_middles = (ends.xyz[pairs].mean(axis=1)[good] for ends in (here, there))
    shifts = there_middles - np.einsum("kij,kj->ki", rotations[good], middles)
    return joined(rotations[good], shifts)


def _vectors(ends: Surface, pairs: np.ndarray) -> np.ndarray:
    """(K, 3, 3): the pair's direction and both normals, unit vectors in rows."""
    direction = ends.xyz[pairs[:, 1]] - ends.xyz[pairs[:, 0]]
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    return np.stack((direction, ends.normals[pairs[:, 0]], ends.normals[pairs[:, 1]]), axis=1)


def _with_signs(here: np.ndarray, there: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normals of unknown sign: each pair four times, with every choice of signs there."""
    signs = np.array([(1, a, b) for a in (1, -1) for b in (1, -1)], float)
    there = (there[None] * signs[:, None, :, None]).reshape(-1, 3, 3)
    return np.tile(here, (4, 1, 1)), there, np.tile(pairs, (4, 1))
