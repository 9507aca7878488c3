"""From the scan as read to the points that are scored: measured, on the part, not flying about."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from align3d_cli.clouds.axes import principal_axes
from align3d_cli.clouds.background import find_support
from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.extent import lacking_extent
from align3d_cli.clouds.parts import several_parts
from align3d_cli.clouds.sample import place_order
from align3d_cli.clouds.settings import Background
from align3d_cli.clouds.strays import near_points, stray_points
from align3d_cli.clouds.voxels import bounds
from align3d_cli.errors import InputRejected

MANY_STRAYS = 0.1  # of the points; more, and what is left need not be the part
MINIMUM_POINTS = 50  # fewer carry no surface to judge


@dataclass(frozen=True)
class Prepared:
    """The M points of a cloud that are scored.

    xyz:     (M, 3) float64, finite, in the cloud's unit
    index:   (M,) int64, the rows of the cloud they are: increasing in an organised scan; else in an order of places, so
             that the order in which a file tells its points changes nothing
    colours: (M, 3) uint8 or None
    grid:    (H, W) of the cloud, when it is organised
    spacing: median distance to the nearest other point
    report:  n_points, n_invalid, n_background, n_outliers, spacing, extent, unit, plane (a, b, c, d) or None
    notes:   what was doubtful about the scan or about choosing its points, a sentence each
    doubts:  reasons for which a low score does not mean a good part, a sentence each
    """

    xyz: np.ndarray
    index: np.ndarray
    colours: np.ndarray | None
    grid: tuple[int, int] | None
    spacing: float
    report: dict[str, Any] = field(repr=False)
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @cached_property
    def axes(self) -> np.ndarray:
        """`principal_axes` of the points."""
        return principal_axes(self.xyz)


def prepare(cloud: PointCloud, *, background: Background = "auto") -> Prepared:
    """Choose the points to score. The cloud is left as it is, and preparing the rest again drops nothing more.

    background: "remove" the plane the part lies on, "keep" it, or "auto": remove it from organised scans
                where it cannot be the part itself
    Raises InputRejected when fewer than 50 points are left, or no surface: one place or one line.
    """
    valid = check_measured(cloud)
    support = None if background == "keep" else find_support(cloud, certain=background == "remove")
    kept = valid if support is None else support.part
    keep = "give a whole scan" if support is None else "rerun with --background keep"
    _check_enough(cloud, int(kept.sum()), "are off the background plane", keep)
    index = np.flatnonzero(kept)
    xyz = cloud.xyz if len(index) == len(cloud) else cloud.xyz[index]
    stray, spacing = stray_points(xyz, surface=cloud.grid is not None or cloud.mesh is not None)
    if stray.any():
        index, xyz = index[~stray], xyz[~stray]
        _check_enough(cloud, len(index), "hang together", keep)
    if len(index) < valid.sum():
        _check_extent(cloud, xyz, keep)
    if cloud.grid is None:  # all that follows looks at the points one after the other
        order = place_order(xyz)
        index, xyz = index[order], xyz[order]
    low, high = bounds(xyz)
    report = {
        "n_points": len(cloud),
        "n_invalid": int((~valid).sum()),
        "n_background": int(valid.sum() - kept.sum()),
        "n_outliers": int(stray.sum()),
        "spacing": spacing,
        "extent": (high - low).tolist(),
        "unit": cloud.unit,
        "plane": None if support is None else support.plane.tolist(),
    }
    colours = None if cloud.colours is None else cloud.colours[index]
    notes = cloud.notes + _stray_notes(report["n_outliers"], len(cloud))
    doubts = _doubts(xyz, spacing, report["n_outliers"])
    return Prepared(xyz, index, colours, cloud.grid, spacing, report, notes, doubts)


def _doubts(xyz: np.ndarray, spacing: float, n_stray: int) -> tuple[str, ...]:
    several, all_points = several_parts(xyz, spacing), len(xyz) + n_stray
    found = [] if several is None else [several]
    if n_stray > MANY_STRAYS * all_points:
        share = f"{n_stray / all_points:.0%}".replace("%", " %")
        found.append(f"{share} of the points fly off or about the part: scan it again, or clean it first")
    return tuple(found)


def _stray_notes(n: int, of: int) -> tuple[str, ...]:
    if not n:
        return ()
    verbs = "flies off the part and is left out" if n == 1 else "fly off or about the part and are left out"
    return (f"{n:,} of {of:,} points {verbs}".replace(",", " "),)


def check_measured(cloud: PointCloud) -> np.ndarray:
    """(N,) bool, the rows that are measured. Raises InputRejected when they are too few, or no surface."""
    valid = cloud.valid
    _check_enough(cloud, int(valid.sum()), "are measured", "give a whole scan")
    _check_extent(cloud, cloud.xyz if valid.all() else cloud.xyz[valid], "check the scanner and export it again")
    return valid


def _check_extent(cloud: PointCloud, xyz: np.ndarray, step: str) -> None:
    finding = lacking_extent(near_points(xyz))
    if finding:
        left = "" if len(xyz) == len(cloud) else f", of the {len(xyz)} that are left"
        raise InputRejected(f"{cloud.path or 'the cloud'}: {finding}{left}; {step}")


def _check_enough(cloud: PointCloud, n: int, what: str, step: str) -> None:
    if n < MINIMUM_POINTS:
        finding = f"{n} of {len(cloud)} points {what}, at least {MINIMUM_POINTS} are needed"
        raise InputRejected(f"{cloud.path or 'the cloud'}: {finding}; {step}")


def spread_to_cloud(values: np.ndarray, prepared: Prepared, n: int) -> np.ndarray:
    """(n,) float32 values on the cloud's own rows, NaN where no prepared point is.

    values: (M,) one for each prepared point
    """
    out = np.full(n, np.nan, np.float32)
    out[prepared.index] = values
    return out
