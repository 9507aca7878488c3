"""From a scan to an anomaly score for every point: the whole road in one place.

Align3D-AD (arXiv 2605.05850) section 3.4, as published or with its faults mended, as the model's settings say. Either
way every point of the scan has a score: what is drawn of a resized scan gives its scores back to all points.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import Prepared, prepare, spread_to_cloud
from align3d_cli.clouds.settings import Background
from align3d_cli.encoders.encoder import Encoder
from align3d_cli.model.beside import Beside, Joined, Word
from align3d_cli.model.bundle import Bundle, require_branches
from align3d_cli.model.device import drawing_device, exact
from align3d_cli.model.doubts import doubts_of
from align3d_cli.model.drawn import Drawn, drawn_of
from align3d_cli.model.parts import bundle_aligner, bundle_encoder, check_fit
from align3d_cli.model.scoring import BranchResult, fill_branches, score_scan
from align3d_cli.model.similarity import patch_probabilities, view_maps
from align3d_cli.render.draw import draw_style, draw_views, resolve_preset
from align3d_cli.render.drawable import Drawable, drawable
from align3d_cli.render.geometry import NORMAL_Z, incidence
from align3d_cli.render.lift import flags_of_array_neighbours, incidence_weights, lift
from align3d_cli.render.settings import with_views
from align3d_cli.render.splat import Views


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found on one scan.

    score:        object score in [0, 1], calibrated
    point_scores: (N,) float32 in [0, 1], one for every point of the scan in its order; NaN where nothing was measured,
                  0 on removed background
    raw_score:    object score before calibration
    n_removed:    points taken for background or for strays
    notes:        what was doubtful about the scan, a sentence each
    doubts:       reasons for which a low score does not mean a good part, a sentence each
    drawn:        the views it was scored from, for pictures of it
    beside:       what references added; None where there are none
    deviation:    (N,) float32 signed distance from a reference in the file's unit, nan where none goes on or nothing
                  was measured; None where the scan lies on none
    rows:         (M,) rows of the scan that were scored; None: all that are measured
    """

    score: float
    raw_score: float
    point_scores: np.ndarray
    n_points: int
    n_invalid: int
    n_unseen: int
    n_removed: int
    views: str
    preparation: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    drawn: Drawn | None = field(default=None, repr=False)
    beside: Joined | None = field(default=None, repr=False)
    deviation: np.ndarray | None = field(default=None, repr=False)
    rows: np.ndarray | None = field(default=None, repr=False)


