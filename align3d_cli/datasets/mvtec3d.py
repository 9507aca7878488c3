"""MVTec 3D-AD: organised tiffs with pixel-aligned photographs and masks, and other data in the same layout."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from align3d_cli.clouds.labelled import LabelledCloud, Sample
from align3d_cli.datasets import layout
from align3d_cli.datasets.labels import read_colours, read_mask
from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan

SPLITS = {"train": "train", "validation": "train", "test": "test"}
SCANS = (".tiff", ".tif")
IMAGES = (".png", ".PNG", ".jpg", ".jpeg", ".bmp")


def find(root: Path) -> dict[str, Path]:
    """Category folders below the root: those with a `<split>/<kind>/xyz`."""
    return layout.find_categories(root, ("mvtec_3d_anomaly_detection", "mvtec3d", "mvtec_3d"), is_category)


def is_category(folder: Path) -> bool:
    """True for a folder in the layout of one category."""
    return any((kind / "xyz").is_dir() for split in SPLITS for kind in layout.folders(folder / split))


def samples(category: str, folder: Path) -> list[Sample]:
    """All scans of a category; train and validation are both `train`."""
    found = []
    for part, split in SPLITS.items():
        for kind in layout.folders(folder / part):
            for scan in layout.files(kind / "xyz", *SCANS):
                name = f"{category}/{part}/{kind.name}/{scan.stem}"
                found.append(Sample(name, category, split, kind.name, partial(load, scan)))
    return found


def load(scan: Path) -> LabelledCloud:
    """Read `<kind>/xyz/NNN.tiff` with the photograph and the mask beside it; a missing mask means all normal."""
    cloud = read_scan(scan)
    if (grid := cloud.grid) is None:
        raise InputRejected(f"{scan}: not an organised scan (H x W x 3); the layout needs one")
    kind = scan.parent.parent
    photograph = layout.same_stem(kind / "rgb", scan.stem, *IMAGES)
    if photograph:
        cloud = replace(cloud, colours=read_colours(photograph, grid))
    mask = layout.same_stem(layout.child(kind, "gt", "ground_truth"), scan.stem, *IMAGES)
    defect = read_mask(mask, grid).ravel() if mask else np.zeros(len(cloud), bool)
    return LabelledCloud(cloud, defect)
