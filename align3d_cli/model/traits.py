"""What a good part was like when a limit was set by it, in a few numbers that every later part has too."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np

from align3d_cli.clouds.prepare import Prepared
from align3d_cli.helpers.settings import Natural, NotNegative, Share, check_settings, from_dict
from align3d_cli.helpers.stored import stored_score
from align3d_cli.regions.resolution import resolution_of

LEAST_PARTS = 5  # good parts that set a limit, and that later ones are compared with


@dataclass(frozen=True, slots=True)
class Traits:
    """One part as it was scored. Raises SettingsError for numbers that no part has."""

    score: Annotated[Share, "object score"]
    points: Annotated[Natural, "points that were scored: measured, and on the part"]
    spacing: Annotated[NotNegative, "how far they lie apart, in the file's unit, as results state it"]
    size: Annotated[NotNegative, "diagonal of the box around them, in the file's unit"]
    level: Annotated[Share | None, "median of their scores; None where nobody kept it"] = None

    def __post_init__(self) -> None:
        check_settings(self)


def traits_of_scan(scan: Prepared, score: float, level: float | None = None) -> Traits:
    """Of a prepared scan. score: of the object in [0, 1], rounded here as results do; level: median of its points"""
    from align3d_cli.render.footprint import distance_apart  # with torch: later than scans are read and refused

    apart, _ = distance_apart(scan.xyz, scan.spacing)
    size = float(np.linalg.norm(scan.report["extent"]))
    spacing = resolution_of(apart, None).spacing
    return Traits(stored_score(score), len(scan.xyz), spacing, size, level)


def traits_of_result(result: dict[str, Any], level: float | None = None) -> Traits:
    """Of a part by its result, see `report.result`. level: median of its point scores, which results do not state"""
    left_out = result["n_invalid"] + result["n_removed"]
    size = float(np.linalg.norm(result["extent"]))
    return Traits(result["score"], result["n_points"] - left_out, result["resolution"]["spacing"], size, level)


def as_json(traits: Sequence[Traits]) -> list[dict[str, Any]]:
    """As a model's record keeps them."""
    return [asdict(one) for one in traits]


def from_json(told: Any) -> tuple[Traits, ...]:
    """What `as_json` gave; nothing of what is no list. Raises SettingsError for entries that are no traits."""
    return tuple(from_dict(Traits, one) for one in told) if isinstance(told, list) else ()
