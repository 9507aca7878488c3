"""What a data set can show beside its scans: good parts of the train split, drawn by a seed, and CAD models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from align3d_cli.clouds.labelled import Sample
from align3d_cli.datasets import folder as own_folder
from align3d_cli.datasets.catalogue import DATA_SETS
from align3d_cli.datasets.layout import CAD_STEMS, same_stem
from align3d_cli.datasets.registry import find_data, open_dataset
from align3d_cli.datasets.settings import GENERATED
from align3d_cli.errors import UsageError
from align3d_cli.evaluation.arms import Arm
from align3d_cli.evaluation.ladder import AMONG, LADDER, n_parts
from align3d_cli.evaluation.question import Question
from align3d_cli.evaluation.task import GoodParts, Task
from align3d_cli.helpers.digest import digest_of_bytes
from align3d_cli.io.read import SCAN_SUFFIXES
from align3d_cli.model.bundle import Bundle
from align3d_cli.reference.among import FEWEST


@dataclass(frozen=True, slots=True)
class Shown:
    """By category. good: scans of good parts that are not tested; cad: its CAD model"""

    good: Mapping[str, Sequence[Sample]] = field(default_factory=dict)
    cad: Mapping[str, Sample] = field(default_factory=dict)

    def of(self, arm: Arm, category: str) -> GoodParts | None:
        """What an arm of the ladder is shown of a category; None where there is too little."""
        (method,) = arm.methods
        good, cad = self.good.get(category, ()), self.cad.get(category) if method == "reference" else None
        if cad is not None:
            return GoodParts((), cad)
        asked = n_parts(method)
        return GoodParts(tuple(drawn_parts(good, arm.seed or 0)[:asked])) if len(good) >= asked else None


def drawn_parts(good: Sequence[Sample], seed: int) -> list[Sample]:
    """Good parts in an order that a seed draws: by a hash of their names, so that further parts leave it as it is."""
    return sorted(good, key=lambda sample: digest_of_bytes(f"{seed} {sample.name}".encode()))


def shown_of(question: Question) -> Shown:
    """What the data set of a question shows. Generated scans have neither train parts of their kind nor CAD models."""
    if question.data_set == GENERATED:
        return Shown()
    good: dict[str, list[Sample]] = {}
    categories = question.categories or None
    for sample in open_dataset(question.data_set, question.root, categories=categories, split="train"):
        if not sample.anomalous:
            good.setdefault(sample.category, []).append(sample)
    cad = {}
    for category, place in find_data(DATA_SETS[question.data_set], question.root).items():
        found = (same_stem(place, stem, *SCAN_SUFFIXES) for stem in CAD_STEMS)
        if path := next((path for path in found if path is not None), None):
            load = partial(own_folder.load, path, None)
            cad[category] = Sample(f"{category}/{path.name}", category, "train", "good", load)
    return Shown(good, cad)


def ladder_arms(question: Question, methods: Sequence[str], base: Bundle) -> list[Arm]:
    """An arm for each method of the ladder and seed; the folder itself is no draw, unless its scans are generated."""
    arms = []
    for method in (m for m in methods if m in LADDER):
        for seed in question.data_seeds if method == AMONG else question.seeds:
            mark = "" if seed is None else f"-seed{seed}"
            arms.append(Arm(f"{base.name}-{method}{mark}", (method,), base.path, base.sha256, seed=seed))
    return arms


def gaps(question: Question, arms: Sequence[Arm], tasks: Sequence[Task], categories: set[str]) -> list[str]:
    """Notes on categories that show a method too little. Raises UsageError where none has enough for a method that was
    asked for by name."""
    notes = []
    met = {(method, task.sample.category) for task in tasks for arm in task.arms for method in arm.methods}
    for method in dict.fromkeys(method for arm in arms if arm.of_ladder for method in arm.methods):
        lacking = sorted(category for category in categories if (method, category) not in met)
        if len(lacking) == len(categories) and method in question.methods:
            raise UsageError(f"--methods {method}: {_too_little(method)}; add scans, or leave it out")
        if lacking:
            where = "" if len(lacking) == len(categories) else f" for {', '.join(lacking)}"
            notes.append(f"{method} is not in the table{where}: {_too_little(method)}")
    return notes


def _too_little(method: str) -> str:
    if method == AMONG:
        return f"fewer than {FEWEST} scans are tested"
    asked = n_parts(method)
    parts = "no good part" if asked == 1 else f"fewer than {asked} good parts"
    return f"the train split holds {parts}{', and there is no CAD model' if method == 'reference' else ''}"
