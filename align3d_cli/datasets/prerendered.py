"""Pre-rendered roots of PointAD and Align3D-AD: scans with the pictures that their authors drew of them.

`sample.load()` gives the scan and its labels for drawing it here; `sample.given(cloud)` the authors' own views. Points
are in the frame of the files: the .pcd files of Real3D-AD in these roots are turned by diag(1, -1, -1) already.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.labelled import LabelledCloud, Sample
from align3d_cli.datasets import layout
from align3d_cli.datasets.labels import match_labels, read_colours, read_mask
from align3d_cli.datasets.prerendered_entry import GOOD, SPLITS, TIFFS, Entry, entries_of
from align3d_cli.datasets.prerendered_files import check_filled, drawn_rows, image_size, picture_side
from align3d_cli.datasets.prerendered_views import read_views
from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan

MARK = 127.5  # of 255: the colour of a defective point is above one half
BELOW = ("MVTec3D-AD_x_9_views", "Eyecandies", "Real3D-AD", "Real3D-rendered", "Eyecandies_rendered")


def find(root: Path) -> dict[str, Path]:
    """Category folders below the root: those with correspondences or renderings of their scans."""
    return layout.find_categories(root, BELOW, is_category)


def is_category(folder: Path) -> bool:
    """True for a folder in the layout of one category."""
    kinds = [kind for split in SPLITS for kind in layout.folders(folder / split)]
    return any((kind / part).is_dir() for kind in kinds for part in ("2d_3d_cor", "2d_rendering"))


def samples(category: str, folder: Path) -> list[Sample]:
    """All scans of a category, named `<class>/<split>/<kind>/<id>`. Raises InputRejected for a damaged manifest."""
    return [
        Sample(e.name, category, e.split, e.kind, partial(load, e), given=partial(read_views, e))
        for e in entries_of(category, folder)
    ]


def load(entry: Entry) -> LabelledCloud:
    """Read a scan, its photograph and its labels.

    A .pcd with the drawn points of a resized organised scan alone gets its grid back. Raises InputRejected.
    """
    check_filled(entry.scan)
    cloud = read_scan(entry.scan)
    if entry.scan.suffix.lower() in TIFFS:
        return _organised(entry, cloud)
    label = _colour_labels(entry, cloud) if entry.kind != GOOD else np.zeros(len(cloud), bool)
    rows = drawn_rows(entry)
    if cloud.grid is None and rows is not None and len(rows) == len(cloud):
        return _on_grid(entry, replace(cloud, colours=None), label, rows)
    return LabelledCloud(replace(cloud, colours=None), label)  # the colours of these files are a uniform grey


def _organised(entry: Entry, cloud: PointCloud) -> LabelledCloud:
    """An organised scan with the mask and the photograph of its size; a missing mask means all normal."""
    if (grid := cloud.grid) is None:
        raise InputRejected(f"{entry.scan}: not an organised scan (H x W x 3); the layout needs one")
    if entry.photograph:
        check_filled(entry.photograph)
        cloud = replace(cloud, colours=read_colours(entry.photograph, grid))
    if entry.mask is None:
        return LabelledCloud(cloud, np.zeros(len(cloud), bool))
    check_filled(entry.mask)
    return LabelledCloud(cloud, read_mask(entry.mask, grid).ravel())


def _on_grid(entry: Entry, cloud: PointCloud, label: np.ndarray, rows: np.ndarray) -> LabelledCloud:
    """The drawn points back at their pixels; the photograph, resized as the scan was (nearest), colours them."""
    side = picture_side(entry)
    xyz, defect = np.full((side * side, 3), np.nan), np.zeros(side * side, bool)
    xyz[rows], defect[rows] = cloud.xyz, label
    colours = None
    if entry.photograph:
        check_filled(entry.photograph)
        height, width = image_size(entry.photograph)
        place = np.arange(side)
        pixels = (place * height // side)[:, None] * width + place * width // side
        colours = read_colours(entry.photograph, (height, width))[pixels.ravel()]
    return LabelledCloud(replace(cloud, xyz=xyz, colours=colours, grid=(side, side), origin=None), defect)


def _colour_labels(entry: Entry, cloud: PointCloud) -> np.ndarray:
    """(N,) bool of a defective scan without grid: the colours of its label file, matched by place. InputRejected."""
    if entry.labels is None:
        finding = "no label file, a .pcd of the same points whose colours mark the defect,"
        raise InputRejected(f"{entry.scan}: {finding} in gt_pcd or gt; restore it")
    check_filled(entry.labels)
    labels = read_scan(entry.labels)
    if labels.colours is None:
        raise InputRejected(f"{entry.labels}: its points have no colours, which are the labels; restore it")
    marked = (labels.colours > MARK).all(axis=1)
    return match_labels(cloud.xyz, np.column_stack([labels.xyz, marked]), entry.labels)
