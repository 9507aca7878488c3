"""A loaded model that scores scans: what `align3d.load()` gives."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.parts import parts_of, separated
from align3d_cli.clouds.prepare import prepare
from align3d_cli.clouds.settings import Background
from align3d_cli.errors import UsageError
from align3d_cli.helpers.places import DEFAULT_MODEL
from align3d_cli.helpers.quiet_torch import import_torch_quietly
from align3d_cli.model.find import find_model
from align3d_cli.running.arrays import Scan, as_cloud, name_of
from align3d_cli.running.scored import FailedScan, ModelFacts, ScoredScan, attempt

if TYPE_CHECKING:
    from align3d_cli.model.beside import Beside, Word
    from align3d_cli.reference.learning import Told
    from align3d_cli.reference.references import Kind, References


class Model:
    """Image tower, prompts and calibration, ready to score on one device."""

    def __init__(self, model: str | Path = DEFAULT_MODEL, *, device: str = "auto", views: str | None = None) -> None:
        """See `load`. What is missing is found before torch and the slow imports of the inspector."""
        model = find_model(model)
        import_torch_quietly()
        from align3d_cli.model.bundle import load_bundle
        from align3d_cli.model.device import resolve_device

        bundle = load_bundle(model)
        where = resolve_device(device, exported=bundle.exported)
        from align3d_cli.model.inspector import Inspector
        from align3d_cli.reference.stored import references_of

        self.inspector = Inspector(bundle, device=where, views=views)
        self.facts = ModelFacts(bundle.name, bundle.sha256, bundle.calibration, where)
        self.references: References | None = None
        if (known := references_of(bundle)) is not None:
            self._knows(known)

    def __repr__(self) -> str:
        return f"Model({self.facts.name!r}, device={self.facts.device!r})"

    def _knows(self, references: "References") -> None:
        self.references = references
        self.facts = replace(self.facts, calibration=references.calibration)

    def teach(
        self,
        scans: Iterable[Scan],
        *,
        background: Background = "auto",
        false_alarm_rate: float = 0.05,
        seed: int = 0,
        on_scan: Callable[[], None] = lambda: None,
    ) -> "Model":
        """A model that knows good parts of the kind it is to judge, without any training; this one stays as it is.

        scans: of good parts, one at least, see `score`
        false_alarm_rate: of further good parts, at which the new model's threshold aims
        on_scan: told of each scan that is done
        Raises InputRejected where a scan cannot be read, or is not like the others, naming it.
        """
        told = []
        for scan in scans:
            cloud = as_cloud(scan, seed)
            told.append(self.tell(cloud, name_of(scan), background=background))
            on_scan()
        return self.knowing(told, false_alarm_rate=false_alarm_rate)

    def tell(self, cloud: PointCloud, name: str, *, background: Background = "auto") -> "Told":
        """A good part as `knowing` takes it: prepared and scored by the model alone."""
        from align3d_cli.reference.learning import Told

        scan = prepare(cloud, background=background)
        points, raw = self.inspector.score_part(scan)
        return Told(name, cloud.sha256, scan, points, raw, None if cloud.mesh is None else cloud.mesh.triangles)

    def knowing(self, told: "Sequence[Told]", *, false_alarm_rate: float = 0.05, kind: "Kind" = "good") -> "Model":
        """`teach` of good parts that were told before. kind: see `reference.learning.learn`"""
        from align3d_cli.reference.learning import learn

        if not told:
            raise UsageError("good parts are needed: name one at least")
        made, own = copy(self), self.inspector.bundle.calibration
        made._knows(learn(told, own, false_alarm_rate=false_alarm_rate, kind=kind))
        return made

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the model with the good parts it knows, for `load`.

        Raises UsageError when the file is there, EnvironmentMissing when it cannot be written.
        """
        from align3d_cli.helpers.files import check_free
        from align3d_cli.model.bundle import save_bundle
        from align3d_cli.reference.stored import with_references

        bundle = self.inspector.bundle
        known = bundle if self.references is None else with_references(bundle, self.references)
        save_bundle(check_free(path, force=force), known)
        return Path(path)

    @property
    def threshold(self) -> float | None:
        """Object score above which a part is defective; None while the model is not calibrated."""
        return self.facts.calibration.threshold

    def score(
        self, scan: Scan, *, background: Background = "auto", threshold: float | None = None, seed: int = 0
    ) -> ScoredScan:
        """Score every point of a scan and the scan as a whole.

        scan:       a path, a PointCloud (of `read`, which has more options), or an array, see `as_cloud`
        background: "auto", "keep" or "remove" the plane the part lies on
        threshold:  instead of the model's own
        seed:       of the points drawn from a mesh
        Raises InputRejected with one line where the scan cannot be read or scored.
        """
        start = time.perf_counter()
        cloud = as_cloud(scan, seed)
        seconds = {"read": time.perf_counter() - start}
        return self.score_cloud(cloud, name_of(scan), background=background, threshold=threshold, seconds=seconds)

    def score_cloud(
        self,
        cloud: PointCloud,
        name: str,
        *,
        background: Background = "auto",
        threshold: float | None = None,
        seed: int = 0,
        seconds: dict[str, float] | None = None,
        beside: "Beside | None" = None,
        word: "Word | None" = None,
    ) -> ScoredScan:
        """`score` of a cloud that was read before.

        name: what results call it; seconds: of the steps so far; beside: what joins in, the good parts by default
        word: what the model said of it before, see `Inspector.inspect`
        """
        if beside is None and self.references is not None:
            beside = partial(self.references.beside, name=name)
        inspection = self.inspector.inspect(cloud, background=background, beside=beside, word=word)
        spent = (seconds or {}) | inspection.seconds
        joined = inspection.beside
        facts = self.facts if joined is None else replace(self.facts, calibration=joined.calibration)
        limit = facts.calibration.threshold if threshold is None else threshold
        spent["total"] = sum(spent.values())
        return ScoredScan(name, cloud, inspection, facts, limit, background, seed, spent)

    def score_parts(
        self, scan: Scan, *, background: Background = "auto", threshold: float | None = None, seed: int = 0
    ) -> list[ScoredScan]:
        """`score` of each separate part that the scan holds, the largest first; names end with #1, #2, ...

        Parts hang together and are at least a tenth of the points; smaller pieces are left out. Arguments and errors
        as for `score`. A scan of one part gives that score.
        """
        name, scored = name_of(scan), []
        pieces, how = split_cloud(as_cloud(scan, seed), background)
        for number, piece in enumerate(pieces, 1):
            own = name if len(pieces) == 1 else f"{name}#{number}"
            scored.append(self.score_cloud(piece, own, background=how, threshold=threshold, seed=seed))
        return scored

    def score_all(
        self, scans: Iterable[Scan], *, background: Background = "auto", threshold: float | None = None, seed: int = 0
    ) -> Iterator[ScoredScan | FailedScan]:
        """Score one scan after the other, in their order, holding one at a time.

        A scan that cannot be scored gives a FailedScan, and the rest goes on.
        """
        for scan in scans:
            one = partial(self.score, scan, background=background, threshold=threshold, seed=seed)
            yield attempt(name_of(scan), one)


def split_cloud(cloud: PointCloud, background: Background) -> tuple[list[PointCloud], Background]:
    """The separate parts of a scan without background and strays, the scan itself where it holds one part; and how
    they are scored: of several parts what lay around them is gone."""
    scan = prepare(cloud, background=background)
    pieces = separated(cloud, scan.index, parts_of(scan.xyz, scan.spacing))
    return pieces, background if len(pieces) == 1 else "keep"


def load(model: str | Path = DEFAULT_MODEL, *, device: str = "auto", views: str | None = None) -> Model:
    """Load a model.

    model:  name of an installed one, or the path of a .safetensors or .onnx file that align3d wrote
    device: "auto" (CUDA where there is a GPU, else CPU), "cpu", "cuda" or "mps"
    views:  instead of the model's own: a number, "mvtec", "eyecandies", "real3d", "sphere:N" or "front:N"
    Raises EnvironmentMissing (no such model or device), WeightsRejected (the file is damaged or no model).
    """
    return Model(model, device=device, views=views)
