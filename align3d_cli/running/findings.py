"""What a scored scan shows beside its score: regions, and how small a defect can be to be seen."""

import time
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.model.calibration import Calibration
from align3d_cli.model.drawn import Drawn
from align3d_cli.model.inspector import Inspection
from align3d_cli.model.seen_from import seen_from
from align3d_cli.regions.find import find_regions
from align3d_cli.regions.levels import levels_between
from align3d_cli.regions.region import Region
from align3d_cli.regions.resolution import Resolution, resolution_of
from align3d_cli.render.footprint import distance_apart


@dataclass(frozen=True, slots=True)
class Findings:
    """regions: the most severe first; labels: (N,) int32, the id of the region of each point of the scan, 0 in none;
    seconds: that it took."""

    regions: tuple[Region, ...]
    labels: np.ndarray = field(repr=False)
    resolution: Resolution
    seconds: float


def findings_of(cloud: PointCloud, inspection: Inspection, calibration: Calibration) -> Findings:
    """The regions of an inspected scan, between the colour limits of its model."""
    start = time.perf_counter()
    rows = np.flatnonzero(cloud.valid) if inspection.rows is None else inspection.rows
    xyz = cloud.xyz[rows]
    apart, _ = distance_apart(xyz, inspection.preparation["spacing"])
    drawn = inspection.drawn
    outward = None if drawn is None else partial(_seen, drawn, len(cloud), rows)
    levels = levels_between(calibration.colour_low, calibration.colour_high)
    found = find_regions(xyz, inspection.point_scores[rows], levels, apart, outward)
    labels = np.zeros(len(cloud), np.int32)
    labels[rows] = found.labels
    pixel = None if drawn is None else _pixel(drawn, xyz)
    return Findings(found.regions, labels, resolution_of(apart, pixel), time.perf_counter() - start)


def _seen(drawn: Drawn, n: int, rows: np.ndarray) -> np.ndarray:
    return seen_from(drawn, n)[rows]


def _pixel(drawn: Drawn, xyz: np.ndarray) -> float:
    """Side of a pixel in the middle of the part, on average over the views."""
    cameras = drawn.views.cameras
    depths = cameras.camera_from_cloud[:, 2, :3] @ xyz.mean(axis=0) + cameras.camera_from_cloud[:, 2, 3]
    return cameras.pixel_size(float(depths.mean()))
