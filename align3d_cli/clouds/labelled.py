"""What every data set gives: samples that load to a cloud and its labelled points."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.given import GivenViews


@dataclass(frozen=True, slots=True)
class LabelledCloud:
    """cloud: the scan; defect: (N,) bool, one label for every point of the scan, in its order."""

    cloud: PointCloud
    defect: np.ndarray

    def __post_init__(self) -> None:
        if self.defect.shape != (len(self.cloud),) or self.defect.dtype != bool:
            raise ValueError(f"defect must be ({len(self.cloud)},) bool, got {self.defect.shape} {self.defect.dtype}")


@dataclass(frozen=True, slots=True)
class Sample:
    """One scan of a data set, known by name before anything is read.

    name:      unique within the data set, e.g. "bagel/test/hole/003"
    category:  e.g. "bagel"
    split:     "train" or "test"
    defect:    kind of the defect as the data set calls it, "good" for none
    load:      reads the scan; raises InputRejected
    point_labels: False when nobody labelled the points of a defective scan: `load` then gives all False, and the scan
               counts for object metrics only
    given:     reads the views that came with the scan, of the cloud that `load` gave; raises InputRejected. None where
               a data set has none
    """

    name: str
    category: str
    split: str
    defect: str
    load: Callable[[], LabelledCloud] = field(repr=False, compare=False)
    point_labels: bool = True
    given: Callable[[PointCloud], GivenViews] | None = field(default=None, repr=False, compare=False)

    @property
    def anomalous(self) -> bool:
        """Whether the scan is defective."""
        return self.defect != "good"
