"""Anomaly-ShapeNet: Real3D-AD's layout one level deeper, normal scans named `positive`, rows in any order."""

from pathlib import Path

from align3d_cli.clouds.labelled import Sample
from align3d_cli.datasets import layout, real3d

NORMAL = "positive"  # in the name of a normal scan


def find(root: Path) -> dict[str, Path]:
    """Category folders under `dataset/pcd`, `pcd` or the root itself."""
    inside = ("dataset/pcd", "pcd")
    archives = ("Anomaly-ShapeNet-v2", "Anomaly-ShapeNet", "anomaly-shapenet", "AnomalyShapeNet")
    below = (*inside, *(f"{archive}/{part}" for archive in archives for part in (*inside, "")))
    return layout.find_categories(root, below, real3d.is_category)


def samples(category: str, folder: Path) -> list[Sample]:
    """All scans of a class; the data set states no unit."""
    return real3d.samples(category, folder, normal=NORMAL, unit=None)
