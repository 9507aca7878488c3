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
from align3d_cli.report.points_payload import points_payload

KEPT = "Scored by an earlier call"


def kept_page(result: dict[str, Any], colours: tuple[float, float] | None, *, points: int) -> PartPage:
    """The section of a part whose result and heat map are all there is.

    result:  of `build_result`, whose `output` is the heat map
    colours: the scores at which its colours begin and end, None where nobody knows
    points:  that are shown at most
    A .ply or .npz gives points to turn, a .png is its view sheet; of other kinds, and of a file that cannot be read,
    the page says that it shows the numbers alone.
    """
    path, low, high = Path(result["output"]), *(colours or (0.0, 1.0))
    kind = path.suffix.lower().lstrip(".")
    try:
        if kind == "png":
            missing = f"{KEPT}: its heat map is the picture, there are no points to turn."
            return PartPage(result, path.read_bytes(), "image/png", None, low, high, missing)
        if kind in READ_BACK and colours is not None:
            missing = f"{KEPT}: the points are those of its heat map, its views are not drawn again."
            return PartPage(result, None, "", _payload(path, result, colours, points), low, high, missing)
    except (Align3DError, OSError) as error:
        return PartPage(result, None, "", None, low, high, f"{KEPT}: {first_line(error)}.")
    return PartPage(result, None, "", None, low, high, f"{KEPT}: only its numbers are shown, its heat map is {path}.")


def _payload(path: Path, result: dict[str, Any], colours: tuple[float, float], limit: int) -> dict[str, Any]:
    xyz, scores = read_scores(path)
    measured = np.isfinite(scores)  # the others are rows without a measurement, whose place says nothing
    return points_payload(xyz[measured], scores[measured], *colours, _home(result["views"]), limit=limit)


def _home(preset: str) -> np.ndarray:
    """(3, 3) rotation of the first view; upright in the file's frame where views were laid in the scan's own."""
    return CAMERA_FROM_VIEWER @ preset_rotations("front:1" if preset.startswith(OWN_PRESETS) else preset)[0]
