"""Where a glTF scene places its meshes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from align3d_cli.io.gltf_data import GltfFile, row_of

MOST_COPIES = 100_000  # of one mesh at one node: a few seconds; scans have one


@dataclass(frozen=True, slots=True)
class Placed:
    """One copy of a mesh. mesh: number in the description; scene_from_mesh: (4, 4) float64."""

    mesh: int
    scene_from_mesh: np.ndarray


def placed_meshes(file: GltfFile) -> Iterator[Placed]:
    """Every mesh the scene shows, node by node, children behind their parent and before its next sibling.

    Raises InputRejected when a node is its own descendant, or hangs on two others: the nodes would have no end.
    """
    nodes, met = file.listed("nodes"), set()
    waiting = [(number, np.eye(4)) for number in reversed(_roots(file))]
    while waiting:
        number, scene_from_parent = waiting.pop()
        if number in met:
            raise file.source.reject(f"glTF node {number} hangs on more than one other", "export it again")
        met.add(number)
        node = row_of(nodes, number)
        scene_from_node = scene_from_parent @ parent_from_node(node)
        if "mesh" in node:
            for node_from_copy in _copies(file, node):
                yield Placed(int(node["mesh"]), scene_from_node @ node_from_copy)
        waiting += [(child, scene_from_node) for child in reversed(node.get("children", []))]


def _roots(file: GltfFile) -> list[int]:
    """The nodes the scene begins with; of a file without scenes, all that hang on no other."""
    scenes = file.listed("scenes")
    if scenes:
        return row_of(scenes, file.tree.get("scene", 0)).get("nodes", [])
    nodes = file.listed("nodes")
    children = {child for node in nodes for child in node.get("children", [])}
    return [number for number in range(len(nodes)) if number not in children]


def _copies(file: GltfFile, node: dict[str, Any]) -> list[np.ndarray]:
    """(4, 4) places of the copies that EXT_mesh_gpu_instancing makes of the node's mesh; else of the mesh itself."""
    named = node.get("extensions", {}).get("EXT_mesh_gpu_instancing", {}).get("attributes", {})
    named = {name: accessor for name, accessor in named.items() if name in ("TRANSLATION", "ROTATION", "SCALE")}
    if not named:
        return [np.eye(4)]
    count = min(file.count(accessor) for accessor in named.values())
    if count > MOST_COPIES:
        raise file.source.reject(f"the scene places one mesh {count} times", "export the part alone")
    columns = {name.lower(): file.array(accessor) for name, accessor in named.items()}
    return [parent_from_node({name: rows[i] for name, rows in columns.items()}) for i in range(count)]


def parent_from_node(node: dict[str, Any]) -> np.ndarray:
    """(4, 4) float64: the node's matrix, or scale, then rotation, then translation (glTF 2.0, 3.5.2)."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T  # stored column by column
    matrix = np.eye(4)
    matrix[:3, :3] = _rotation(node.get("rotation", (0, 0, 0, 1))) * np.array(node.get("scale", (1, 1, 1)), np.float64)
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def _rotation(quaternion: Sequence[float]) -> np.ndarray:
    """(3, 3) rotation of the unit quaternion x y z w."""
    x, y, z, w = np.array(quaternion, np.float64) / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
