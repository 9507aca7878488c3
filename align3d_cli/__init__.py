"""Zero-shot anomaly detection on 3D scans (Align3D-AD, arXiv 2605.05850).

    import align3d_cli as align3d

    model = align3d.load()
    found = model.score("part.ply")
    found.score, found.verdict, found.points
    found.save("heatmap.ply")

Importing this costs no torch; `load` does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from align3d_cli.clouds.cloud import Mesh, PointCloud
    from align3d_cli.errors import (
        Align3DError,
        BatchFailures,
        EnvironmentMissing,
        InputRejected,
        UsageError,
        WeightsRejected,
    )
    from align3d_cli.evaluation.benchmark import benchmark
    from align3d_cli.io.read import read_scan as read
    from align3d_cli.regions.region import Region
    from align3d_cli.regions.rules import Rules
    from align3d_cli.regions.rules_file import read_rules
    from align3d_cli.running.calibrate import Calibrated, calibrate
    from align3d_cli.running.model import Model, load
    from align3d_cli.running.scored import FailedScan, ScoredScan

__version__ = "0.2.0"
__all__ = [
    "Align3DError",
    "BatchFailures",
    "Calibrated",
    "EnvironmentMissing",
    "FailedScan",
    "InputRejected",
    "Mesh",
    "Model",
    "PointCloud",
    "Region",
    "Rules",
    "ScoredScan",
    "UsageError",
    "WeightsRejected",
    "benchmark",
    "calibrate",
    "load",
    "read",
    "read_rules",
]
_PLACES = {
    "PointCloud": "clouds.cloud",
    "Mesh": "clouds.cloud",
    "read": "io.read:read_scan",
    "Region": "regions.region",
    "Rules": "regions.rules",
    "read_rules": "regions.rules_file",
    "load": "running.model",
    "Model": "running.model",
    "ScoredScan": "running.scored",
    "FailedScan": "running.scored",
    "calibrate": "running.calibrate",
    "Calibrated": "running.calibrate",
    "benchmark": "evaluation.benchmark",
}


def __getattr__(name: str) -> Any:
    """The public names, each from its room when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, inner = _PLACES.get(name, "errors").partition(":")
    return getattr(import_module(f"{__name__}.{module}"), inner or name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
