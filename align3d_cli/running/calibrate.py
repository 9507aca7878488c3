"""A model's threshold and colours, set on scans whose state is known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from align3d_cli.clouds.labelled import Sample
from align3d_cli.errors import UsageError
from align3d_cli.helpers.places import DEFAULT_MODEL
from align3d_cli.helpers.quiet_torch import import_torch_quietly
from align3d_cli.metrics.exceedance import ScoreLimit
from align3d_cli.model.calibration import Calibration
from align3d_cli.model.find import find_model
from align3d_cli.running.calibration_scans import GIVEN, check_enough, named_scans, refuse_twin

if TYPE_CHECKING:
    import numpy as np

    from align3d_cli.model.bundle import Bundle
    from align3d_cli.model.inspector import Inspector
    from align3d_cli.model.traits import Traits


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A calibrated model, not yet written, and what it was calibrated on.

    limit: the raw score behind the threshold, the share of further good parts above it and the interval of that share
    notes: what the caller should know of the data, a sentence each
    """

    bundle: "Bundle"
    n_good: int
    n_defective: int
    limit: ScoreLimit
    notes: tuple[str, ...] = ()

    @property
    def calibration(self) -> Calibration:
        """The new limits."""
        return self.bundle.calibration

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the model, for `load`. Raises UsageError when the file is there, EnvironmentMissing when it cannot be
        written."""
        from align3d_cli.helpers.files import check_free
        from align3d_cli.model.bundle import save_bundle

        save_bundle(check_free(path, force=force), self.bundle)
        return Path(path)


def calibrate(
    root: str | Path | None = None,
    *,
    good: Sequence[str | Path] = (),
    model: str | Path = DEFAULT_MODEL,
    dataset: str = "folder",
    limit: int | None = None,
    false_alarm_rate: float = 0.05,
    scoring: dict[str, Any] | None = None,
    device: str = "auto",
    on_start: Callable[[int], None] = lambda scans: None,
    on_scan: Callable[[], None] = lambda: None,
) -> Calibrated:
    """Score scans whose state is known; set threshold, score scale and colour limits of a copy of the model.

    Good scans alone set the threshold and the colours; with defective ones the score becomes probability-like too.
    root:     folder of the data set; in the form "folder": good/ in it and, if there are, folders of defects
    good:     scans of good parts and folders of them, instead of a data set
    dataset:  "folder", "synthetic", or a data set of `benchmark`; limit: scans a category at most
    false_alarm_rate: share of further good scans above the threshold, see `metrics.exceedance`
    scoring:  settings of the model's scoring to change, by name (level_share, wide_weight, view_power, ..)
    on_start, on_scan: told how many scans there are, and of each that is done
    Defective scans that score no higher than good ones are left out, and a note says so. What good parts of one kind
    are like is kept in the model, so that later ones are compared with them.
    Raises InputRejected for fewer than five good scans, and for a good part that is named twice.
    """
    from align3d_cli.datasets.registry import open_dataset

    if good and root is not None:
        raise UsageError(f"{root}: is a data set beside good parts that are named; give one of them")
    model = find_model(model)
    name = GIVEN if good else root or dataset
    samples = named_scans(good) if good else open_dataset(dataset, None if root is None else Path(root), limit=limit)
    notes = check_enough(samples, name, false_alarm_rate)
    import_torch_quietly()
    from align3d_cli.model.bundle import load_bundle
    from align3d_cli.model.device import resolve_device
    from align3d_cli.model.inspector import Inspector

    bundle = load_bundle(model)
    bundle = replace(bundle, scoring=replace(bundle.scoring, **(scoring or {})))
    on_start(len(samples))
    where = resolve_device(device, exported=bundle.exported)
    scores = _scores(Inspector(bundle, where), samples, on_scan)
    return _fitted(bundle, scores, name, GIVEN if good else dataset, false_alarm_rate, notes)


@dataclass(frozen=True, slots=True)
class _Good:
    """A good scan: its point scores, its object score before calibration, and what it is like but for its score."""

    category: str
    points: "np.ndarray"
    raw: float
    traits: "Traits"


def _scores(
    inspector: "Inspector", samples: Sequence[Sample], on_scan: Callable[[], None]
) -> tuple[list[_Good], list[float]]:
    """The good scans, and the raw object scores of the defective ones."""
    from numpy import median

    from align3d_cli.clouds.prepare import prepare
    from align3d_cli.model.traits import traits_of_scan

    good: list[_Good] = []
    defective: list[float] = []
    seen: dict[str | None, str] = {}
    for sample in samples:
        cloud = sample.load().cloud
        if sample.category == GIVEN:
            refuse_twin(sample.name, cloud.sha256, seen)
        scan = prepare(cloud)
        points, raw = inspector.score_part(scan)
        if sample.anomalous:
            defective.append(raw)
        else:
            good.append(_Good(sample.category, points, raw, traits_of_scan(scan, 0.0, float(median(points)))))
        on_scan()
    return good, defective


def _fitted(
    bundle: "Bundle",
    scores: tuple[list[_Good], list[float]],
    name: object,
    dataset: str,
    rate: float,
    notes: tuple[str, ...],
) -> Calibrated:
    from numpy import array, concatenate, mean

    from align3d_cli.model.calibration_fit import fit_calibration

    good, defective = scores
    raw, told = array([one.raw for one in good]), defective
    if defective and mean(defective) <= raw.mean():
        finding = "its defective scans score no higher than the good ones"
        notes += (f"{name}: {finding}; they are left out and the score scale stays as it was: check its folders",)
        told = []
    points = concatenate([one.points for one in good])
    fitted, limit = fit_calibration(raw, array(told), points, rate, bundle.calibration)
    record = {"data": dataset, "good": len(good), "defective": len(told)}
    record |= {"aim": rate, "expected": limit.expected, "interval": limit.interval, "traits": _traits(good, fitted)}
    made = replace(bundle, calibration=fitted, record=bundle.record | {"calibrate": record}, sha256=None, path=None)
    return Calibrated(made, len(good), len(told), limit, notes)


def _traits(good: Sequence[_Good], calibration: Calibration) -> list[dict[str, Any]]:
    """What the good scans are like, for the model's record; nothing of several kinds, which no part is like."""
    from align3d_cli.helpers.stored import stored_score
    from align3d_cli.model.traits import as_json

    if len({one.category for one in good}) > 1:
        return []
    return as_json([replace(one.traits, score=stored_score(float(calibration.score(one.raw)))) for one in good])
