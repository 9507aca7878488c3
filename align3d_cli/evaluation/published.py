"""Numbers as their papers print them, in %, for standing beside a table. Nothing here was measured by this program.

All categories, the papers' own renderings; point metrics over 336 x 336 pixels with the background for organised scans
(`paper` pixels here). None where the source gives no number.
"""

from dataclasses import dataclass

ALIGN3D_AD = "arXiv 2605.05850"
SAID = "as said in the literature; training-free, so any protocol"


@dataclass(frozen=True, slots=True)
class Published:
    """One printed result. values: O-R, O-A, P-R, P-P in %, None = not given; source: who says so."""

    data_set: str
    protocol: str
    method: str
    values: tuple[float | None, float | None, float | None, float | None]
    source: str = ALIGN3D_AD


WHOLE = {"mvtec3d": 10, "eyecandies": 10, "real3d": 12}  # categories behind the published means


def _rows(protocol: str, method: str, **by_data_set: tuple) -> list[Published]:
    return [Published(name, protocol, method, values) for name, values in by_data_set.items()]


PUBLISHED = (
    *_rows(
        "one-vs-rest",
        "CLIP + rendering",
        mvtec3d=(61.2, 85.8, None, 54.4),
        eyecandies=(66.7, 69.2, 81.2, 37.9),
        real3d=(68.8, 72.3, 45.9, None),
    ),
    *_rows(
        "one-vs-rest",
        "AnomalyCLIP",
        mvtec3d=(56.4, 83.5, 88.9, 60.9),
        eyecandies=(57.6, 59.0, 77.7, 43.4),
        real3d=(55.2, 57.1, 50.3, None),
    ),
    *_rows(
        "one-vs-rest",
        "PointAD",
        mvtec3d=(82.0, 94.2, 95.5, 84.4),
        eyecandies=(69.1, 73.8, 92.1, 71.3),
        real3d=(74.8, 76.9, 73.5, None),
    ),
    *_rows("one-vs-rest", "Align3D-AD", mvtec3d=(83.0, 94.3, 95.9, 86.5), eyecandies=(71.3, 76.6, 92.6, 74.2)),
    *_rows("cross-dataset", "PointAD", eyecandies=(69.5, 74.3, 91.8, 71.4), real3d=(75.9, 77.9, 71.6, None)),
    *_rows("cross-dataset", "Align3D-AD", eyecandies=(70.7, 75.3, 92.0, 72.6), real3d=(76.1, 79.3, 76.7, None)),
    Published("real3d", "one-vs-rest", "curvature", (72.3, None, 72.9, None), SAID),
)


def published_for(data_set: str, protocol: str) -> list[Published]:
    """What papers print for a data set and protocol; in zero-shot, trained on none of them, under both others."""
    return [p for p in PUBLISHED if p.data_set == data_set and protocol in ("zero-shot", p.protocol)]
