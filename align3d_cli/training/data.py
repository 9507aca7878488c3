"""Which auxiliary data a run learns from."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from align3d_cli.clouds.labelled import Sample
from align3d_cli.clouds.settings import Drawing
from align3d_cli.datasets.registry import open_dataset
from align3d_cli.datasets.settings import GENERATED, PRERENDERED
from align3d_cli.errors import UsageError

PROTOCOL = (
    "trained with labels on the {split} split of the auxiliary categories; figures on these categories are no result, "
    "test on other categories or another data set"
)


@dataclass(frozen=True, slots=True)
class Data:
    """The auxiliary data. split: the field's protocol is "test"; count, seed: of generated scans.

    drawn: our views of it, or the ones that came with it. Raises UsageError for data that no views came with.
    """

    name: str
    root: Path | None = None
    categories: tuple[str, ...] = ()
    split: str | None = "test"
    limit: int | None = None
    count: int = 60
    seed: int = 0
    drawn: Drawing = "ours"

    def __post_init__(self) -> None:
        if self.drawn == "theirs" and self.name != PRERENDERED:
            raise UsageError(f"--drawn theirs: no views come with {self.name}; use --dataset {PRERENDERED}")

    @property
    def generated(self) -> bool:
        """Whether its scans are made on the spot."""
        return self.name == GENERATED

    def samples(self) -> list[Sample]:
        """The samples, not read yet. Raises UsageError or EnvironmentMissing."""
        if self.generated:
            from align3d_cli.synthetic import synthetic_samples

            return synthetic_samples(self.count, self.seed, families=self.categories or None)
        return open_dataset(
            self.name, self.root, categories=self.categories or None, limit=self.limit, split=self.split
        )

    def identity(self) -> dict[str, Any]:
        """What a sample's content hangs on beside its name, so that categories of one data set can share a store."""
        if self.generated:
            return {"name": self.name, "seed": self.seed, "count": self.count, "families": list(self.categories)}
        return {"name": self.name, "root": str(Path(self.root or os.environ.get("ALIGN3D_DATA", "")).resolve())}

    def protocol(self) -> str:
        """What the labels were, for the result and the model's record."""
        if self.generated:
            return "trained with labels on generated scans; figures on them are no result, test on other scans"
        return PROTOCOL.format(split=self.split or "whole")
