"""MiniShift: text rows of half a million points, the label in the last column; defects under one percent."""

from functools import partial
from pathlib import Path

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.labelled import LabelledCloud, Sample
from align3d_cli.datasets import layout
from align3d_cli.datasets.labels import read_rows
from align3d_cli.errors import InputRejected

SPLITS = ("train", "test")
WITH_LABEL = (4, 7)  # columns: x y z label, or normals between them


def find(root: Path) -> dict[str, Path]:
    """Category folders below the root."""
    return layout.find_categories(root, ("MiniShift", "minishift", "MiniShiftAD"), is_category)


def is_category(folder: Path) -> bool:
    """True for a folder with text rows in `<split>/<kind>`."""
    return any(layout.files(kind, ".txt") for split in SPLITS for kind in layout.folders(folder / split))


def samples(category: str, folder: Path) -> list[Sample]:
    """All scans of a category; the folder names the defect. The data set states no unit."""
    return [
        Sample(
            f"{category}/{split}/{kind.name}/{scan.stem}", category, split, kind.name, partial(load, scan, kind.name)
        )
        for split in SPLITS
        for kind in layout.folders(folder / split)
        for scan in layout.files(kind, ".txt")
    ]


def load(scan: Path, kind: str) -> LabelledCloud:
    """Rows x y z label, or x y z of a good scan. Raises InputRejected for a defective scan without labels."""
    rows = read_rows(scan, columns=3)
    if not len(rows):
        raise InputRejected(f"{scan}: holds no rows; restore it from the data set's archive")
    cloud = PointCloud(np.ascontiguousarray(rows[:, :3]), path=scan)
    if rows.shape[1] in WITH_LABEL:
        return LabelledCloud(cloud, rows[:, -1] > 0)
    if kind != "good":
        finding = f"has {rows.shape[1]} columns, x y z label are expected of a defective scan"
        raise InputRejected(f"{scan}: {finding}; restore it from the data set's archive")
    return LabelledCloud(cloud, np.zeros(len(cloud), bool))
