"""Eyecandies: depth images with their range in a yaml file, one mask for each kind of defect.

Copies converted to the layout of MVTec 3D-AD are read as such. `test_private` carries no labels and is left out.
Points are in the camera's frame (x right, y down, z away from it), in metres.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.labelled import LabelledCloud, Sample
from align3d_cli.clouds.unproject import unproject
from align3d_cli.datasets import layout, mvtec3d
from align3d_cli.datasets.labels import read_colours, read_mask
from align3d_cli.errors import InputRejected

SPLITS = {"train": "train", "val": "train", "test_public": "test"}
KINDS = ("bumps", "colors", "dents", "normals")  # `colors` leaves no geometry: its name lets it be reported apart
FOCAL_PX = 711.11  # one camera for all images
# Its matrix has cx = cy = 256 for 512 pixels, counted from the middle of the first pixel as the published conversion to
# the layout of MVTec 3D-AD counts: half a pixel right of and below the middle of the image
CENTRE_SHIFT = 0.5
YAML = (".yaml", ".yml")


def find(root: Path) -> dict[str, Path]:
    """Category folders below the root, in the native or in the converted layout."""
    below = ("Eyecandies", "eyecandies", "Eyecandies_preprocessed", "eyecandies_preprocessed")
    return layout.find_categories(root, below, lambda f: is_category(f) or mvtec3d.is_category(f))


def is_category(folder: Path) -> bool:
    """True for a folder in the native layout of one category."""
    return any((folder / split / "data").is_dir() for split in SPLITS)


def samples(category: str, folder: Path) -> list[Sample]:
    """All labelled scans of a category; train and val are both `train`."""
    if not is_category(folder):
        return mvtec3d.samples(category, folder)
    found = []
    for part, split in SPLITS.items():
        for depth in layout.files(folder / part / "data", ".png"):
            if depth.stem.endswith("_depth"):
                number = depth.stem.removesuffix("_depth")
                kind = "good" if split == "train" else kind_of(depth.parent, number)
                found.append(Sample(f"{category}/{part}/{number}", category, split, kind, partial(load, depth)))
    return found


def kind_of(folder: Path, number: str) -> str:
    """Kinds of a scan's defects joined by `+` ("bumps", "colors+dents"); "good" for none, "unnamed" without masks."""
    flags = _yaml(folder, f"{number}_metadata")
    if flags is not None and "anomalous" in flags and not flags["anomalous"]:
        return "good"
    marked = [kind for kind in KINDS if _marked(folder / f"{number}_{kind}_mask.png")]
    if marked:
        return "+".join(marked)
    anomalous = flags["anomalous"] if flags and "anomalous" in flags else _marked(folder / f"{number}_mask.png")
    return "unnamed" if anomalous else "good"


def load(depth: Path) -> LabelledCloud:
    """Read `NN_depth.png` with its range, image 0 (all lights) and the union mask. Raises InputRejected."""
    folder, number = depth.parent, depth.stem.removesuffix("_depth")
    depth_m = read_depth(depth, _yaml(folder, f"{number}_info_depth"))
    grid = (depth_m.shape[0], depth_m.shape[1])
    centre = (grid[1] / 2 + CENTRE_SHIFT, grid[0] / 2 + CENTRE_SHIFT)
    image = folder / f"{number}_image_0.png"
    cloud = PointCloud(
        xyz=unproject(np.where(depth_m > 0, depth_m, np.nan), FOCAL_PX, centre),
        colours=read_colours(image, grid) if image.is_file() else None,
        grid=grid,
        unit="m",
        path=depth,
    )
    return LabelledCloud(cloud, read_labels(folder, number, grid).ravel())


def read_depth(path: Path, info: dict[str, Any] | None) -> np.ndarray:
    """(H, W) float64 depth in metres along the optical axis: v / 65535 * (max - min) + min of the yaml file's range."""
    from PIL import Image

    try:
        span = (info or {})["normalization"]
        low, high = float(span["min"]), float(span["max"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputRejected(
            f"{path}: its _info_depth.yaml lacks normalization.min/max; without it the depth has no unit"
        ) from error
    try:
        with Image.open(path) as image:
            values = np.asarray(image)
    except OSError as error:
        raise InputRejected(f"{path}: the depth image cannot be read ({error}); check the data set's copy") from error
    if values.ndim != 2 or values.dtype not in (np.uint16, np.int32):
        raise InputRejected(f"{path}: {values.dtype} {values.shape} is not a 16-bit depth image")
    return values / 65535.0 * (high - low) + low


def read_labels(folder: Path, number: str, grid: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: the union mask together with the masks of the single kinds, whichever are there."""
    defect = np.zeros(grid, bool)
    for mask in ("mask", *(f"{kind}_mask" for kind in KINDS)):
        path = folder / f"{number}_{mask}.png"
        if path.is_file():
            defect |= read_mask(path, grid)
    return defect


def _marked(mask: Path) -> bool:
    """True when the mask exists and holds a pixel above 0."""
    from PIL import Image

    if not mask.is_file():
        return False
    with Image.open(mask) as image:
        return image.convert("L").getbbox() is not None


def _yaml(folder: Path, stem: str) -> dict | None:
    """The mapping in a small yaml file, None when there is no such file. Raises InputRejected."""
    import yaml

    path = layout.same_stem(folder, stem, *YAML)
    if path is None:
        return None
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputRejected(f"{path}: not readable as yaml ({error}); check the data set's copy") from error
    if not isinstance(content, dict):
        raise InputRejected(f"{path}: holds no `key: value` pairs; check the data set's copy")
    return content
