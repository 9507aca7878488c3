"""Where good parts vary, as a file to look at."""

from pathlib import Path

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.errors import UsageError
from align3d_cli.helpers.files import check_free, replacing
from align3d_cli.io.ply_write import REGION, VARIES, write_new
from align3d_cli.reference.variation import Variation
from align3d_cli.report.colours import score_rgb

BRIGHTEST = 3.0  # times the level, where the colours end that begin at it


def check_varies(path: str | Path, *, force: bool = False) -> Path:
    """The path, when it may be written. Raises UsageError for one that is taken or ends otherwise than in .ply."""
    path = Path(path)
    if path.suffix.lower() != ".ply":
        raise UsageError(f"{path}: where good parts vary is written as points; end its name with .ply")
    return check_free(path, force=force)


def write_variation(path: str | Path, found: Variation, *, force: bool = False) -> Path:
    """Write the first good part's points with how far good parts lie apart (`scalar_varies`), the place that each
    belongs to (`scalar_region`, 0 in none) and colours.

    Raises UsageError as `check_varies`, EnvironmentMissing when it cannot be written.
    """
    path = check_varies(path, force=force)
    rgb = score_rgb(found.apart, found.level, BRIGHTEST * found.level)
    values = {VARIES: found.apart, REGION: found.region.astype(np.float32)}
    values |= {name: rgb[:, i] for i, name in enumerate(("red", "green", "blue"))}
    with replacing(path, force=force) as stream:
        write_new(stream, PointCloud(found.xyz, unit=found.unit), values)
    return path
