"""MulSen-AD, its laser scans: stl files whose vertices are the measured points; labels list the anomalous points only.

A defect that photographs or infrared show need not show in the scan. `RGB/GT/<defect>/data.csv` says for which scans
it does (its last column); a scan it calls normal is a good one here, as in the data set's own 3D benchmark.
"""

import csv
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from align3d_cli.clouds.cloud import Mesh, PointCloud
from align3d_cli.clouds.labelled import LabelledCloud, Sample
from align3d_cli.datasets import layout
from align3d_cli.datasets.labels import carry_labels, mark_nearest, read_rows
from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan

SCANNED_VERTICES = 500  # a mesh with fewer is a drawing, not a scan: its surface is sampled


def find(root: Path) -> dict[str, Path]:
    """Category folders below the root: those with a `Pointcloud`."""
    return layout.find_categories(root, ("MulSen_AD", "MulSen-AD", "mulsen"), is_category)


def is_category(folder: Path) -> bool:
    """True for a folder with stl scans in `Pointcloud/train` or `Pointcloud/test/<kind>`."""
    scans = layout.child(folder, "Pointcloud")
    if scans is None:
        return False
    return bool(layout.files(scans / "train", ".stl")) or any(
        layout.files(kind, ".stl") for kind in layout.folders(scans / "test")
    )


def samples(category: str, folder: Path) -> list[Sample]:
    """All scans of a category."""
    scans = layout.child(folder, "Pointcloud") or folder / "Pointcloud"
    found = [
        Sample(f"{category}/train/{scan.stem}", category, "train", "good", partial(load, scan, None))
        for scan in layout.files(scans / "train", ".stl")
    ]
    gt = layout.child(scans, "GT") or scans / "GT"
    for kind in layout.folders(scans / "test"):
        in_kind = layout.files(kind, ".stl")
        normal = normal_scans(folder, kind.name, in_kind)
        for scan in in_kind:
            shown = kind.name != "good" and scan.stem not in normal
            rows = gt / kind.name / f"{scan.stem}.txt" if shown else None
            name = f"{category}/test/{kind.name}/{scan.stem}"
            found.append(Sample(name, category, "test", kind.name if shown else "good", partial(load, scan, rows)))
    return found


def load(scan: Path, rows: Path | None) -> LabelledCloud:
    """Vertices of a scan; those nearest to the listed anomalous points are defective. rows: None for a normal scan.

    A mesh too coarse to be a scan gives points of its surface, each with the label of the nearest vertex.
    """
    cloud, mesh = vertex_cloud(read_scan(scan))
    if rows is None:
        return LabelledCloud(cloud, np.zeros(len(cloud), bool))
    if not rows.is_file():
        raise InputRejected(f"{scan}: no label file {rows}; restore it, or data.csv if the scan counts as normal")
    vertices = mesh.vertices
    marked = mark_nearest(vertices, read_rows(rows, columns=3)[:, :3], rows)
    return LabelledCloud(cloud, marked if cloud.xyz is vertices else carry_labels(cloud.xyz, vertices, marked))


def vertex_cloud(cloud: PointCloud) -> tuple[PointCloud, Mesh]:
    """The distinct vertices of a scan as its points, in order of first appearance, and the mesh; faces follow them.

    The scan as it is where its mesh is too coarse for that. Raises InputRejected for one without triangles.
    """
    if cloud.mesh is None:
        raise InputRejected(f"{cloud.path}: holds no triangles; MulSen-AD scans are meshes")
    if len(cloud.mesh.vertices) < SCANNED_VERTICES:
        return cloud, cloud.mesh
    _, first, place = np.unique(cloud.mesh.vertices, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    row_of_place = np.empty(len(order), np.int64)
    row_of_place[order] = np.arange(len(order))
    vertices = np.ascontiguousarray(cloud.mesh.vertices[first[order]], np.float64)
    mesh = Mesh(vertices, row_of_place[place.ravel()][cloud.mesh.faces])
    return replace(cloud, xyz=vertices, colours=None, normals=None, mesh=mesh), mesh


def normal_scans(folder: Path, kind: str, scans: list[Path]) -> set[str]:
    """Stems of the scans of a kind that data.csv calls normal in 3D; empty without such a file.

    Rows `object,rgb,infrared,pointcloud` go with the scan of the same number, or in order when objects carry none.
    """
    tables = [folder / sensor / "GT" / kind / "data.csv" for sensor in ("RGB", "Pointcloud")]
    table = next((path for path in tables if path.is_file()), None)
    if table is None:
        return set()
    with table.open(newline="", encoding="utf-8-sig") as lines:
        rows = [row for row in csv.reader(lines) if len(row) >= 4 and row[3].strip() in ("0", "1")]
    numbers = [_number(row[0]) for row in rows]
    if None in numbers or len(set(numbers)) < len(numbers):
        rows_and_scans = list(zip(rows, scans, strict=False))
    else:
        by_number = {_number(scan.stem): scan for scan in scans}
        rows_and_scans = [(row, by_number[n]) for row, n in zip(rows, numbers, strict=True) if n in by_number]
    return {scan.stem for row, scan in rows_and_scans if row[3].strip() == "0"}


def _number(name: str) -> int | None:
    """The number in `0`, `0.stl` or `hole_12`; None without one."""
    digits = re.findall(r"\d+", name)
    return int(digits[-1]) if digits else None
