"""Normals on one side of the surface: towards the sensor where there is one, else outwards."""

from typing import TYPE_CHECKING

import numpy as np

from align3d_cli.clouds.normals import estimate_normals

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NEIGHBOURS = 20  # of evenly spaced points, a patch five of them wide
LINKS = 8  # neighbours along which a side is handed on


def oriented_normals(xyz: np.ndarray, towards: np.ndarray | None = None) -> np.ndarray:
    """(N, 3) unit float32 normals of evenly spaced points, pointing out of the part.

    xyz:     (N, 3) finite
    towards: (3,) direction towards the sensor of a one-sided scan; None for a scan from all sides
    """
    normals = estimate_normals(xyz, k=NEIGHBOURS)
    if towards is not None:
        return normals * np.where(normals @ np.asarray(towards, np.float32) < 0, -1, 1).astype(np.float32)[:, None]
    return normals * _sides(xyz, normals)[:, None]


def _sides(xyz: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """(N,) float32 of 1 and -1 that turn normals to one side of the surface.

    Sides are handed on along the flattest tree over near points (Hoppe et al., "Surface Reconstruction from Unorganized
    Points", SIGGRAPH 1992); outside is where the enclosed volume is positive.
    """
    from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

    tree = minimum_spanning_tree(_links(xyz, normals))
    n_parts, part = connected_components(tree, directed=False)
    sign = np.ones(len(xyz), np.float32)
    for root in np.unique(part, return_index=True)[1]:
        order, before = breadth_first_order(tree, root, directed=False)
        same = np.einsum("ij,ij->i", normals[order[1:]], normals[before[order[1:]]]) >= 0
        for row, parent, alike in zip(order[1:].tolist(), before[order[1:]].tolist(), same.tolist(), strict=True):
            sign[row] = sign[parent] if alike else -sign[parent]
    outward = np.einsum("ij,ij->i", xyz - xyz.mean(axis=0), normals) * sign
    volume = np.bincount(part, outward, minlength=n_parts)
    return sign * np.where(volume < 0, -1, 1).astype(np.float32)[part]


def _links(xyz: np.ndarray, normals: np.ndarray) -> "csr_array":
    """Weights between near points, small where the surface is flat, never 0."""
    from scipy.sparse import csr_array
    from scipy.spatial import cKDTree

    near = cKDTree(xyz).query(xyz, k=min(LINKS + 1, len(xyz)))[1][:, 1:]
    rows = np.repeat(np.arange(len(xyz)), near.shape[1])
    bend = 1 - np.abs(np.einsum("ij,ij->i", normals[rows], normals[near.ravel()]))
    return csr_array((bend + 1e-3, (rows, near.ravel())), shape=(len(xyz), len(xyz)))
