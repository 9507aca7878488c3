"""Batches out of the feature store, as float32 on the training device; only one batch is in memory at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from align3d_cli.render.lift import flags_of_array_neighbours
from align3d_cli.training.features import FeatureStore
from align3d_cli.training.sample_features import RENDER_FIELDS, RGB_FIELDS

TOKEN_FIELDS = ("render_tokens", "rgb_tokens")
LABEL_FIELDS = ("view_masks", "view_labels", "label", "pixel_of_point", "visible", "defect")


@dataclass(frozen=True, slots=True)
class FeaturePairs:
    """What stage 1 reads of B samples: both modalities of the same views, L2-normalised.

    render_global, rgb_global: (B, V, D); render_tokens, rgb_tokens: (B, V, T, D)
    """

    render_global: Tensor
    render_tokens: Tensor
    rgb_global: Tensor
    rgb_tokens: Tensor


@dataclass(frozen=True, slots=True)
class LabelledViews:
    """What stage 2 reads of B samples.

    render_global (B, V, D), render_tokens (B, V, T, D): L2-normalised
    masks:   (B, V, H, W) float in {0, 1} at the training map resolution
    view_labels: (B, V) int64, labels: (B,) int64, 1 = shows a defect
    pixel_of_point: (B, V, M) int64, flat pixel of H x W; 0 where the point is not visible
    visible: (B, V, M) bool; samples with fewer than M points are filled up with points that no view sees
    defect:  (B, M) float in {0, 1}
    """

    render_global: Tensor
    render_tokens: Tensor
    masks: Tensor
    view_labels: Tensor
    labels: Tensor
    pixel_of_point: Tensor
    visible: Tensor
    defect: Tensor


def feature_pairs(
    store: FeatureStore,
    names: Sequence[str],
    device: torch.device,
    choose: Callable[[int], Tensor | None] = lambda count: None,
) -> FeaturePairs:
    """Both modalities of the named samples; all must have been stored with colour.

    choose: number of tokens of a view -> the rows to take of every view's tokens, None for all
    """
    samples = [store.get(name, (*RENDER_FIELDS, *RGB_FIELDS)) for name in names]
    if (rows := choose(samples[0]["render_tokens"].shape[1])) is not None:
        samples = [sample | {key: sample[key][:, rows] for key in TOKEN_FIELDS} for sample in samples]
    return FeaturePairs(**{key: _features(samples, key, device) for key in (*RENDER_FIELDS, *RGB_FIELDS)})


def labelled_views(
    store: FeatureStore, names: Sequence[str], map_px: int | None, device: torch.device, *, fill: bool = False
) -> LabelledViews:
    """The rendering features and labels of the named samples, masks brought to map_px x map_px (None: as stored).

    fill: unseen points are read where their neighbour in the array is seen, see `flags_of_array_neighbours`
    """
    samples = [store.get(name, (*RENDER_FIELDS, *LABEL_FIELDS)) for name in names]
    if fill:
        samples = [sample | {"visible": _filled(sample["visible"], sample["pixel_of_point"])} for sample in samples]
    stored_px = samples[0]["view_masks"].shape[-1]
    map_px = map_px or stored_px
    points = max(len(sample["defect"]) for sample in samples)
    visible = _stack(samples, "visible", points, device)
    pixels = pixels_at(_stack(samples, "pixel_of_point", points, device).long(), stored_px, map_px)
    return LabelledViews(
        **{key: _features(samples, key, device) for key in RENDER_FIELDS},
        masks=masks_at(torch.stack([sample["view_masks"] for sample in samples]).to(device), map_px),
        view_labels=torch.stack([sample["view_labels"] for sample in samples]).to(device).long(),
        labels=torch.tensor([int(sample["label"]) for sample in samples], device=device),
        pixel_of_point=torch.where(visible, pixels, 0),
        visible=visible,
        defect=_stack(samples, "defect", points, device).float(),
    )


def _filled(visible: Tensor, pixel_of_point: Tensor) -> Tensor:
    """(V, M) bool of the stored points; those that lie in no view are empty pixels of a resized scan, not points."""
    points, filled = (pixel_of_point >= 0).any(dim=0), visible.clone()
    filled[:, points] = flags_of_array_neighbours(visible[:, points])
    return filled


def masks_at(masks: Tensor, map_px: int) -> Tensor:
    """(B, V, H, W) bool -> (B, V, map_px, map_px) float; a smaller pixel shows a defect when any part of it does."""
    if masks.shape[-1] == map_px:
        return masks.float()
    return F.adaptive_max_pool2d(masks.float(), map_px)


def pixels_at(pixel_of_point: Tensor, stored_px: int, map_px: int) -> Tensor:
    """Flat pixels of a stored_px square image as flat pixels of a map_px square image of the same view."""
    row, column = pixel_of_point // stored_px, pixel_of_point % stored_px
    return (row * map_px // stored_px) * map_px + column * map_px // stored_px


def _features(samples: list[dict[str, Any]], key: str, device: torch.device) -> Tensor:
    """Stacked and normalised again: float16 left the unit sphere by up to 5e-4."""
    return F.normalize(torch.stack([sample[key] for sample in samples]).to(device).float(), dim=-1)


def _stack(samples: list[dict[str, Any]], key: str, points: int, device: torch.device) -> Tensor:
    """Stack along the samples, the last axis filled up with zeros to `points`."""
    return torch.stack([F.pad(s[key], (0, points - s[key].shape[-1])) for s in samples]).to(device)
