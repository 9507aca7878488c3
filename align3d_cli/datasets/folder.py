"""An own folder: `<root>/{good,<defect>..}/*.{ply,pcd,tiff,..}`, with labels in `gt` folders where there are any.

A root whose sub-folders each look like that is read as one category a sub-folder; `align3d synth` writes such trees.
Scans in `train/good` are of the split "train", all others of "test". A file `reference.*` or `nominal.*` beside those
folders is the CAD model of the category, no scan.
"""

from functools import partial
from pathlib import Path

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.labelled import LabelledCloud, Sample
from align3d_cli.datasets import layout
from align3d_cli.datasets.labels import carry_labels, mark_nearest, match_labels, read_mask, read_rows
from align3d_cli.errors import InputRejected
from align3d_cli.io.read import SCAN_SUFFIXES, read_scan

LABELS = (".npy", ".png", ".txt", ".csv")


def find(root: Path) -> dict[str, Path]:
    """The root as the one category when its sub-folders hold scans, else every sub-folder that is such a root."""
    if any(map(_is_kind, layout.folders(root))):
        return {root.resolve().name: root}
    return {folder.name: folder for folder in layout.folders(root) if any(map(_is_kind, layout.folders(folder)))}


def samples(category: str, folder: Path) -> list[Sample]:
    """All scans, those of train/good first. A defective scan without a label file has no point labels."""
    found = []
    for scan in layout.files(layout.child(layout.child(folder, "train") or folder / "train", "good"), *SCAN_SUFFIXES):
        found.append(Sample(f"{category}/train/good/{scan.name}", category, "train", "good", partial(load, scan, None)))
    for kind in filter(_is_kind, layout.folders(folder)):
        for scan in layout.files(kind, *SCAN_SUFFIXES):
            defect = "good" if kind.name.lower() == "good" else kind.name
            labels = None if defect == "good" else find_labels(folder, scan)
            labelled = defect == "good" or labels is not None
            name = f"{category}/{kind.name}/{scan.name}"
            found.append(Sample(name, category, "test", defect, partial(load, scan, labels), labelled))
    return found


def _is_kind(folder: Path) -> bool:
    scans = (file for file in layout.files(folder, *SCAN_SUFFIXES) if file.stem.lower() not in layout.CAD_STEMS)
    return folder.name.lower() != "gt" and any(scans)


def find_labels(root: Path, scan: Path) -> Path | None:
    """The label file of a scan in `<kind>/gt`, `gt/<kind>` or `gt`, whichever has one of its name."""
    places = [layout.child(scan.parent, "gt")]
    if gt := layout.child(root, "gt"):
        places += [layout.child(gt, scan.parent.name), gt]
    return next((path for place in places if (path := layout.same_stem(place, scan.stem, *LABELS))), None)


def load(scan: Path, labels: Path | None) -> LabelledCloud:
    """Read a scan and its labels; no label file gives all False. Raises InputRejected when the two do not fit."""
    cloud = read_scan(scan)
    if labels is None:
        defect = np.zeros(len(cloud), bool)
    elif labels.suffix == ".npy":
        defect = from_array(cloud, labels)
    elif labels.suffix == ".png":
        defect = from_mask(cloud, labels)
    else:
        defect = from_rows(cloud, labels)
    return LabelledCloud(cloud, defect)


def from_array(cloud: PointCloud, path: Path) -> np.ndarray:
    """Labels stored one a point, one a pixel, or one a vertex of a mesh; above 0 is a defect."""
    try:
        values = np.load(path, allow_pickle=False).ravel() > 0
    except (OSError, ValueError, TypeError) as error:
        raise InputRejected(f"{path}: not an array of numbers ({error}); save it with numpy.save") from error
    if len(values) == len(cloud):
        return values
    if cloud.mesh is not None and len(values) == len(cloud.mesh.vertices):
        return carry_labels(cloud.xyz, cloud.mesh.vertices, values)
    raise InputRejected(f"{path}: {len(values)} labels for {len(cloud)} points; one label a point is expected")


def from_mask(cloud: PointCloud, path: Path) -> np.ndarray:
    """A mask image of an organised scan."""
    if cloud.grid is None:
        raise InputRejected(f"{path}: a mask needs an organised scan; give labels as .npy or as rows x y z label")
    return read_mask(path, cloud.grid).ravel()


def from_rows(cloud: PointCloud, path: Path) -> np.ndarray:
    """Rows `x y z label` in any order, or rows `x y z` of the defective points alone."""
    rows = read_rows(path, columns=3)
    if len(rows) and rows.shape[1] > 3:
        return match_labels(cloud.xyz, rows[:, :4], path)
    if cloud.mesh is not None:
        vertices = cloud.mesh.vertices
        return carry_labels(cloud.xyz, vertices, mark_nearest(vertices, rows, path))
    label = np.zeros(len(cloud), bool)
    label[cloud.valid] = mark_nearest(cloud.xyz[cloud.valid], rows, path)
    return label
