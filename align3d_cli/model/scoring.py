"""View probabilities to the scores of points and of the whole scan (Align3D-AD section 3.4, PointAD section 3.3).

Every choice is a named setting of `ScoringSettings`: as published, or with the faults of the published code mended.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from align3d_cli.clouds.prepare import Prepared
from align3d_cli.model.settings import Again, ScoringSettings
from align3d_cli.render.lift import fill_unseen, smooth_points


@dataclass(frozen=True, slots=True)
class BranchResult:
    """One branch on one scan.

    points: (M,), NaN where unseen until `fill_branches`; view_probability: (V,) of the global feature; both in [0, 1]
    """

    points: torch.Tensor
    view_probability: torch.Tensor


def fuse(branches: dict[str, torch.Tensor], rgb_weight: float) -> torch.Tensor:
    """w * rgb + (1 - w) * rendering (Align3D-AD section 3.4); a lone branch stands for itself."""
    if len(branches) == 1:
        return next(iter(branches.values()))
    return rgb_weight * branches["rgb"] + (1 - rgb_weight) * branches["rendering"]


def score_scan(
    scan: Prepared, branches: dict[str, BranchResult], scoring: ScoringSettings, size_px: int, preset: str
) -> tuple[np.ndarray, float]:
    """(M,) scores of the drawn points, and the object score before calibration, both from the fused map.

    branches: both, or one alone, which then stands for itself, of `fill_branches`
    size_px, preset: side and name of the views
    """
    for_points, for_object = (_times(again, preset) for again in (scoring.smooth_fused, scoring.smooth_object))
    fused = _fused_map(scan, branches, scoring, size_px, scoring.rgb_weight_point, for_points)
    judged, weight = fused, scoring.rgb_weight_object
    if for_object != for_points or (len(branches) > 1 and weight != scoring.rgb_weight_point):
        judged = _fused_map(scan, branches, scoring, size_px, weight, for_object)
    points = _at_points(fused, scan, scoring)
    return above_level(points, scoring.level_share), _object_score(scan, branches, scoring, judged)


def _times(again: Again, preset: str) -> int:
    """How often a map is smoothed."""
    presets = {"mvtec": ("mvtec",), "mvtec and eyecandies": ("mvtec", "eyecandies")}
    return 1 + (again == "always" or preset in presets.get(again, ()))


def above_level(points: np.ndarray, share: float) -> np.ndarray:
    """What stands out of the scan's own level: points - share * median(points), not below 0; share 0 changes nothing.

    A noisy or grainy surface is warm in good places too; without this one scan of a part is redder than the next.
    """
    return np.maximum(points - share * np.median(points), 0.0) if share else points


def _fused_map(
    scan: Prepared,
    branches: dict[str, BranchResult],
    scoring: ScoringSettings,
    size_px: int,
    rgb_weight: float,
    times: int,
) -> np.ndarray:
    """Fused and smoothed `times` over: (M,), or the whole image (H * W,) that is smoothed over a grid.

    Smoothing is linear: the published order (smoothed, then fused) gives the same.
    """
    fused = fuse({name: found.points for name, found in branches.items()}, rgb_weight).cpu().numpy()
    return smooth(fused, scan, scoring, size_px, times)


def _at_points(fused: np.ndarray, scan: Prepared, scoring: ScoringSettings) -> np.ndarray:
    """(M,) of a fused map."""
    return fused[scan.index] if scoring.smoothing == "grid" else fused


def _object_score(
    scan: Prepared, branches: dict[str, BranchResult], scoring: ScoringSettings, judged: np.ndarray
) -> float:
    """From the object's own fused map, with w_i and its own smoothing, and, in the published form, the views' global
    probabilities. The maximum is that of the whole image where a grid is smoothed, as published."""
    if scoring.object_form == "top":
        points = _at_points(judged, scan, scoring)
        top, wide = (mean_of_highest(points, share) for share in (scoring.top_share, scoring.wide_share))
        return (1 - scoring.wide_weight) * top + scoring.wide_weight * wide
    peak = float(judged.max())
    if scoring.object_form == "max":
        return peak
    means = {name: found.view_probability.mean() for name, found in branches.items()}
    view = float(fuse(means, scoring.rgb_weight_object))
    return scoring.object_max_weight * peak + scoring.object_view_weight * view


def mean_of_highest(points: np.ndarray, share: float) -> float:
    """Mean of the highest share of the points, of one at least."""
    count = max(1, round(share * len(points)))
    return float(np.partition(points, -count)[-count:].mean(dtype=np.float64))


def fill_branches(xyz: np.ndarray, branches: dict[str, BranchResult]) -> dict[str, BranchResult]:
    """The branches with points without NaN: unseen ones get the value of the nearest seen point in space.

    Their views are the same, so they leave the same points out. Filling each gives the same as filling what is fused.
    """
    points, _ = fill_unseen(xyz, torch.stack([found.points for found in branches.values()]).cpu().numpy())
    pairs = zip(branches.items(), torch.from_numpy(points), strict=True)
    return {name: replace(found, points=values) for (name, found), values in pairs}


def smooth(values: np.ndarray, scan: Prepared, scoring: ScoringSettings, size_px: int, times: int = 1) -> np.ndarray:
    """(M,) smoothed as the settings say, `times` over: -> (M,), or the whole image (H * W,) over a grid."""
    if scoring.smoothing == "grid":
        return smooth_grid(values, scan, scoring.smooth_sigma_px, size_px, times)
    if scoring.smooth > 0:
        return smooth_points(scan.xyz, values, scoring.smooth * max(scan.report["extent"]), times)
    return values


def smooth_grid(values: np.ndarray, scan: Prepared, sigma_px: float, size_px: int, times: int = 1) -> np.ndarray:
    """2-D Gaussian over the organised scan as an image, 0 where it has no point: (M,) -> (H * W,) float32.

    The published code brings every scan to the size of a view and smooths there: sigma_px counts pixels of a view of
    size_px, here in the scan's own grid. Rows of a scan without grid fill a square in array order, as published
    (that order means nothing; `smoothing = "neighbours"` mends it).
    """
    from scipy.ndimage import gaussian_filter

    side = math.ceil(math.sqrt(scan.report["n_points"]))
    height, width = scan.grid or (side, side)
    flat = np.zeros(height * width, np.float32)
    flat[scan.index] = values
    image = flat.reshape(height, width)
    for _ in range(times):
        image = gaussian_filter(image, (sigma_px * height / size_px, sigma_px * width / size_px))
    return image.ravel()
