"""The surface that a region would have without its defect: a smooth robust fit of the points around it.

The frame has its origin in the middle of the ring and its third axis along the mean normal, outwards. In it the surface
is a biconic: z = q / (1 + sqrt(1 - w)) with q and w of the curvatures, exact for planes, spheres and cylinders, plus
the linear and constant terms of a quadric (ISO 10110-12 states the same form for optical surfaces).
"""

from dataclasses import dataclass

import numpy as np

from align3d_cli.regions.patch import Patch

LEAST_RING = 12  # points for six coefficients
ROUNDS = 8  # of reweighting; most fits stand still after five
TUKEY = 4.685  # standard deviations beyond which a point counts for nothing: 95 % efficient on Gaussian noise
MAD = 1.4826  # median of absolute deviations to standard deviation
STEEPEST = 2.5  # slope of the reference in its frame, 68 degrees; beyond, the region wraps around the part
UNSURE = 1.0  # standard deviations of a ring point that the fit may be off inside the region
ROUGHEST = 0.04  # scatter over the size of the ring; a surface that departs more from its fit is another one
LEVEL = 0.97  # cosine of normals around a plane to its axis, 14 degrees: where a quadric is unsure, a plane need not be
STEPPED = 0.9  # of the biconic's square root: beyond, the sphere ends


@dataclass(frozen=True, slots=True)
class Frame:
    """origin: (3,); axes: (3, 3), rows are the frame's x, y and z in the cloud; z points outwards."""

    origin: np.ndarray
    axes: np.ndarray

    def local(self, xyz: np.ndarray) -> np.ndarray:
        """(K, 3) of the cloud -> (K, 3) in the frame."""
        return (xyz - self.origin) @ self.axes.T


@dataclass(frozen=True, slots=True)
class Reference:
    """A height over the frame's plane. scatter: standard deviation of the ring about it, robust."""

    frame: Frame
    coefficients: np.ndarray
    scatter: float

    def height(self, xy: np.ndarray) -> np.ndarray:
        """(K, 2) -> (K,) z of the surface."""
        return _terms(xy) @ self.coefficients + _beyond_quadric(xy, _hessian(self.coefficients))

    def slopes(self, xy: np.ndarray, step: float) -> np.ndarray:
        """(K, 2) -> (K, 2) of the surface along x and y, by differences over 2 * step."""
        sides = []
        for axis in np.eye(2) * step:
            sides.append((self.height(xy + axis) - self.height(xy - axis)) / (2 * step))
        return np.stack(sides, axis=1)

    def stretch(self, xy: np.ndarray, step: float) -> np.ndarray:
        """(K,) area of the surface over area of the plane, at least 1."""
        return np.sqrt(1.0 + (self.slopes(xy, step) ** 2).sum(axis=1))

    def distance(self, xyz: np.ndarray, step: float) -> np.ndarray:
        """(K, 3) of the cloud -> (K,) signed distance from the surface, outwards positive, to first order."""
        local = self.frame.local(xyz)
        return (local[:, 2] - self.height(local[:, :2])) / self.stretch(local[:, :2], step)


def frame_of(patch: Patch, ring: np.ndarray, centre: np.ndarray, middle: np.ndarray) -> Frame:
    """The frame of a ring. ring: (R,) places in the patch; centre: (3,) of the region; middle: (3,) of the whole part,
    which is inwards where nobody knows."""
    normals = patch.normals[ring]
    flat = np.linalg.eigh(normals.T @ normals)[1][:, 2]  # the axis that most normals share, of either sign
    mean = (normals * np.where(normals @ flat < 0, -1.0, 1.0)[:, None]).sum(axis=0)
    axis = mean / max(float(np.linalg.norm(mean)), 1e-300)
    seen = patch.outward[ring].sum(axis=0) @ axis
    outwards = seen if seen != 0 else float((centre - middle) @ axis)
    axis = axis if outwards >= 0 else -axis
    across = np.cross(axis, np.eye(3)[np.abs(axis).argmin()])
    across /= np.linalg.norm(across)
    return Frame(patch.xyz[ring].mean(axis=0), np.stack([across, np.cross(axis, across), axis]))


