"""3D-ADAM: the layout of MVTec 3D-AD, its masks in `ground_truth`."""

from pathlib import Path

from align3d_cli.clouds.labelled import Sample
from align3d_cli.datasets import layout, mvtec3d


def find(root: Path) -> dict[str, Path]:
    """Category folders below the root, or below the folder that the archive or anomalib makes."""
    return layout.find_categories(root, ("3D-ADAM", "ADAM3D", "Adam3D", "3d_adam"), mvtec3d.is_category)


def samples(category: str, folder: Path) -> list[Sample]:
    """All scans of a category; train and validation are both `train`."""
    return mvtec3d.samples(category, folder)
