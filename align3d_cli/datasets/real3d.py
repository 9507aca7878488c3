"""Real3D-AD: unordered pcd scans in mm, labels as text rows in a folder `gt` or `GT`."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from align3d_cli.clouds.labelled import LabelledCloud, Sample
from align3d_cli.datasets import layout
from align3d_cli.datasets.labels import match_labels, read_rows
from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan

NORMAL = "good"  # in the name of a normal scan
PROTOTYPES = ("template", "prototype")  # in the name of a training scan


def find(root: Path) -> dict[str, Path]:
    """Category folders below the root."""
    return layout.find_categories(root, ("Real3D-AD-PCD", "Real3D-AD", "real3d", "Real3D"), is_category)


def is_category(folder: Path) -> bool:
    """True for a folder with pcd scans in its `test` or `train`."""
    return any(layout.files(folder / split, ".pcd") for split in ("test", "train"))


def samples(category: str, folder: Path, *, normal: str = NORMAL, unit: str | None = "mm") -> list[Sample]:
    """All scans of a category. `normal` is the word in the names of normal test scans."""
    found = []
    for scan in layout.files(folder / "train", ".pcd"):
        if any(word in scan.stem.lower() for word in PROTOTYPES):
            name = f"{category}/train/{scan.stem}"
            found.append(Sample(name, category, "train", "good", partial(load_normal, scan, unit)))
    gt = layout.child(folder, "gt")
    for scan in layout.files(folder / "test", ".pcd"):
        kind = layout.kind_from_name(scan.stem, category, normal)
        load = partial(load_normal, scan, unit) if kind == "good" else partial(load_labelled, scan, gt, unit)
        found.append(Sample(f"{category}/test/{scan.stem}", category, "test", kind, load))
    return found


def load_normal(scan: Path, unit: str | None) -> LabelledCloud:
    """A scan without defects."""
    cloud = replace(read_scan(scan), unit=unit)
    return LabelledCloud(cloud, np.zeros(len(cloud), bool))


def load_labelled(scan: Path, gt: Path | None, unit: str | None) -> LabelledCloud:
    """A scan with the labels of its text file, matched by nearest neighbour. Raises InputRejected."""
    rows = layout.label_file(scan, gt)
    if rows is None:
        raise InputRejected(f"{scan}: no label file {scan.stem}.txt in {gt or scan.parent.parent / 'gt'}; restore it")
    cloud = replace(read_scan(scan), unit=unit)
    return LabelledCloud(cloud, match_labels(cloud.xyz, read_rows(rows, columns=4)[:, :4], rows))
