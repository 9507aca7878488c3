"""A baseline: the scores of good parts in their order, which set the limits of the control charts of later ones."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from align3d_cli import __version__
from align3d_cli.errors import InputRejected
from align3d_cli.helpers.files import write_json
from align3d_cli.helpers.settings import SettingsError
from align3d_cli.metrics.control_chart import Limits, as_score, limits_of, of_scores
from align3d_cli.model.traits import LEAST_PARTS, Traits, from_json, traits_of_result
from align3d_cli.report.read_results import is_failure
from align3d_cli.running.drift import Known

FORMAT = 1
ENOUGH = 20  # parts: limits of fewer are called rough. Of 20 good ones the average of a hundred further good parts lies
# out at the last one in 2 of 100 batches by chance, of 50 in 1, of very many in a quarter of one


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a file of `baseline save` holds.

    name:     of the file
    identity: what scored the parts, see `identity_of`; views: names of their views
    inputs:   their names, in order; traits: what they are like, one each
    left_out: defective and failed ones
    """

    name: str
    identity: dict[str, Any]
    views: tuple[str, ...]
    inputs: tuple[str, ...]
    traits: tuple[Traits, ...]
    left_out: int = 0

    @property
    def scores(self) -> np.ndarray:
        """(K,) in [0, 1], in order."""
        return np.array([one.score for one in self.traits])

    @property
    def limits(self) -> Limits:
        """Of the chart of single values, on the scale of `metrics.control_chart.of_scores`."""
        return limits_of(of_scores(self.scores))

    @property
    def rough(self) -> bool:
        """Whether its parts are too few for limits that hold what they say."""
        return len(self.traits) < ENOUGH

    @property
    def known(self) -> Known:
        """As parts are compared with it."""
        beside = self.identity["beside"]
        return Known(self.traits, taught=beside is not None)


def identity_of(result: dict[str, Any]) -> dict[str, Any]:
    """What scores depend on beside the scan: the model's bytes, and what it compared the scan with.

    References are told by the names of their files; parts that were each other's references by that alone.
    """
    known = result["references"]
    beside = None if known is None else {"kind": known["kind"]}
    if known is not None and known["kind"] != "among":
        beside = {"kind": known["kind"], "parts": sorted(Path(name).name for name in known["parts"])}
    return {"model": result["model"], "model_sha256": result["model_sha256"], "beside": beside}


def one_identity(results: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    """That of all results. Raises InputRejected where they have several."""
    first = identity_of(results[0])
    for result in results[1:]:
        if identity_of(result) != first:
            parts = f"{results[0]['input']} and {result['input']}"
            raise InputRejected(f"{name}: {parts} were scored by different models; give results of one")
    return first


def baseline_of(results: Sequence[dict[str, Any]], name: str) -> Baseline:
    """A baseline from results in their order; defective and failed parts are left out. name: what messages call them

    Raises InputRejected for fewer than five parts, for parts of several models, and for scores that do not vary.
    """
    kept = [result for result in results if not is_failure(result) and result["verdict"] != "defective"]
    if len(kept) < LEAST_PARTS:
        left = f" ({len(results) - len(kept)} are defective or failed)" if len(kept) < len(results) else ""
        finding = f"{len(kept)} good parts in it{left}, at least {LEAST_PARTS} are needed"
        raise InputRejected(f"{name}: {finding}; score more, {ENOUGH} or better")
    identity = one_identity(kept, name)
    views = tuple(sorted({result["views"] for result in kept}))
    traits = tuple(traits_of_result(result) for result in kept)
    inputs = tuple(result["input"] for result in kept)
    found = Baseline(name, identity, views, inputs, traits, len(results) - len(kept))
    _check_limits(found)
    return found


def _check_limits(found: Baseline) -> None:
    try:
        found.limits  # noqa: B018 - whether there are any
    except ValueError as error:
        raise InputRejected(f"{found.name}: all its parts have the same score; give different parts") from error


def as_json(found: Baseline) -> dict[str, Any]:
    """As its file holds it; limits are for readers, and made from the parts again when it is read."""
    limits = found.limits
    shown = {"mean": as_score(limits.mean), "low": as_score(limits.low), "high": as_score(limits.high)}
    parts = [{"input": name, **asdict(one)} for name, one in zip(found.inputs, found.traits, strict=True)]
    facts = {"format": FORMAT, "tool_version": __version__} | found.identity
    return facts | {"views": list(found.views), "left_out": found.left_out, "limits": shown, "parts": parts}


def save_baseline(path: Path, found: Baseline) -> None:
    """Write its file whole, in place of one that is there. Raises EnvironmentMissing when it cannot be written."""
    write_json(path, as_json(found))


def load_baseline(path: Path) -> Baseline:
    """Read what `save_baseline` wrote. Raises InputRejected for anything else."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["format"] != FORMAT:
            raise ValueError("another format")
        parts = [dict(part) for part in told["parts"]]
        inputs = tuple(str(part.pop("input")) for part in parts)
        identity = {name: told[name] for name in ("model", "model_sha256", "beside")}
        found = Baseline(str(path), identity, tuple(told["views"]), inputs, from_json(parts), int(told["left_out"]))
    except OSError as error:
        step = "make it with `align3d baseline save`"
        raise InputRejected(f"{path}: cannot be read ({error.strerror}); {step}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SettingsError) as error:
        raise InputRejected(f"{path}: is no baseline of this version; make it with `align3d baseline save`") from error
    if len(found.traits) < LEAST_PARTS:
        raise InputRejected(f"{path}: holds fewer than {LEAST_PARTS} parts; make it with `align3d baseline save`")
    _check_limits(found)
    return found
