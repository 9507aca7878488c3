"""A line of the run log for one scan and arm, and the hash that says what it hangs on."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from align3d_cli import __version__
from align3d_cli.clouds.given import GivenViews
from align3d_cli.clouds.labelled import LabelledCloud, Sample
from align3d_cli.clouds.prepare import Prepared, spread_to_cloud
from align3d_cli.evaluation.arms import Arm
from align3d_cli.evaluation.looks import arrays_of
from align3d_cli.evaluation.outputs import point_outputs, to_bytes
from align3d_cli.evaluation.task import MethodScores, ScanSettings, Scored
from align3d_cli.helpers.digest import digest_of_bytes, digest_of_settings


def scan_digest(sample: Sample, labelled: LabelledCloud, given: GivenViews | None = None) -> str:
    """SHA-256 over everything a scan and its labels bring into the scoring: a changed file is another input."""
    cloud = labelled.cloud
    parts: list[bytes | memoryview] = []
    for array in (cloud.xyz, cloud.colours, labelled.defect, *arrays_of(given)):
        if array is not None:
            parts += [f"{array.dtype} {array.shape}".encode(), np.ascontiguousarray(array).data]
    facts = json.dumps([sample.name, sample.defect, sample.point_labels, cloud.grid])
    return digest_of_bytes(facts.encode(), *parts)


def line_key(digest: str, arm: Arm, settings: ScanSettings, beside: str | None = None) -> str:
    """Hash of input, weights, settings and version: what makes a line of the log valid.

    beside: hash of all that the scan was compared with, None where that is nothing
    """
    known = [digest, arm.as_json(), asdict(settings), __version__]
    return digest_of_settings(known if beside is None else [*known, beside])[:40]


def scored_line(
    sample: Sample,
    labelled: LabelledCloud,
    scan: Prepared,
    arm: Arm,
    found: Mapping[str, MethodScores],
    *,
    digest: str,
    key: str,
    seconds: float,
) -> Scored:
    """The line and the points of what an arm's methods found on a scan. digest, key: see above"""
    n = len(labelled.cloud)
    points = {m: spread_to_cloud(s.points, scan, n).astype(np.float32) for m, s in found.items()}
    data = to_bytes(point_outputs(labelled, points, sample.point_labels))
    line: dict[str, Any] = {
        "type": "scan",
        "key": key,
        "sample": sample.name,
        "category": sample.category,
        "defect": sample.defect,
        "anomalous": sample.anomalous,
        "point_labels": sample.point_labels,
        "arm": arm.as_json(),
        "object_scores": {method: scores.score for method, scores in found.items()},
        "organised": labelled.cloud.grid is not None,
        "n_points": n,
        "n_scored": len(scan.index),
        "n_unseen": {method: scores.n_unseen for method, scores in found.items()},
        "input_sha256": digest,
        "points": f"points/{key}.npz",
        "points_sha256": digest_of_bytes(data),
        "seconds": round(seconds, 3),
    }
    spoke = {method: asdict(scores.spoke) for method, scores in found.items() if scores.spoke is not None}
    return Scored(line | ({"spoke": spoke} if spoke else {}), data)
