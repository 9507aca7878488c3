"""The surface that a region would have without its defect where no simple form goes through its ring: the fairest one.

Of all surfaces it is the one that bends least over the region and keeps near the points around it: a thin plate on the
graph of the points (the energy of Botsch and Kobbelt, SIGGRAPH 2004, with the points around it as soft constraints).
"""

from typing import Any

import numpy as np

from align3d_cli.clouds.normals import estimate_normals
from align3d_cli.regions.patch import NORMAL_POINTS, Patch

HELD = 1.0  # weight of a ring point; less smooths more noise but flattens curves: 0.01 loses all of a ball's
SPREADING = 4  # rounds in which points take the direction they are seen from over from their neighbours


def fair_distances(patch: Patch, region: np.ndarray, ring: np.ndarray, middle: np.ndarray) -> np.ndarray | None:
    """(K,) signed distances of the region from the fair surface, outwards positive.

    region, ring: (K,) and (R,) places in the patch; middle: (3,) of the whole part, inwards where nobody knows
    None where part of the region does not hang together with the ring.
    """
    from scipy.sparse.csgraph import connected_components

    places = np.concatenate([region, ring])
    graph = patch.graph[places][:, places]
    _, label = connected_components(graph, directed=False)
    if np.setdiff1d(label[: len(region)], label[len(region) :]).size:
        return None
    xyz = patch.xyz[places]
    adjacent = _averages(graph)
    fair = _thin_plate(xyz, adjacent, len(region))
    normals = estimate_normals(fair, NORMAL_POINTS).astype(np.float64)
    side = patch.outward[places]
    for _ in range(SPREADING):
        side = side + adjacent @ side
    sign = np.sign(np.einsum("ij,ij->i", normals, np.where(side.any(axis=1, keepdims=True), side, xyz - middle)))
    return (np.einsum("ij,ij->i", xyz - fair, normals) * sign)[: len(region)]


def _averages(graph: Any) -> Any:
    """The sparse matrix that takes of each point the mean over its neighbours."""
    from scipy.sparse import diags_array

    links = graph.copy()
    links.data = np.ones_like(links.data)
    return diags_array(1.0 / np.maximum(links.sum(axis=1), 1.0)) @ links


def _thin_plate(xyz: np.ndarray, adjacent: Any, n_free: int) -> np.ndarray:
    """(K + R, 3) of the surface that bends least; the first `n_free` points are free, the others are held."""
    from scipy.sparse import diags_array, eye_array
    from scipy.sparse.linalg import splu

    held = np.full(len(xyz), HELD)
    held[:n_free] = 0.0
    bend = eye_array(len(xyz)) - adjacent
    origin = xyz.mean(axis=0)  # keeps digits where coordinates are large
    solver = splu((bend.T @ bend + diags_array(held)).tocsc())
    return solver.solve(held[:, None] * (xyz - origin)) + origin
