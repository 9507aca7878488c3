"""Rigid motions as (4, 4) float64, one or many; their names say `to_from`."""

import numpy as np


def moved(to_from: np.ndarray, xyz: np.ndarray) -> np.ndarray:
    """(N, 3) float64 of points (N, 3)."""
    return xyz @ to_from[:3, :3].T + to_from[:3, 3]


def turned(to_from: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """(N, 3) of directions (N, 3), in their own precision."""
    return normals @ to_from[:3, :3].T.astype(normals.dtype)


def joined(rotations: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """(K, 4, 4) of rotations (K, 3, 3) and shifts (K, 3)."""
    poses = np.zeros((len(rotations), 4, 4))
    poses[:, :3, :3], poses[:, :3, 3], poses[:, 3, 3] = rotations, shifts, 1.0
    return poses


def about(rotations: np.ndarray, centre: np.ndarray, new_centre: np.ndarray) -> np.ndarray:
    """(K, 4, 4): turn by rotations (K, 3, 3) so that centre (3,) comes to new_centre (3,)."""
    return joined(rotations, new_centre - rotations @ centre)


def inverse(poses: np.ndarray) -> np.ndarray:
    """Of rigid motions (..., 4, 4)."""
    back = np.zeros_like(poses)
    back[..., :3, :3] = np.swapaxes(poses[..., :3, :3], -1, -2)
    back[..., :3, 3] = -(back[..., :3, :3] @ poses[..., :3, 3:])[..., 0]
    back[..., 3, 3] = 1.0
    return back


def rotations_between(here: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Proper rotations (K, 3, 3) that best take vectors here (K, n, 3) to there (K, n, 3), and how well they are
    determined: (K,) the second singular value, 0 where all vectors are parallel (Kabsch 1976)."""
    u, values, vt = np.linalg.svd(np.swapaxes(there, -1, -2) @ here)
    u[..., -1] *= np.sign(np.linalg.det(u) * np.linalg.det(vt))[..., None]
    return u @ vt, values[..., 1]


def rotation_of(vector: np.ndarray) -> np.ndarray:
    """(3, 3) rotation about vector (3,) by its length in radians (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    if angle == 0.0:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)


def angles_between(pose: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """(K,) radians by which the rotations of poses (K, 4, 4) differ from that of pose (4, 4)."""
    cosines = (np.einsum("ij,kij->k", pose[:3, :3], poses[:, :3, :3]) - 1) / 2
    return np.arccos(np.clip(cosines, -1, 1))
