"""What is compared: methods, and the arms of a benchmark that give them."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from align3d_cli.evaluation import ladder
from align3d_cli.evaluation.settings import Drawn, Method

METHODS = get_args(Method)
BRANCHES = {
    "frozen": ("rendering",),
    "pointad": ("rendering",),
    "rgb": ("rgb",),
    "align3d": ("rendering", "rgb"),
}  # the branches of a model that a method fuses; `curvature` needs no model, the ladder all of them
MEANING = {
    "curvature": "multi-scale surface variation, no model and no training",
    "frozen": "the encoder with hand-written prompts, no training (CLIP + rendering)",
    "pointad": "rendering branch alone, as PointAD",
    "rgb": "branch of features aligned to RGB, alone",
    "align3d": "both branches fused, as Align3D-AD",
}
THEIRS = {method: f"{method}-theirs" for method in BRANCHES}  # the same on the views that came with the data set
BRANCHES |= {THEIRS[method]: branches for method, branches in BRANCHES.items()}
MEANING |= {theirs: f"{MEANING[method]}; on the views that came with the data set" for method, theirs in THEIRS.items()}
MEANING |= ladder.MEANING


@dataclass(frozen=True, slots=True)
class Arm:
    """One model (or none) under test, and the methods it gives.

    name:      unique within a run, e.g. "curvature", "align3d-lite", "carrot-seed0"
    methods:   of METHODS
    model:     file of the bundle, None for training-free methods
    sha256:    of that file
    auxiliary: the category it was trained on in one-vs-rest and cross-dataset, else None
    seed:      of its training, of its good parts and, for generated data, of the scans; None when nothing is drawn
    """

    name: str
    methods: tuple[str, ...]
    model: Path | None = None
    sha256: str | None = None
    auxiliary: str | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        unknown = set(self.methods) - set(METHODS)
        if unknown or not self.methods:
            raise ValueError(f"methods of {METHODS} expected, got {self.methods}")

    @property
    def of_ladder(self) -> bool:
        """Whether it knows something beside the scan."""
        return set(self.methods) <= set(ladder.LADDER)

    @property
    def among(self) -> bool:
        """Whether it compares the scans of a category among themselves."""
        return ladder.AMONG in self.methods

    def as_json(self) -> dict[str, Any]:
        """What the run log keeps of it: everything but the path on this machine."""
        kept = asdict(self)
        kept["model"] = self.model.name if self.model else None
        kept["methods"] = list(self.methods)
        return kept


def methods_of_branches(branches: tuple[str, ...]) -> tuple[str, ...]:
    """The methods a trained model with these branches gives, in the order of the table."""
    trained = ("pointad", "rgb", "align3d")
    return tuple(method for method in trained if set(BRANCHES[method]) <= set(branches))


def drawn_as(drawn: Drawn, methods: Iterable[str]) -> tuple[str, ...]:
    """The methods on our views, on theirs, or on both; one that draws nothing stays as it is."""
    kept: list[str] = []
    for method in methods:
        kept += [method] if drawn != "theirs" or method not in THEIRS else []
        kept += [THEIRS[method]] if drawn != "ours" and method in THEIRS else []
    return tuple(kept)


def excluded(protocol: str, auxiliary: str | None, category: str) -> bool:
    """Whether a category is left out of the test of a model trained on `auxiliary`."""
    return protocol == "one-vs-rest" and auxiliary == category
