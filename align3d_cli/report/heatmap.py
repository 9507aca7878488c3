"""A scored scan to one file: heat map in the scan's own kind, view sheet, or page. Written beside, then moved there."""

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.helpers.files import make_folder, write_bytes
from align3d_cli.io.write import write_scores
from align3d_cli.model.calibration import Calibration
from align3d_cli.model.inspector import Inspection
from align3d_cli.report.colours import score_rgb
from align3d_cli.report.html import PartPage, TwinPage, html_page
from align3d_cli.report.points_payload import PagePoints, points_payload
from align3d_cli.report.portrait import Portrait, portray
from align3d_cli.report.reference_text import known_text
from align3d_cli.report.result import extent_text, limit_text
from align3d_cli.report.thinning import LONE_POINTS

LARGE_JPEG = {"quality": 88, "subsampling": 0}  # of the view sheet: fine lines of the map stay
SMALL_JPEG = {"quality": 70}  # a third of it for one of many parts


@dataclass(frozen=True)  # without slots, so that it can hold its portrait once that was drawn
class ScoredPart:
    """A scan and all that was found on it.

    result:      what `build_result` gave, for the texts of png and html
    calibration: of the model, for its colour limits
    labels:      (N,) int, the id of each point's region, 0 in none; None where regions were not looked for
    """

    cloud: PointCloud
    inspection: Inspection
    result: dict[str, Any]
    calibration: Calibration
    labels: np.ndarray | None = None

    @property
    def limits(self) -> tuple[float, float]:
        """The scores at which colours begin and end."""
        return self.calibration.colour_low, self.calibration.colour_high

    @cached_property
    def portrait(self) -> Portrait:
        """Its shaded views, the same for every file it goes into. ValueError for an inspection without its views."""
        if self.inspection.drawn is None:
            raise ValueError("an inspection without its views cannot be drawn")
        return portray(self.inspection.drawn, self.inspection.point_scores, self.inspection.views)


def write_heatmap(path: Path, part: ScoredPart, *, format: str, force: bool = False) -> None:
    """Write one part's outcome to `path`, as ply, npz, tiff, glb, png (view sheet) or html (page).

    Raises UsageError for a tiff of a scan without a grid or a file that is there, EnvironmentMissing when the file
    cannot be written.
    """
    if format == "png":
        write_bytes(path, sheet_png(part), force=force)
    elif format == "html":
        write_bytes(path, html_page(part.result["input"], [part_page(part)]).encode(errors="replace"), force=force)
    else:
        _write_points(path, part, format=format, force=force)


def sheet_png(part: ScoredPart) -> bytes:
    """The view sheet with its title, as a PNG file."""
    result = part.result
    name = Path(result["input"]).name.encode(errors="replace").decode()  # fonts draw text only
    title = f"{name}    {result['score']:.3f}    {result['verdict'].upper()}"
    return _sheet(part, title, _subtitle(result), "PNG")[0]


def part_page(part: ScoredPart, *, points: int = LONE_POINTS, small: bool = False) -> PartPage:
    """One part for `html_page`: its sheet as JPEG, and at most `points` of its points for the viewer.

    small: the sheet in half its size, for pages with many parts
    """
    sheet, home = _sheet(part, "", "", "JPEG", small=small, **(SMALL_JPEG if small else LARGE_JPEG))
    found = part.inspection
    shown = PagePoints(part.cloud.xyz, found.point_scores, part.cloud.colours, part.labels, found.deviation)
    payload = points_payload(shown, home, limit=points, regions=part.result["regions"])
    return PartPage(part.result, sheet, "image/jpeg", payload, twin=_twin(part))


def _twin(part: ScoredPart) -> TwinPage | None:
    """The good part that the scan was compared with, None where there was none."""
    twin = None if part.inspection.beside is None else part.inspection.beside.twin
    if twin is None:
        return None
    points = PagePoints(twin.xyz, np.full(len(twin.xyz), np.nan))
    return TwinPage(twin.name, points_payload(points, np.eye(3), limit=len(twin.xyz)), twin.scan_from_twin)


def _sheet(
    part: ScoredPart, title: str, subtitle: str, kind: str, *, small: bool = False, **options: Any
) -> tuple[bytes, Any]:
    """The encoded view sheet, and the (3, 3) rotation of its first view."""
    from align3d_cli.report.view_sheet import Legend, view_sheet

    portrait, data = part.portrait, io.BytesIO()
    sheet = view_sheet(portrait.images, portrait.maps, Legend(title, subtitle, *part.limits))
    (sheet.reduce(2) if small else sheet).save(data, kind, **options)
    return data.getvalue(), portrait.home


def _write_points(path: Path, part: ScoredPart, *, format: str, force: bool) -> None:
    scores = part.inspection.point_scores
    make_folder(path.parent)
    rgb = score_rgb(scores, *part.limits)
    off = part.inspection.deviation
    write_scores(path, part.cloud, scores, rgb, regions=part.labels, deviation=off, format=format, force=force)


def _subtitle(result: dict[str, Any]) -> str:
    counts = [extent_text(result), f"{result['n_points']:,} points"]
    if result["n_invalid"]:
        counts.append(f"{result['n_invalid']:,} without measurement")
    if result["n_unseen"]:
        counts.append(f"{result['n_unseen']:,} seen by no view")
    if result["n_removed"]:
        counts.append(f"{result['n_removed']:,} taken for background or strays")
    model = result["model"] + ("" if result["references"] is None else f" beside {known_text(result['references'])}")
    facts = [f"limit {limit_text(result['threshold'])}", model, f"views {result['views']}", *counts]
    return "  ·  ".join(facts)
