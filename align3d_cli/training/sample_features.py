"""What is known of one sample: features of its views and the labels that training compares them with."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

RENDER_FIELDS = ("render_global", "render_tokens")
RGB_FIELDS = ("rgb_global", "rgb_tokens")


@dataclass(frozen=True, slots=True)
class SampleFeatures:
    """One sample as both training stages read it. V views, T tokens (class row first), D embedding, M points.

    render_global: (V, D), render_tokens: (V, T, D) float, L2-normalised, of the rendered views
    rgb_global, rgb_tokens: the same of the coloured views, or None without colour
    view_masks:     (V, H, W) bool, the defect as the same cameras see it
    view_labels:    (V,) bool, does this view show the defect
    label:          is the sample anomalous
    pixel_of_point: (V, M) int32, flat pixel (of H x W) of each stored point, -1 outside
    visible:        (V, M) bool
    defect:         (M,) bool
    """

    render_global: Tensor
    render_tokens: Tensor
    rgb_global: Tensor | None
    rgb_tokens: Tensor | None
    view_masks: Tensor
    view_labels: Tensor
    label: bool
    pixel_of_point: Tensor
    visible: Tensor
    defect: Tensor

    def __post_init__(self) -> None:
        views, points = self.pixel_of_point.shape
        expected = {
            "render_global": views,
            "render_tokens": views,
            "view_masks": views,
            "view_labels": views,
            "visible": views,
        }
        wrong = [name for name, rows in expected.items() if getattr(self, name).shape[0] != rows]
        if wrong or self.defect.shape != (points,) or self.visible.shape != (views, points):
            raise ValueError(f"sample features disagree on views or points: {wrong or 'defect, visible'}")


def packed(features: SampleFeatures) -> dict[str, Tensor]:
    """The tensors of a sample as they are stored: features as float16, labels eight to a byte."""
    tensors = {key: getattr(features, key) for key in (*RENDER_FIELDS, *RGB_FIELDS)}
    tensors = {key: value.to("cpu", torch.float16).contiguous() for key, value in tensors.items() if value is not None}
    return tensors | {
        "view_masks": _pack(features.view_masks.flatten(1)),
        "view_labels": features.view_labels.to("cpu", torch.bool),
        "pixel_of_point": features.pixel_of_point.to("cpu", torch.int32).contiguous(),
        "visible": _pack(features.visible),
        "defect": _pack(features.defect),
    }


def _pack(bits: Tensor) -> Tensor:
    """(.., n) bool -> (.., ceil(n / 8)) uint8."""
    return torch.from_numpy(np.packbits(bits.cpu().numpy().astype(bool), axis=-1))


def unpacked(packed: Tensor, n: int) -> Tensor:
    """(.., ceil(n / 8)) uint8 -> (.., n) bool."""
    return torch.from_numpy(np.unpackbits(packed.numpy(), axis=-1, count=n).astype(bool))
