"""Per-point outputs of one scored scan as npz bytes: all that metrics and pictures need, so the scan is not read again.

Arrays in the file, N points in the scan's own order:
    scores_<method> (N,) float32, NaN where the method gave none (background that was removed, no measurement)
    defect          packed bits (numpy.packbits) of N labels; absent when nobody labelled the points
    measured        packed bits, where the scanner measured something
    region          (D,) int32, number of the connected defect region of each measured defective point, in their order
    n_points        N;  grid: (H, W) of an organised scan, or (0, 0)
    preview_rows    (K,) int32, some of the scored points, and their preview_xyz (K, 3) float32, for pictures
"""

import io
import zipfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from align3d_cli.clouds.labelled import LabelledCloud
from align3d_cli.errors import InputRejected
from align3d_cli.helpers.digest import digest_of_bytes
from align3d_cli.metrics.regions import regions
from align3d_cli.render.choose import spread_rows

PREVIEW_POINTS = 16_000  # enough for a picture of 240 pixels a side
SCORES = "scores_"
AGAIN = "run the benchmark again on this run to score the scan anew"


@dataclass(frozen=True, slots=True)
class PointOutputs:
    """scores: by method, (N,) float32; defect: (N,) bool or None; measured: (N,) bool; region: (N,) int32, 0 = none;
    grid: (H, W) or None; preview_rows: (K,) int32; preview_xyz: (K, 3) float32."""

    scores: dict[str, np.ndarray] = field(repr=False)
    defect: np.ndarray | None = field(repr=False)
    measured: np.ndarray = field(repr=False)
    region: np.ndarray = field(repr=False)
    grid: tuple[int, int] | None
    preview_rows: np.ndarray = field(repr=False)
    preview_xyz: np.ndarray = field(repr=False)


def point_outputs(labelled: LabelledCloud, scores: dict[str, np.ndarray], point_labels: bool) -> PointOutputs:
    """Gather what is kept of a scored scan. scores: by method, (N,) float32, NaN where there is none."""
    cloud, measured = labelled.cloud, labelled.cloud.valid
    scored = np.flatnonzero(measured & np.logical_or.reduce([~np.isnan(values) for values in scores.values()]))
    rows = scored[spread_rows(len(scored), PREVIEW_POINTS)].astype(np.int32)
    defect, region = None, np.zeros(len(cloud), np.int32)
    if point_labels:
        defect, region = labelled.defect, regions(cloud.xyz, measured, labelled.defect, cloud.grid)
    return PointOutputs(scores, defect, measured, region, cloud.grid, rows, cloud.xyz[rows].astype(np.float32))


def to_bytes(outputs: PointOutputs) -> bytes:
    """The npz file, the same bytes for the same outputs (no time stamps), quickly compressed."""
    arrays: dict[str, np.ndarray] = {
        SCORES + method: values.astype(np.float32) for method, values in outputs.scores.items()
    }
    if outputs.defect is not None:
        arrays["defect"] = np.packbits(outputs.defect)
        arrays["region"] = outputs.region[outputs.defect & outputs.measured].astype(np.int32)
    arrays["measured"] = np.packbits(outputs.measured)
    arrays["n_points"] = np.array(len(outputs.measured), np.int64)
    arrays["grid"] = np.array(outputs.grid or (0, 0), np.int32)
    arrays["preview_rows"], arrays["preview_xyz"] = outputs.preview_rows, outputs.preview_xyz
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, values in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asanyarray(values), allow_pickle=False)
            archive.writestr(_entry(f"{name}.npy"), member.getvalue(), zipfile.ZIP_DEFLATED, 1)
    return data.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))


def from_file(path: Path, sha256: str, methods: Collection[str]) -> PointOutputs:
    """Read what `to_bytes` wrote, with the scores of some methods. Raises InputRejected for a file that is missing or
    is not the one of this hash.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputRejected(f"{path}: cannot be read ({error.strerror}); {AGAIN}") from error
    if digest_of_bytes(data) != sha256:
        raise InputRejected(f"{path}: is damaged or another, its SHA-256 is not the log's; {AGAIN}")
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        return _unpacked({key: found[key] for key in found if _wanted(key, methods)})


def _wanted(key: str, methods: Collection[str]) -> bool:
    return not key.startswith(SCORES) or key.removeprefix(SCORES) in methods


def _unpacked(arrays: dict[str, np.ndarray]) -> PointOutputs:
    n = int(arrays["n_points"])
    measured = np.unpackbits(arrays["measured"], count=n).astype(bool)
    height, width = arrays["grid"].tolist()
    defect, region = None, np.zeros(n, np.int32)
    if "defect" in arrays:
        defect = np.unpackbits(arrays["defect"], count=n).astype(bool)
        region[defect & measured] = arrays["region"]
    return PointOutputs(
        scores={key.removeprefix(SCORES): values for key, values in arrays.items() if key.startswith(SCORES)},
        defect=defect,
        measured=measured,
        region=region,
        grid=(height, width) if height and width else None,
        preview_rows=arrays["preview_rows"],
        preview_xyz=arrays["preview_xyz"],
    )
