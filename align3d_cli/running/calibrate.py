"""A model's threshold and colours, set on scans whose state is known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from align3d_cli.clouds.labelled import Sample
from align3d_cli.errors import InputRejected
from align3d_cli.helpers.places import DEFAULT_MODEL
from align3d_cli.helpers.quiet_torch import import_torch_quietly
from align3d_cli.model.calibration import Calibration
from align3d_cli.model.find import find_model

if TYPE_CHECKING:
    from align3d_cli.model.bundle import Bundle
    from align3d_cli.model.inspector import Inspector

LEAST_GOOD = 10  # good scans; the highest of ten lies above 9 % of good parts on average


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A calibrated model, not yet written, and what it was calibrated on.

    notes: what the caller should know of the data, a sentence each
    """

    bundle: "Bundle"
    n_good: int
    n_defective: int
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
    dataset:  "folder", "synthetic", or a data set of `benchmark`; limit: scans a category at most
    false_alarm_rate: share of good scans above the threshold
    scoring:  settings of the model's scoring to change, by name (level_share, wide_weight, view_power, ..)
    on_start, on_scan: told how many scans there are, and of each that is done
    Defective scans that score no higher than good ones are left out, and a note says so.
    Raises InputRejected for fewer than ten good scans.
    """
    from align3d_cli.datasets.registry import open_dataset

    model = find_model(model)
    samples = open_dataset(dataset, None if root is None else Path(root), limit=limit)
    notes = _check_enough(samples, root or dataset, false_alarm_rate)
    import_torch_quietly()
    from align3d_cli.model.bundle import load_bundle
    from align3d_cli.model.device import resolve_device
    from align3d_cli.model.inspector import Inspector

    bundle = load_bundle(model)
    bundle = replace(bundle, scoring=replace(bundle.scoring, **(scoring or {})))
    on_start(len(samples))
    where = resolve_device(device, exported=bundle.exported)
    scores = _scores(Inspector(bundle, where), samples, on_scan)
    return _fitted(bundle, scores, root or dataset, dataset, false_alarm_rate, notes)


@dataclass(frozen=True, slots=True)
class _Scores:
    """Raw object scores of good and of defective scans, and the point scores of each good scan."""

    good: list[float]
    defective: list[float]
    points: list[Any]


def _scores(inspector: "Inspector", samples: Sequence[Sample], on_scan: Callable[[], None]) -> _Scores:
    from align3d_cli.clouds.prepare import prepare

    found = _Scores([], [], [])
    for sample in samples:
        points, raw = inspector.score_part(prepare(sample.load().cloud))
        (found.defective if sample.anomalous else found.good).append(raw)
        if not sample.anomalous:
            found.points.append(points)
        on_scan()
    return found


def _fitted(
    bundle: "Bundle", scores: _Scores, name: object, dataset: str, rate: float, notes: tuple[str, ...]
) -> Calibrated:
    from numpy import array, concatenate, mean

    from align3d_cli.model.calibration_fit import fit_calibration

    good, defective = scores.good, scores.defective
    told = defective
    if defective and mean(defective) <= mean(good):
        finding = "its defective scans score no higher than the good ones"
        notes += (f"{name}: {finding}; they are left out and the score scale stays as it was: check its folders",)
        told = []
    fitted = fit_calibration(array(good), array(told), concatenate(scores.points), rate, bundle.calibration)
    record = bundle.record | {"calibrate": {"data": dataset, "good": len(good), "defective": len(told)}}
    made = replace(bundle, calibration=fitted, record=record, sha256=None, path=None)
    return Calibrated(made, len(good), len(told), notes)


def _check_enough(samples: Sequence[Sample], name: object, false_alarm_rate: float) -> tuple[str, ...]:
    """Raise InputRejected for too few good scans; a note when they cannot show a rate as small as that."""
    good = sum(not sample.anomalous for sample in samples)
    if good < LEAST_GOOD:
        raise InputRejected(f"{name}: {good} good scans in it, at least {LEAST_GOOD} are needed; put more into good/")
    if 0 < false_alarm_rate * good < 1:
        rate = f"{good} good scans cannot show a false-alarm rate of {false_alarm_rate:g}"
        return (f"{rate}; the highest is the limit",)
    return ()
