"""Numbers as their papers print them, in %, for standing beside a table. Nothing here was measured by this program.

All categories, the papers' own renderings; point metrics over 336 x 336 pixels with the background for organised scans
(`paper` pixels here). None where the source gives no number. What a method saw and needs stands with its numbers: a row
that saw good parts, the whole unlabelled folder or a photograph is no equal of one that saw neither.
"""

from dataclasses import dataclass, replace

ALIGN3D_AD = "arXiv 2605.05850"
GRIM = "NeurIPS 2026, arXiv 2609.35059"
SAID = "as said in the literature; training-free, so any protocol"
ANY = "any"  # protocol of rows that stand beside every other: what they saw says how


@dataclass(frozen=True, slots=True)
class Saw:
    """What a method had seen before or beside the scan that it scores.

    other:      of other categories or data sets, in words; "" for nothing
    good_parts: of the tested category, a number; folder: the other scans of the test, without labels
    cad:        the CAD model of the category
    rgb:        a photograph of the tested scan; told: False where no source says
    """

    other: str = ""
    good_parts: int = 0
    folder: bool = False
    cad: bool = False
    rgb: bool = False
    told: bool = True

    @property
    def tested_parts(self) -> bool:
        """Whether it saw more of what is tested than the one cloud that it scores."""
        return bool(self.good_parts or self.folder or self.cad or self.rgb)

    def __str__(self) -> str:
        if not self.told:
            return "not told"
        parts = [self.other] if self.other else []
        if self.good_parts:
            parts.append(f"{self.good_parts} good {'part' if self.good_parts == 1 else 'parts'} of the category")
        parts += ["the unlabelled test folder"] if self.folder else []
        parts += ["the CAD model of the category"] if self.cad else []
        parts += ["RGB at test"] if self.rgb else []
        return ", ".join(parts) or "nothing but the scan"


NOTHING, NOT_TOLD = Saw(), Saw(told=False)
LABELLED = Saw("one labelled category")
LABELLED_RGB = Saw("one labelled category with colour")
CLIP = "CLIP, renderings"
CLOUD = "the cloud alone"


@dataclass(frozen=True, slots=True)
class Published:
    """One printed result. values: O-R, O-A, P-R, P-P in %, None = not given; source: who says so.

    saw, needs: what it was shown, and what it takes to run it
    second_hand: said by others than those who ran it, and not reproduced
    """

    data_set: str
    protocol: str
    method: str
    values: tuple[float | None, float | None, float | None, float | None]
    source: str = ALIGN3D_AD
    saw: Saw = LABELLED
    needs: str = CLIP
    second_hand: bool = False


# categories behind the published means, where the sources tell
WHOLE = {"mvtec3d": 10, "eyecandies": 10, "real3d": 12}


def _rows(protocol: str, method: str, saw: Saw, needs: str = CLIP, **by_data_set: tuple) -> list[Published]:
    return [Published(name, protocol, method, values, saw=saw, needs=needs) for name, values in by_data_set.items()]


PUBLISHED = (
    *_rows(
        "one-vs-rest",
        "CLIP + rendering",
        NOTHING,
        mvtec3d=(61.2, 85.8, None, 54.4),
        eyecandies=(66.7, 69.2, 81.2, 37.9),
        real3d=(68.8, 72.3, 45.9, None),
    ),
    *_rows(
        "one-vs-rest",
        "AnomalyCLIP",
        LABELLED,
        mvtec3d=(56.4, 83.5, 88.9, 60.9),
        eyecandies=(57.6, 59.0, 77.7, 43.4),
        real3d=(55.2, 57.1, 50.3, None),
    ),
    *_rows(
        "one-vs-rest",
        "PointAD",
        LABELLED,
        mvtec3d=(82.0, 94.2, 95.5, 84.4),
        eyecandies=(69.1, 73.8, 92.1, 71.3),
        real3d=(74.8, 76.9, 73.5, None),
    ),
    *_rows(
        "one-vs-rest",
        "Align3D-AD",
        LABELLED_RGB,
        mvtec3d=(83.0, 94.3, 95.9, 86.5),
        eyecandies=(71.3, 76.6, 92.6, 74.2),
    ),
    *_rows(
        "cross-dataset",
        "PointAD",
        replace(LABELLED, other="one labelled category of MVTec 3D-AD"),
        eyecandies=(69.5, 74.3, 91.8, 71.4),
        real3d=(75.9, 77.9, 71.6, None),
    ),
    *_rows(
        "cross-dataset",
        "Align3D-AD",
        replace(LABELLED_RGB, other="one labelled category of MVTec 3D-AD with colour"),
        eyecandies=(70.7, 75.3, 92.0, 72.6),
        real3d=(76.1, 79.3, 76.7, None),
    ),
    Published("real3d", "one-vs-rest", "curvature", (72.3, None, 72.9, None), SAID, NOTHING, CLOUD, second_hand=True),
    *(
        Published(name, ANY, "GS-CLIP", (value, None, None, None), "CVPR 2026", NOT_TOLD, "not told", second_hand=True)
        for name, value in (("mvtec3d", 83.6), ("eyecandies", 71.5))
    ),
    *(
        Published(name, "cross-dataset", "GRIM", values, GRIM, Saw(f"{source} with made defects"), f"{CLOUD}, no CLIP")
        for name, source, values in (
            ("real3d", "Anomaly-ShapeNet", (83.6, None, 89.6, None)),
            ("anomaly-shapenet", "Real3D-AD", (91.7, None, 78.9, None)),
        )
    ),
    *(
        Published("mvtec3d", ANY, "CMDS-AD", values, "ECCV 2026", Saw(good_parts=count, rgb=True), "photographs")
        for count, values in ((1, (79.6, None, None, 94.2)), (4, (87.1, None, None, 95.8)))
    ),
    Published(
        "mvtec3d",
        ANY,
        "MuSc-V2",
        (88.1, 96.8, 99.0, 97.0),
        "as said in the literature",
        Saw(folder=True, rgb=True),
        "photographs",
    ),
)


def published_for(data_set: str, protocol: str) -> list[Published]:
    """What papers print for a data set and protocol, those that saw nothing of the tested parts first.

    In zero-shot, trained on none of them, under all protocols; in k-shot those that saw something of the tested parts.
    """
    found = [p for p in PUBLISHED if p.data_set == data_set and _stands_beside(p, protocol)]
    return sorted(found, key=lambda p: p.saw.tested_parts)


def _stands_beside(row: Published, protocol: str) -> bool:
    if protocol == "k-shot":
        return row.saw.tested_parts
    return protocol == "zero-shot" or row.protocol in (protocol, ANY)