class Clock:
    """Seconds per named step; waits for the device so that a step pays for its own work."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        if self.device.startswith("cuda"):
            torch.cuda.synchronize()
        self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - start


@dataclass(frozen=True, slots=True)
class DrawnViews:
    """The views of one scan. drawn: the points that were drawn, K; preset: name of the views"""

    drawn: Drawable
    preset: str
    views: Views


@dataclass(frozen=True, slots=True)
class EncodedViews(DrawnViews):
    """And what the encoder made of them.

    images: (V, C, H, W); pooled: (V, D) and tokens: (V, T, D), L2-normalised
    """

    images: torch.Tensor
    weights: torch.Tensor | None
    pooled: torch.Tensor
    tokens: torch.Tensor


class Inspector:
    """Holds a loaded model; `inspect` scores one scan after the other."""

    def __init__(
        self,
        bundle: Bundle,
        device: str = "cpu",
        views: str | None = None,
        encoder: Encoder | None = None,
    ) -> None:
        """views: others than the bundle's own, a preset's name or a number of views

        encoder: of another inspector with the same image tower, so that it is held once; None loads the bundle's.
        Raises WeightsRejected for a bundle whose parts do not fit each other.
        """
        require_branches(bundle)
        self.bundle, self.device = bundle, device
        self.plan = with_views(bundle.views, views)
        self.encoder = encoder or bundle_encoder(bundle, device)
        check_fit(bundle, self.encoder)
        self.aligner = bundle_aligner(bundle, device)
        self.text = {name: bundle.tensors[f"text.{name}"].float().to(device) for name in bundle.branches}

    @exact()
    @torch.inference_mode()
    def inspect(
        self,
        cloud: PointCloud,
        background: Background = "auto",
        beside: Beside | None = None,
        word: Word | None = None,
    ) -> Inspection:
        """Score every point of the scan and the scan as a whole.

        beside: joins what is known beside the scan to the model's word
        word:   of `say` of the same scan before: its views are drawn, and not read again
        Raises InputRejected where that cannot be done.
        """
        clock = Clock(self.device)
        with clock("prepare"):
            scan = prepare(cloud, background=background)
        look, word = self._said(scan, clock) if word is None else (self.draw(scan, clock), word)
        joined = None
        if beside is not None:
            with clock("beside"):
                joined = beside(scan, word.points, word.raw)
        return self._inspection(cloud, scan, look, word, joined, clock)

    def _said(self, scan: Prepared, clock: Clock) -> tuple[DrawnViews, Word]:
        look = self.look(scan, clock)
        branches, n_unseen = self.branches(look, clock)
        with clock("lift"):
            return look, Word(*self.scores(look, branches), n_unseen)

    @exact()
    @torch.inference_mode()
    def say(self, scan: Prepared) -> Word:
        """What the model alone says of a prepared scan, without what `inspect` says of the points that were removed."""
        return self._said(scan, Clock(self.device))[1]

    def _inspection(
        self,
        cloud: PointCloud,
        scan: Prepared,
        look: DrawnViews,
        word: Word,
        joined: Joined | None,
        clock: Clock,
    ) -> Inspection:
        """What was found, on the rows of the cloud."""
        report, raw = scan.report, word.raw
        score = float(self.bundle.calibration.score(raw)) if joined is None else joined.score
        points = word.points if joined is None else joined.points
        deviation = None if joined is None else joined.deviation
        return Inspection(
            score=score,
            raw_score=raw if joined is None else joined.raw,
            point_scores=_on_cloud(points, scan, cloud),
            n_points=len(cloud),
            n_invalid=report["n_invalid"],
            n_unseen=word.n_unseen,
            n_removed=report["n_background"] + report["n_outliers"],
            views=look.preset,
            preparation=report,
            seconds=clock.seconds,
            notes=scan.notes + (() if joined is None else joined.notes),
            drawn=drawn_of(look.drawn.cloud_rows, look.views),
            doubts=doubts_of(scan, self.plan.size_px) + (() if joined is None else joined.doubts),
            beside=joined,
            deviation=None if deviation is None else spread_to_cloud(deviation, scan, len(cloud)),
            rows=scan.index,
        )

    def draw(self, scan: Prepared, clock: Clock | None = None) -> DrawnViews:
        """Draw a prepared scan."""
        with (clock or Clock(self.device))("render"):
            drawn = drawable(scan, self.plan)
            plan = replace(self.plan, preset=resolve_preset(drawn.scan, self.plan))
            return DrawnViews(drawn, plan.preset, draw_views(drawn.scan, plan, device=drawing_device(self.device)))

    def look(self, scan: Prepared, clock: Clock | None = None) -> EncodedViews:
        """Draw and encode a prepared scan. Models that share encoder and views can read one look."""
        clock = clock or Clock(self.device)
        found = self.draw(scan, clock)
        with clock("render"):
            plan = replace(self.plan, preset=found.preset)
            images = draw_style(self.encoder.spec.style, found.drawn.scan, found.views, plan)
            weights = self._view_weights(found.views, images)
        with clock("encode"):
            pooled, tokens = self.encoder.encode(images)
        return EncodedViews(found.drawn, found.preset, found.views, images, weights, pooled, tokens)

    def _view_weights(self, views: Views, images: torch.Tensor) -> torch.Tensor | None:
        """How much each view counts for each point, (V, M); None for all alike."""
        if self.bundle.scoring.view_weight == "uniform":
            return None
        cosine = images[:, NORMAL_Z] if self.encoder.spec.style == "geometry" else incidence(views)
        return incidence_weights(cosine, views.pixel_of_point)

    def branches(self, look: EncodedViews, clock: Clock | None = None) -> tuple[dict[str, BranchResult], int]:
        """What each branch of the model says about a look, every drawn point filled, and how many prepared points
        have their score of one that no view saw."""
        clock = clock or Clock(self.device)
        with clock("compare"):
            maps = {name: self._compare(name, look) for name in self.text}
        with clock("lift"):
            views = look.views
            seen = (views.visible & (views.pixel_of_point >= 0)).any(dim=0).cpu().numpy()
            if self.bundle.scoring.unseen == "array neighbour":
                views = replace(views, visible=flags_of_array_neighbours(views.visible))
            lifted = {name: self._lift(views, look.weights, *found) for name, found in maps.items()}
            return fill_branches(look.drawn.scan.xyz, lifted), int((~look.drawn.back(seen)).sum())

    def _compare(self, branch: str, look: EncodedViews) -> tuple[torch.Tensor, torch.Tensor]:
        """Abnormal probability per pixel (V, H, W) and per view (V,), where the views were drawn."""
        spec, temperature, text = self.encoder.spec, self.bundle.scoring.temperature, self.text[branch]
        maps, views = [], []
        each = zip(look.pooled.split(1), look.tokens.split(1), strict=True)
        for view in each:  # one by one they stay in the cache of a CPU
            whole, patches = self.aligner(*view) if self.aligner and branch == "rgb" else view
            abnormal = patch_probabilities(patches, text, temperature)[..., 1:]
            maps.append(view_maps(abnormal, spec.grid, self.plan.size_px, spec.class_token)[:, 0])
            views.append(patch_probabilities(whole[:, None], text, temperature)[:, 0, 1])
        return torch.cat(maps).to(look.images.device), torch.cat(views).to(look.images.device)

    def _lift(
        self, views: Views, weights: torch.Tensor | None, maps: torch.Tensor, view_probability: torch.Tensor
    ) -> BranchResult:
        points = lift(maps, views.pixel_of_point, views.visible, weights, self.bundle.scoring.view_power)
        return BranchResult(points, view_probability)

    def score_part(self, scan: Prepared) -> tuple[np.ndarray, float]:
        """Point scores (M,) of a prepared scan and its object score before calibration: `say` without the rest."""
        word = self.say(scan)
        return word.points, word.raw

    def scores(self, look: EncodedViews, branches: dict[str, BranchResult]) -> tuple[np.ndarray, float]:
        """(M,) of the prepared points, and of the scan before calibration.

        branches: both, or one alone, which then stands for itself
        """
        points, raw = score_scan(look.drawn.scan, branches, self.bundle.scoring, self.plan.size_px, look.preset)
        return look.drawn.back(points), raw


def _on_cloud(values: np.ndarray, scan: Prepared, cloud: PointCloud) -> np.ndarray:
    """Prepared points' scores in the order of the cloud: NaN where nothing was measured, 0 on what was removed."""
    scores = spread_to_cloud(values, scan, len(cloud)).astype(np.float32)
    scores[np.isnan(scores) & cloud.valid] = 0.0
    return scores
