"""A part that was scored by an earlier call, on the page of this one: what its heat map still tells."""

from pathlib import Path
from typing import Any

import numpy as np

from align3d_cli.errors import Align3DError
from align3d_cli.helpers.words import first_line
from align3d_cli.io.read_scores import READ_BACK, read_scores
from align3d_cli.render.cameras import CAMERA_FROM_VIEWER, preset_rotations
from align3d_cli.render.own_frame import OWN_PRESETS
from align3d_cli.report.html import PartPage
from align3d_cli.report.points_payload import PagePoints, points_payload

KEPT = "Scored by an earlier call"


def kept_page(result: dict[str, Any], *, points: int, beside: Path | None = None) -> PartPage:
    """The section of a part whose result and heat map are all there is.

    result: of `build_result`, whose `output` is the heat map
    points: that are shown at most
    beside: a folder in which the heat map is looked for too when it is not where the result says
    A .ply or .npz gives points to turn, a .png is its view sheet; of other kinds, and of a file that cannot be read,
    the page says that it shows the numbers alone.
    """
    if result["output"] in (None, "-"):
        return PartPage(result, None, "", None, f"{KEPT} without a heat map: only its numbers are shown.")
    path = _found(Path(result["output"]), beside)
    kind = path.suffix.lower().lstrip(".")
    try:
        if kind == "png":
            missing = f"{KEPT}: its heat map is the picture, there are no points to turn."
            return PartPage(result, path.read_bytes(), "image/png", None, missing)
        if kind in READ_BACK:
            missing = f"{KEPT}: the points are those of its heat map, its views are not drawn again."
            return PartPage(result, None, "", _payload(path, result, points), missing)
    except (Align3DError, OSError) as error:
        return PartPage(result, None, "", None, f"{KEPT}: {first_line(error)}.")
    return PartPage(result, None, "", None, f"{KEPT}: only its numbers are shown, its heat map is {path}.")


def _found(path: Path, beside: Path | None) -> Path:
    """The heat map where the result says, or by as many of its last words as there are below the other folder."""
    if beside is None or path.exists():
        return path
    others = (beside.joinpath(*path.parts[row:]) for row in range(len(path.parts)))
    return next((other for other in others if other.exists()), path)


def _payload(path: Path, result: dict[str, Any], limit: int) -> dict[str, Any]:
    found = read_scores(path)
    points = PagePoints(found.xyz, found.scores, None, found.regions, found.deviation)
    measured = points.at(np.flatnonzero(np.isfinite(found.scores)))  # the place of the others says nothing
    return points_payload(measured, _home(result["views"]), limit=limit, regions=result["regions"])


def _home(preset: str) -> np.ndarray:
    """(3, 3) rotation of the first view; upright in the file's frame where views were laid in the scan's own."""
    return CAMERA_FROM_VIEWER @ preset_rotations("front:1" if preset.startswith(OWN_PRESETS) else preset)[0]
