"""Part after part with a model that is loaded once, after the first scan has turned out readable."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import check_measured
from align3d_cli.clouds.settings import Background
from align3d_cli.errors import InputRejected
from align3d_cli.helpers.places import DEFAULT_MODEL
from align3d_cli.io.read import SCAN_SUFFIXES, read_scan
from align3d_cli.regions.rules import Rules
from align3d_cli.running.inputs import STDIN, Part, numbered
from align3d_cli.running.model import Model, split_cloud
from align3d_cli.running.scored import FailedScan, ScoredScan, attempt

if TYPE_CHECKING:
    from align3d_cli.model.beside import Joined
    from align3d_cli.reference.references import Told

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """What a call says about all its parts alike.

    model, device, views: see `running.model.load`; background, threshold, seed: see `Model.score`
    input_format, focal_px, columns, keep_marks, unit: see `io.read.read_scan`
    split:   score the separate parts of a scan apart, see `Model.score_parts`
    format:  of the heat maps; force: overwrite files that exist
    rules:   what parts are judged by instead of the threshold
    good:    scans of good parts, which the model is taught; reference: a scan or CAD model that parts are laid onto
    among:   the parts of the call are each other's references
    pages:   make each part's section of a report; page_points: points in it
    """

    model: str = DEFAULT_MODEL
    device: str = "auto"
    views: str | None = None
    background: Background = "auto"
    threshold: float | None = None
    seed: int = 0
    input_format: str | None = None
    focal_px: float | None = None
    columns: str | None = None
    keep_marks: bool = False
    unit: str | None = None
    split: bool = False
    format: str = "ply"
    force: bool = False
    rules: Rules | None = None
    good: tuple[str, ...] = ()
    reference: str | None = None
    among: bool = False
    pages: bool = False
    page_points: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a part: its JSON object, why it failed (None: it did not), its section of a report."""

    part: Part
    result: dict[str, Any]
    failure: FailedScan | None = None
    page: Any = None


@dataclass(slots=True)
class Batch:
    """Scores the parts of one call; `model` is there from the first readable part on."""

    settings: BatchSettings
    model: Model | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    joined: "dict[str, Joined]" = field(default_factory=dict)  # by part, once all were compared

    def outcomes(self, parts: list[Part]) -> Iterator[Outcome]:
        """The outcomes of all parts in their order, each as it is found; of a split scan one each of its parts."""
        if self.settings.among:
            self._compare(parts)
        for part in parts:
            yield from self._outcomes_of(part)

    def _compare(self, parts: list[Part]) -> None:
        """Score all parts once and compare each with the others. Raises InputRejected where too few can be read."""
        from align3d_cli.reference.among import FEWEST, among

        told = []
        for part in parts:
            read = attempt(part.name, partial(self._told, part))
            told += [] if isinstance(read, FailedScan) else [read]
        if len(told) < FEWEST or self.model is None:
            finding = f"{len(told)} of {len(parts)} parts can be compared, at least {FEWEST} are needed"
            raise InputRejected(f"--among: {finding}; name more parts, or good ones with --good")
        own = self.model.inspector.bundle.calibration
        self.joined = dict(zip([one.name for one in told], among(told, own), strict=True))

    def _told(self, part: Part) -> "Told":
        """A part as others are compared with it."""
        cloud = read_part(part, self.settings)
        if self.model is None:
            self.model = self._load()
        return self.model.tell(cloud, part.name, background=self.settings.background)

    def outcome(self, part: Part) -> Outcome:
        """The outcome of one scan that is not split."""
        return next(self._outcomes_of(part))

    def _outcomes_of(self, part: Part) -> Iterator[Outcome]:
        """Read, score and write one scan. What is wrong with it is in the outcome; a model that cannot be loaded
        raises EnvironmentMissing or WeightsRejected.
        """
        self.seconds = {}
        read = attempt(part.name, lambda: self._timed("read", lambda: self._read(part)))
        if isinstance(read, FailedScan):
            yield Outcome(part, read.result(), read)
            return
        pieces, background = read
        if self.model is None:
            self.model = self._timed("load", self._load)
        for number, piece in enumerate(pieces, 1):
            own = part if len(pieces) == 1 else numbered(part, number)
            found = attempt(own.name, partial(self._scored, self.model, own, piece, background))
            yield Outcome(own, found.result(), found) if isinstance(found, FailedScan) else found
            self.seconds = {}

    def _read(self, part: Part) -> tuple[list[PointCloud], Background]:
        """What is scored of a scan, and with which background."""
        cloud, background = read_part(part, self.settings), self.settings.background
        return split_cloud(cloud, background) if self.settings.split else ([cloud], background)

    def _timed(self, step: str, action: Callable[[], Value]) -> Value:
        start = time.perf_counter()
        value = action()
        self.seconds[step] = time.perf_counter() - start
        return value

    def _load(self) -> Model:
        how = self.settings
        model = Model(how.model, device=how.device, views=how.views)
        if not how.good and how.reference is None:
            return model
        names = how.good if how.reference is None else (how.reference,)
        told = [model.tell(read_part(Part(name, Path(name)), how), name, background=how.background) for name in names]
        return model.knowing(told, kind="good" if how.reference is None else "reference")

    def _scored(self, model: Model, part: Part, cloud: PointCloud, background: Background) -> Outcome:
        how = self.settings
        scored = model.score_cloud(
            cloud,
            part.name,
            background=background,
            threshold=how.threshold,
            seed=how.seed,
            seconds=self.seconds,
            beside=None if part.name not in self.joined else partial(_of_before, self.joined[part.name]),
        )
        if how.rules is not None:
            scored = scored.judge(how.rules)
        result = scored.result(part.output)
        start, before = time.perf_counter(), result["seconds"]["total"]
        page = self._written(part, scored)
        if part.output is not None or how.pages:
            result["seconds"] |= {"write": round(time.perf_counter() - start, 3)}
            result["seconds"]["total"] = round(before + time.perf_counter() - start, 3)
        return Outcome(part, result, page=page)

    def _written(self, part: Part, scored: ScoredScan) -> Any:
        """Write the part's heat map; returns its section of the report when there is to be one."""
        if part.output is None and not self.settings.pages:
            return None
        from align3d_cli.report.heatmap import part_page, write_heatmap
        from align3d_cli.report.points_payload import PAGE_POINTS

        found = scored.part(part.output)  # draws its picture once for both
        if part.output is not None:
            write_heatmap(part.output, found, format=self.settings.format, force=self.settings.force)
        return part_page(found, points=self.settings.page_points or PAGE_POINTS) if self.settings.pages else None


def _of_before(joined: "Joined", *_: Any) -> "Joined":
    """What was found when all parts were compared."""
    return joined


def read_part(part: Part, settings: BatchSettings) -> PointCloud:
    """The scan of a part; what holds no surface is refused now, before a model is loaded for nothing."""
    if part.name != STDIN and os.path.isdir(part.name):
        raise InputRejected(f"{part.name}: holds no scan ({' '.join(SCAN_SUFFIXES)}); name the folder that does")
    cloud = read_scan(
        part.name,
        format=settings.input_format,
        focal_px=settings.focal_px,
        columns=settings.columns,
        seed=settings.seed,
        keep_marks=settings.keep_marks,
        unit=settings.unit,
    )
    check_measured(cloud)
    return cloud
