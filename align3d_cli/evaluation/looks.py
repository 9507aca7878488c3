"""The looks at one scan that the arms of a benchmark share: our own drawing, and the views that came with the scan."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from align3d_cli.clouds.given import GivenViews
from align3d_cli.clouds.labelled import LabelledCloud, Sample
from align3d_cli.clouds.prepare import Prepared
from align3d_cli.errors import InputRejected
from align3d_cli.evaluation.arms import THEIRS, Arm
from align3d_cli.model.given import look_at_given
from align3d_cli.model.inspector import EncodedViews, Inspector


@dataclass(slots=True)
class Looks:
    """Looks at a prepared scan, made when they are first asked for. given: None where no method looks at them."""

    scan: Prepared
    given: GivenViews | None = None
    made: dict[tuple[int, bool], EncodedViews] = field(default_factory=dict, repr=False)

    def of(self, inspector: Inspector, theirs: bool = False) -> EncodedViews:
        """The look of an inspector's encoder; theirs: at the views that came with the scan."""
        key = id(inspector.encoder), theirs
        if key not in self.made:
            given = self.given if theirs else None
            self.made[key] = inspector.look(self.scan) if given is None else look_at_given(inspector, self.scan, given)
        return self.made[key]


def given_of(sample: Sample, labelled: LabelledCloud, arms: Sequence[Arm]) -> GivenViews | None:
    """The views that came with a scan where an arm scores them, else None. Raises InputRejected."""
    if not any(method in THEIRS.values() for arm in arms for method in arm.methods):
        return None
    if sample.given is None:
        raise InputRejected(f"{sample.name}: no views came with it; use --drawn ours")
    return sample.given(labelled.cloud)


def arrays_of(given: GivenViews | None) -> tuple[np.ndarray, ...]:
    """All of given views that a score hangs on."""
    return () if given is None else (given.pictures, given.rows, given.index, given.pixel_of_point, given.visible)
