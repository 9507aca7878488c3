"""Results of parts as `score` gives them, made without scoring."""

from typing import Any

from align3d_cli.regions.region import Region
from align3d_cli.report.result import build_failure, build_result

REGION = Region(
    id=1, kind="concave", points=1200, share=0.02, area=4.25, area_missing=0.0, length=3.5, width=1.5, depth=0.25,
    height=None, roughness=0.01, centre=(1.0, 2.0, 3.0), low=(0.0, 1.0, 2.0), high=(2.0, 3.0, 4.0), peak=0.9, mean=0.7,
)  # fmt: skip
REASON = {"rule": "deep", "reject": "depth > 0.2", "zone": None, "region": 1, "values": {"depth": 0.25}}
RULED = {"rules": "line3.toml", "rules_sha256": None, "decided": [REASON], "counted": [1]}


def scored(name: str = "part.ply", score: float = 0.25, **changes: Any) -> dict[str, Any]:
    """The result of a part with a limit of 0.5; changes: fields and `judged`."""
    known: dict[str, Any] = {
        "input": name, "input_sha256": "a" * 64, "output": None, "n_points": 300, "n_invalid": 1, "n_unseen": 2,
        "n_removed": 3, "score": score, "threshold": 0.5, "doubts": [], "unit": "mm", "extent": [20.0, 10.0, 5.0],
        "resolution": {"spacing": 0.1, "pixel": 0.2, "smallest": 0.6}, "regions": [], "decision": None, "notes": [],
        "references": None, "model": "tiny", "model_sha256": None, "views": "front:2", "device": "cpu", "seed": 0,
        "colours": [0.2, 0.8], "seconds": {"read": 0.5, "total": 1.5},
    }  # fmt: skip
    return build_result(**known | changes)


def failed(name: str = "bad.ply") -> dict[str, Any]:
    """What stands for a part that could not be scored."""
    return build_failure(input=name, kind="input", message=f"{name}: is empty; export it again", exit_code=4)
