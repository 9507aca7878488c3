"""Scored scans as pictures: what is wrong with the part beside what the method says, from the log's preview points."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from align3d_cli.clouds.spacing import point_spacing
from align3d_cli.evaluation.charts import FAINT, INK, PAPER
from align3d_cli.evaluation.pooling import LoggedScan
from align3d_cli.metrics.metrics import auroc
from align3d_cli.render.cameras import fitted_cameras, preset_rotations
from align3d_cli.render.geometry import incidence
from align3d_cli.render.splat import splat
from align3d_cli.report.colours import score_rgb

TILE_PX = 220
DIRECTIONS = "sphere:14"  # looked from; the one that shows most of the defect is drawn
SHOWN = 4  # scans of each group
TRUTH_RGB = (213, 94, 0)
LIMITS = (0.5, 0.999)  # quantiles of all shown points between which colours run: the same for every scan of a sheet


@dataclass(frozen=True, slots=True)
class Judged:
    """A scan with how well the method did on it: point AUROC for defective ones, the object score for good ones."""

    scan: LoggedScan
    value: float
    caption: str


def groups(scans: Sequence[LoggedScan], method: str) -> dict[str, list[Judged]]:
    """The scans worth looking at: defects found worst and best, good parts with the highest scores."""
    defective, good = [], []
    for scan in scans:
        score = scan.line["object_scores"][method]
        if not scan.line["anomalous"]:
            good.append(Judged(scan, score, f"{scan.line['sample']}  raw score {score:.3f}"))
        elif (found := _point_auroc(scan, method)) is not None:
            caption = f"{scan.line['sample']}  P-R {100 * found:.1f}  raw score {score:.3f}"
            defective.append(Judged(scan, found, caption))
    defective.sort(key=lambda judged: (judged.value, judged.caption))
    good.sort(key=lambda judged: (-judged.value, judged.caption))
    best = defective[::-1][: min(SHOWN, len(defective) // 2)]
    worst = defective[: min(SHOWN, len(defective) - len(best))]
    chosen = {
        "worst: defects ranked lowest among their scan's points": worst,
        "best: defects ranked highest": best,
        "good parts with the highest scores": good[:SHOWN],
    }
    return {name: found for name, found in chosen.items() if found}


def _point_auroc(scan: LoggedScan, method: str) -> float | None:
    """Point AUROC of one scan; None without labels or where only one class was scored."""
    sample = scan.sample(method)
    if sample.defect is None:
        return None
    counted = sample.measured & ~np.isnan(sample.scores)
    found = auroc(sample.defect[counted], sample.scores[counted])
    return None if np.isnan(found) else found


def sheet(title: str, chosen: dict[str, list[Judged]], method: str) -> Image.Image:
    """A picture with one row of scans a group; each scan with its labels (left) and its scores (right)."""
    shown = [judged.scan for found in chosen.values() for judged in found]
    points = np.concatenate([_preview_scores(scan, method) for scan in shown])
    low, high = np.nanquantile(points, LIMITS)
    high = high if high > low else low + 1.0
    columns = max(len(found) for found in chosen.values())
    width, row_px = columns * (2 * TILE_PX + 16) + 16, TILE_PX + 46
    image = Image.new("RGB", (width, 64 + len(chosen) * row_px), PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((16, 10), title, INK, ImageFont.load_default(17))
    limits = f"left: labelled defect, right: point scores, colours from {low:.3g} to {high:.3g} on every scan"
    draw.text((16, 36), limits, FAINT, ImageFont.load_default(12))
    for row, (name, found) in enumerate(chosen.items()):
        top = 64 + row * row_px
        draw.text((16, top), name, INK, ImageFont.load_default(13))
        for column, judged in enumerate(found):
            left = 16 + column * (2 * TILE_PX + 16)
            image.paste(Image.fromarray(tiles(judged.scan, method, low, high)), (left, top + 18))
            draw.text((left, top + 20 + TILE_PX), judged.caption[-64:], FAINT, ImageFont.load_default(11))
    return image


def _preview_scores(scan: LoggedScan, method: str) -> np.ndarray:
    outputs = scan.outputs(method)
    return outputs.scores[method][outputs.preview_rows]


def tiles(scan: LoggedScan, method: str, low: float, high: float) -> np.ndarray:
    """(TILE_PX, 2 TILE_PX, 3) uint8: the labels and the scores of a scan from the side that shows its defect best."""
    outputs = scan.outputs(method)
    xyz, rows = outputs.preview_xyz.astype(np.float64), outputs.preview_rows
    defect = outputs.defect[rows] if outputs.defect is not None else np.zeros(len(rows), bool)
    scores = outputs.scores[method][rows]
    cameras = fitted_cameras(xyz, preset_rotations(DIRECTIONS), TILE_PX)
    views = splat(xyz, cameras, spacing=point_spacing(xyz))
    index = views.index.numpy()
    worth = defect if defect.any() else scores >= np.nanquantile(scores, 0.99)
    view = int((worth[index] & (index >= 0)).sum(axis=(1, 2)).argmax())
    surface, at = index[view] >= 0, index[view].clip(min=0)
    light = (0.35 + 0.65 * incidence(views)[view].numpy())[..., None]
    truth = np.where(defect[at][..., None], TRUTH_RGB, 190.0) * light
    heat = score_rgb(scores, low, high)[at] * (0.5 + 0.5 * light)
    drawn = [np.where(surface[..., None], part, 255.0) for part in (truth, heat)]
    return np.concatenate(drawn, axis=1).round().clip(0, 255).astype(np.uint8)
