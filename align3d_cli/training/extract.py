"""From samples to stored features: read, prepare, draw, encode, once per sample; the same road as scoring."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from align3d_cli.clouds.labelled import Sample
from align3d_cli.clouds.prepare import Prepared
from align3d_cli.clouds.settings import Background, Drawing
from align3d_cli.encoders.encoder import Encoder
from align3d_cli.errors import InputRejected
from align3d_cli.helpers.digest import digest_of_arrays
from align3d_cli.render.settings import ViewSettings
from align3d_cli.render.splat import Views
from align3d_cli.training.distributed import ALONE, Workers
from align3d_cli.training.features import FeatureStore
from align3d_cli.training.sample_features import SampleFeatures
from align3d_cli.training.shown import NoColour as NoColour
from align3d_cli.training.shown import draw, take_given

MAX_POINTS = 16_384  # of a sample: 0.6 MB over 9 views, and the point loss changes by less than its noise beyond that
RARE_POINTS = 256  # defect points kept at least, where there are so many


@dataclass(frozen=True, slots=True)
class Extraction:
    """How a sample becomes features.

    encoder:  reads the rendered views in its own style; rgb_encoder reads coloured views, None leaves them out
    max_points, seed: how many labelled points are kept for the point loss, and which; None: MAX_POINTS, but of a plan
    that draws as many points as a view has pixels every pixel, with or without a point
    background: of `clouds.prepare`
    drawn: ours by the plan, or theirs: the views that came with the samples
    """

    encoder: Encoder
    plan: ViewSettings
    rgb_encoder: Encoder | None = None
    device: str = "cpu"
    max_points: int | None = None
    seed: int = 0
    background: Background = "auto"
    drawn: Drawing = "ours"

    def identity(self) -> dict[str, Any]:
        """What the rendering features depend on, apart from the data set."""
        return {
            "encoder": encoder_identity(self.encoder),
            "views": asdict(self.plan),
            "points": {"every": "pixel"} if self.every_pixel else {"max": self.limit, "seed": self.seed},
            "background": self.background,
            **({} if self.drawn == "ours" else {"drawn": self.drawn}),
        }

    @property
    def every_pixel(self) -> bool:
        """Whether the labelled points are the pixels of the resized scan."""
        return self.max_points is None and self.plan.input == "size of a view"

    @property
    def limit(self) -> int:
        """Most labelled points of a sample."""
        return MAX_POINTS if self.max_points is None else self.max_points


@dataclass(frozen=True, slots=True)
class Built:
    """What a pass over the samples did. names: usable samples in order; failures: (sample, reason)."""

    names: list[str]
    n_new: int
    failures: list[tuple[str, str]]


def encoder_identity(encoder: Encoder) -> dict[str, Any]:
    """Name, geometry and SHA-256 of the weights of an image tower, and the precision that it runs in."""
    precision = str(getattr(encoder, "compute_dtype", torch.float32))
    return {"spec": asdict(encoder.spec), "weights": digest_of_arrays(encoder.state_dict()), "precision": precision}


def build_store(
    store: FeatureStore,
    samples: Sequence[Sample],
    extraction: Extraction,
    workers: Workers = ALONE,
    on_sample: Callable[[str, str | None], None] = lambda name, failure: None,
) -> Built:
    """Store the features of every sample that is not there yet; each process takes its share.

    on_sample: called with the name, and the reason where the sample cannot be read
    Raises InputRejected when colour is asked for and a sample has none, or when no sample can be used.
    """
    rgb = extraction.rgb_encoder is not None
    if workers.first:
        store.sweep()
    n_new, failures = 0, list[tuple[str, str]]()
    for sample in workers.share(samples):
        failure = None
        if not store.has(sample.name, rgb=rgb):
            try:
                store.put(sample.name, extract(sample, extraction))
                n_new += 1
            except NoColour:
                raise
            except InputRejected as error:
                failure = str(error)
                failures.append((sample.name, failure))
        on_sample(sample.name, failure)
    gathered = workers.gather((n_new, failures))
    names = [sample.name for sample in samples if store.has(sample.name, rgb=rgb)]
    failures = [failure for _, part in gathered for failure in part]
    if not names:
        reason = f"first reason: {failures[0][1]}" if failures else "the data set is empty; check --root and --category"
        raise InputRejected(f"none of {len(samples)} samples can be used; {reason}")
    return Built(names, sum(count for count, _ in gathered), failures)


@torch.inference_mode()
def extract(sample: Sample, extraction: Extraction) -> SampleFeatures:
    """Features and labels of one sample. Raises InputRejected (unreadable) or NoColour."""
    encoder, rgb_encoder = extraction.encoder, extraction.rgb_encoder
    show = take_given if extraction.drawn == "theirs" else draw
    shown = show(
        sample,
        encoder.spec.style,
        extraction.plan,
        background=extraction.background,
        coloured=rgb_encoder is not None,
        device=extraction.device,
    )
    scan, views, defect, masks = shown.scan, shown.views, shown.defect, shown.masks
    pooled, tokens = encoder.encode(shown.images)
    rgb: tuple[torch.Tensor | None, torch.Tensor | None] = (None, None)
    if rgb_encoder is not None and shown.coloured is not None:
        rgb = rgb_encoder.encode(shown.coloured)
    if extraction.every_pixel:
        pixel_of_point, visible, defects = _every_pixel(scan, views, defect)
    else:
        rng = np.random.default_rng([extraction.seed, zlib.crc32(sample.name.encode())])
        rows = torch.from_numpy(labelled_subset(defect, extraction.limit, rng))
        pixel_of_point, visible = views.pixel_of_point.cpu()[:, rows], views.visible.cpu()[:, rows]
        defects = torch.from_numpy(defect)[rows]
    return SampleFeatures(
        render_global=pooled,
        render_tokens=tokens,
        rgb_global=rgb[0],
        rgb_tokens=rgb[1],
        view_masks=masks,
        view_labels=masks.flatten(1).any(dim=1),
        label=sample.anomalous,
        pixel_of_point=pixel_of_point,
        visible=visible,
        defect=defects,
    )


def _every_pixel(scan: Prepared, views: Views, defect: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """pixel_of_point and visible (V, S) and defect (S,) of all S pixels of a resized scan: -1 and False where a pixel
    holds no point."""
    n_views, n_pixels = len(views.visible), scan.report["n_points"]
    pixel_of_point = torch.full((n_views, n_pixels), -1, dtype=torch.int32)
    visible, defects = torch.zeros(n_views, n_pixels, dtype=torch.bool), torch.zeros(n_pixels, dtype=torch.bool)
    index = torch.from_numpy(scan.index)
    pixel_of_point[:, index], visible[:, index] = views.pixel_of_point.cpu(), views.visible.cpu()
    defects[index] = torch.from_numpy(defect)
    return pixel_of_point, visible, defects


def labelled_subset(defect: np.ndarray, max_points: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of at most max_points points, sorted: the share of defects is kept, but never fewer than a few hundred.

    defect: (N,) bool
    """
    if len(defect) <= max_points:
        return np.arange(len(defect))
    bad, good = np.flatnonzero(defect), np.flatnonzero(~defect)
    n_bad = max(round(max_points * len(bad) / len(defect)), min(len(bad), RARE_POINTS, max_points // 2))
    chosen = [rng.choice(bad, n_bad, replace=False), rng.choice(good, max_points - n_bad, replace=False)]
    return np.sort(np.concatenate(chosen))
