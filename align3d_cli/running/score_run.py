"""Scoring part after part with a model that is loaded once, after the first scan has turned out readable."""

import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from align3d_cli.cli import output
from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import check_measured
from align3d_cli.errors import Align3DError, EnvironmentMissing, InputRejected, UsageError, WeightsRejected
from align3d_cli.helpers.interrupts import is_interrupt
from align3d_cli.io.read import SCAN_SUFFIXES, read_scan
from align3d_cli.report.result import build_failure, build_result
from align3d_cli.running.inputs import STDIN, Part

KINDS = {
    InputRejected: "input",
    EnvironmentMissing: "environment",
    WeightsRejected: "environment",
    UsageError: "usage",
}
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """What the call said about every part alike; see the options of the same names."""

    model: str
    device: str
    format: str
    views: str | None = None
    background: str = "auto"
    focal_px: float | None = None
    columns: str | None = None
    input_format: str | None = None
    fail_above: float | None = None
    seed: int = 0
    force: bool = False
    report: Path | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """result: of `build_result` or `build_failure`; error: why it failed; page: the part on the batch's page."""

    part: Part
    result: dict[str, Any]
    error: Exception | None = None
    page: Any = None


@dataclass(slots=True)
class ScoreRun:
    """The loaded model and what scores one part after the other with it. lone: the call has a single part."""

    settings: ScoreSettings
    lone: bool
    inspector: Any = None
    seconds: dict[str, float] = field(default_factory=dict)

    def outcomes(self, parts: list[Part]) -> Iterator[Outcome]:
        """The outcomes of all parts in their order, each as it is found."""
        return map(self.outcome, parts)

    def outcome(self, part: Part) -> Outcome:
        """Read, score and write one part. What is wrong with the part is in the outcome; a model that cannot be
        loaded raises EnvironmentMissing or WeightsRejected, and a bug raises at once when the part is the only one.
        """
        start = time.perf_counter()
        self.seconds = {}
        read = self._guarded(part, lambda: self._read(part))
        if isinstance(read, Outcome):
            return read
        if self.inspector is None:
            self._timed("load", self._load)
        return self._guarded(part, lambda: self._score(part, read, start))

    def _guarded(self, part: Part, step: Callable[[], Value]) -> Value | Outcome:
        try:
            return step()
        except Align3DError as error:
            kind, code = KINDS.get(type(error), "internal"), error.exit_code
            return Outcome(part, build_failure(input=part.name, kind=kind, message=str(error), exit_code=code), error)
        except MemoryError:
            error = InputRejected(f"{part.name}: does not fit into memory; thin or cut it")
            failure = build_failure(input=part.name, kind="input", message=str(error), exit_code=error.exit_code)
            return Outcome(part, failure, error)
        except Exception as error:
            if self.lone or is_interrupt(error):
                raise
            output.info(traceback.format_exc())
            text = f"{part.name}: {type(error).__name__}: {error}; this is a bug of align3d, please report it"
            return Outcome(part, build_failure(input=part.name, kind="internal", message=text, exit_code=1), error)

    def _timed(self, step: str, action: Callable[[], Value]) -> Value:
        start = time.perf_counter()
        value = action()
        self.seconds[step] = time.perf_counter() - start
        return value

    def _read(self, part: Part) -> PointCloud:
        return self._timed("read", lambda: _read_part(part, self.settings))

    def _load(self) -> None:
        """What is missing is found before the slow imports of the inspector."""
        from align3d_cli.model.bundle import load_bundle
        from align3d_cli.model.device import resolve_device

        bundle, device = load_bundle(self.settings.model), resolve_device(self.settings.device)
        from align3d_cli.model.inspector import Inspector

        self.inspector = Inspector(bundle, device=device, views=self.settings.views)

    def _score(self, part: Part, cloud: PointCloud, start: float) -> Outcome:
        inspection = self.inspector.inspect(cloud, background=self.settings.background)
        self.seconds |= inspection.seconds

        def result() -> dict[str, Any]:
            total = {"total": time.perf_counter() - start}
            return self._result(part, cloud, inspection, self.seconds | total)

        page = None
        if part.output is not None or self.settings.report is not None:
            page = self._timed("write", lambda: self._write(part, cloud, inspection, result()))
        return Outcome(part, result(), page=page)

    def _result(self, part, cloud, inspection, seconds) -> dict[str, Any]:
        bundle, limit = self.inspector.bundle, self.settings.fail_above
        return build_result(
            input=part.name,
            input_sha256=cloud.sha256,
            output=None if part.output is None else str(part.output),
            n_points=inspection.n_points,
            n_invalid=inspection.n_invalid,
            n_unseen=inspection.n_unseen,
            n_removed=inspection.n_removed,
            score=inspection.score,
            threshold=(bundle.calibration.threshold if bundle.calibration.calibrated else 0.5)
            if limit is None
            else limit,
            unit=cloud.unit,
            extent=inspection.preparation["extent"],
            notes=list(inspection.notes),
            model=bundle.name,
            model_sha256=bundle.sha256,
            views=inspection.views,
            device=self.inspector.device,
            seed=self.settings.seed,
            seconds=seconds,
        )

    def _write(self, part: Part, cloud: PointCloud, inspection, result: dict[str, Any]):
        """Write the part's heat map; returns its place on the batch's page when there is to be one."""
        from align3d_cli.report.heatmap import ScoredPart, part_page, write_heatmap
        from align3d_cli.report.points_payload import BATCH_PAGE_POINTS, PAGE_POINTS

        scored = ScoredPart(cloud, inspection, result, self.inspector.bundle.calibration, self.settings.background)
        if part.output is not None and str(part.output) == STDIN:
            _write_to_stdout(scored, self.settings.format)
        elif part.output is not None:
            write_heatmap(part.output, scored, format=self.settings.format, force=self.settings.force)
        if self.settings.report is None:
            return None
        return part_page(scored, points=PAGE_POINTS if self.lone else BATCH_PAGE_POINTS)


def _read_part(part: Part, settings: ScoreSettings) -> PointCloud:
    if Path(part.name).is_dir():
        raise InputRejected(f"{part.name}: holds no scan ({' '.join(SCAN_SUFFIXES)}); name the folder that does")
    cloud = read_scan(
        part.name,
        format=settings.input_format,
        focal_px=settings.focal_px,
        columns=settings.columns,
        seed=settings.seed,
    )
    check_measured(cloud)  # now, before a model is loaded for nothing
    return cloud


def _write_to_stdout(scored, format: str) -> None:
    from align3d_cli.report.heatmap import write_heatmap

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"heatmap.{format}"
        write_heatmap(file, scored, format=format)
        output.result_bytes(file.read_bytes())