def reference_of(patch: Patch, ring: np.ndarray, region: np.ndarray, middle: np.ndarray) -> Reference | None:
    """The surface through the ring, or None where it does not tell what lies inside.

    ring, region: (R,) and (K,) places in the patch; middle: (3,) of the whole part
    """
    if len(ring) < LEAST_RING:
        return None
    frame = frame_of(patch, ring, patch.xyz[region].mean(axis=0), middle)
    points, inside = frame.local(patch.xyz[ring]), frame.local(patch.xyz[region])[:, :2]
    step = 0.5 * float(np.median(patch.apart[ring]))
    for terms in (6, 3):  # a quadric, else a plane
        coefficients, scatter, weights = _robust_fit(points, terms)
        fits = scatter <= ROUGHEST * float(np.abs(points).max())
        if terms == 3:
            fits &= float(np.median(np.abs(patch.normals[ring] @ frame.axes[2]))) >= LEVEL
        if fits and _leverage(points[:, :2], weights, inside, terms) <= UNSURE:
            found = Reference(frame, coefficients, scatter)
            steep = np.abs(found.slopes(inside, step)).max(axis=1) > STEEPEST
            return None if steep.mean() > 0.05 else found
    return None


def _terms(xy: np.ndarray) -> np.ndarray:
    x, y = xy.T
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def _hessian(coefficients: np.ndarray) -> np.ndarray:
    xx, xy, yy = coefficients[3:]
    return np.array([[2 * xx, xy], [xy, 2 * yy]])


def _beyond_quadric(xy: np.ndarray, hessian: np.ndarray) -> np.ndarray:
    """(K,) what the biconic of these curvatures has beyond its paraboloid."""
    bent = xy @ hessian
    q = np.einsum("ki,ki->k", bent, xy)
    root = np.sqrt(1.0 - np.minimum(np.einsum("ki,ki->k", bent, bent), STEPPED))
    return q / (1.0 + root) - 0.5 * q


def _robust_fit(points: np.ndarray, terms: int) -> tuple[np.ndarray, float, np.ndarray]:
    """Coefficients (6,), scatter and the weights (R,) of the fit to points (R, 3), by reweighting (Beaton, Tukey 1974).

    The first rounds weigh as for least absolute deviations, so that a flank of the defect in the ring does not lead.
    """
    matrix, z = _terms(points[:, :2])[:, :terms], points[:, 2]
    coefficients, weights = np.zeros(6), np.ones(len(points))
    floor = 1e-9 * float(np.abs(points).max()) + np.finfo(float).tiny
    for number in range(ROUNDS):
        target = z - (_beyond_quadric(points[:, :2], _hessian(coefficients)) if terms == 6 and number else 0.0)
        root = np.sqrt(weights)
        coefficients[:terms] = np.linalg.lstsq(matrix * root[:, None], target * root, rcond=None)[0]
        off = z - matrix @ coefficients[:terms]
        off -= _beyond_quadric(points[:, :2], _hessian(coefficients))
        scatter = max(MAD * float(np.median(np.abs(off))), floor)
        if number < ROUNDS // 2:
            weights = 1.0 / np.maximum(np.abs(off), 0.3 * scatter) * scatter
        else:
            weights = np.clip(1.0 - (off / (TUKEY * scatter)) ** 2, 0.0, None) ** 2
    return coefficients, scatter, weights


def _leverage(ring: np.ndarray, weights: np.ndarray, inside: np.ndarray, terms: int) -> float:
    """How many standard deviations of a single ring point the fit may be off at the worst place inside."""
    size = float(np.abs(ring).max()) + np.finfo(float).tiny
    matrix = _terms(ring / size)[:, :terms]
    normal = (matrix * weights[:, None]).T @ matrix / max(float(weights.max()), np.finfo(float).tiny)
    asked = _terms(inside / size)[:, :terms]
    spread = np.einsum("ki,ij,kj->k", asked, np.linalg.pinv(normal, rcond=1e-10, hermitian=True), asked)
    return float(np.sqrt(max(float(spread.max()), 0.0)))
