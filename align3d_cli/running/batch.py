"""Part after part with a model that is loaded once, after the first scan has turned out readable."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import check_measured
from align3d_cli.clouds.settings import Background
from align3d_cli.errors import UsageError
from align3d_cli.helpers.places import DEFAULT_MODEL
from align3d_cli.io.read import READERS, WITH_FREE_COLUMNS, read_scan
from align3d_cli.regions.rules import Rules
from align3d_cli.running.inputs import Part, check_no_folder, numbered
from align3d_cli.running.model import Model, split_cloud
from align3d_cli.running.scored import FailedScan, ScoredScan, attempt

if TYPE_CHECKING:
    from align3d_cli.model.beside import Beside, Word

Value = TypeVar("Value")
SMALL_SHEETS = 24  # parts of a report; with more, pictures of their views in half the size keep it small


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
    pages:   make each part's section of a report; page_parts: how many it is to have; page_points: points of each at
             most, None: by their number
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
    page_parts: int = 1
    page_points: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a part.

    result:  its JSON object; failure: why it failed, None where it did not
    page:    its section of a report, None where there is to be none or the part is kept from an earlier call
    level:   median of the scores of its points, None where nobody knows
    """

    part: Part
    result: dict[str, Any]
    failure: FailedScan | None = None
    page: Any = None
    level: float | None = None


@dataclass(slots=True)
class Batch:
    """Scores the parts of one call; `model` is there from the first readable part on."""

    settings: BatchSettings
    model: Model | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    beside: "dict[str, Beside]" = field(default_factory=dict)  # by part, what the others say, once all were compared
    words: "dict[str, Word]" = field(default_factory=dict)  # by part, what the model said of it then

    def outcomes(self, parts: list[Part]) -> Iterator[Outcome]:
        """The outcomes of all parts in their order, each as it is found; of a split scan one each of its parts."""
        if self.settings.among:
            self._compare(parts)
        for part in parts:
            yield from self._outcomes_of(part)

    def _compare(self, parts: list[Part]) -> None:
        """Score all parts once and compare each with the others, see `running.among`."""
        from align3d_cli.running.among import Comparing

        comparing = Comparing(partial(read_part, settings=self.settings), self._loaded, self.settings.background)
        self.beside, self.words = comparing.beside(parts), comparing.words

    def _loaded(self) -> Model:
        if self.model is None:
            self.model = self._load()
        return self.model

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
        names = how.good if how.reference is None else (how.reference,)
        clouds = [read_part(Part(name, Path(name)), _as_known(name, how)) for name in names]
        model = Model(how.model, device=how.device, views=how.views)
        if model.references is not None and (names or how.among):
            finding = "knows good parts already, and others are named beside it"
            raise UsageError(f"{how.model}: {finding}; leave these out, or name a model that was not taught")
        if not names:
            return model
        told = [model.tell(cloud, name, background=how.background) for name, cloud in zip(names, clouds, strict=True)]
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
            beside=self.beside.get(part.name),
            word=self.words.get(part.name),
        )
        if how.rules is not None:
            scored = scored.judge(how.rules)
        result = scored.result(part.output)
        start, before = time.perf_counter(), result["seconds"]["total"]
        page = self._written(part, scored)
        if part.output is not None or how.pages:
            result["seconds"] |= {"write": round(time.perf_counter() - start, 3)}
            result["seconds"]["total"] = round(before + time.perf_counter() - start, 3)
            page = page and replace(page, result=result)  # the page tells what the JSON does
        return Outcome(part, result, page=page, level=scored.level)

    def _written(self, part: Part, scored: ScoredScan) -> Any:
        """Write the part's heat map; returns its section of the report when there is to be one."""
        if part.output is None and not self.settings.pages:
            return None
        from align3d_cli.report.heatmap import part_page, write_heatmap
        from align3d_cli.report.thinning import points_each

        found = scored.part(part.output)  # draws its picture once for both
        if part.output is not None:
            write_heatmap(part.output, found, format=self.settings.format, force=self.settings.force)
        if not self.settings.pages:
            return None
        parts = self.settings.page_parts
        return part_page(found, points=self.settings.page_points or points_each(parts), small=parts > SMALL_SHEETS)


def _as_known(name: str, how: BatchSettings) -> BatchSettings:
    """How a good part is read: as the parts of the call are, but by its own name where that says a format."""
    kind = Path(name).suffix.lower().lstrip(".")
    if kind not in READERS:
        return how
    return replace(how, input_format=None, columns=how.columns if kind in WITH_FREE_COLUMNS else None)


def read_part(part: Part, settings: BatchSettings) -> PointCloud:
    """The scan of a part; what holds no surface is refused now, before a model is loaded for nothing."""
    check_no_folder(part.name)
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
