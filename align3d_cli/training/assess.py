"""What trained prompts say about stored samples: class means to start from, and how well they separate afterwards."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from align3d_cli.encoders.encoder import EncoderSpec
from align3d_cli.metrics.metrics import auroc
from align3d_cli.model.aligner import Aligner
from align3d_cli.model.similarity import patch_probabilities, view_maps, view_probability
from align3d_cli.training.batches import LabelledViews, labelled_views, pixels_at
from align3d_cli.training.features import FeatureStore
from align3d_cli.training.prompts import Branches, branch_features, lifted

BATCH = 4  # samples


def class_means(
    store: FeatureStore, names: Sequence[str], spec: EncoderSpec, aligner: Aligner | None, device: torch.device
) -> dict[str, Tensor]:
    """Mean token of good and of defective patches per branch: (2, D) of unit length, row 0 good.

    A patch counts as defective when a third of it is masked, as good when it shows surface and no defect; without any
    defective patch both rows start alike.
    """
    sums: dict[str, Tensor] = {}
    for batch in _batches(store, names, device):
        share = functional.adaptive_avg_pool2d(batch.masks.flatten(0, 1), spec.grid).flatten(1)
        good = (share == 0) & surface_patches(batch, spec.grid[0])
        weights = torch.stack([good.float(), (share > 1 / 3).float()])
        for name, (_, tokens) in branch_features(batch, aligner).items():
            patches = tokens.flatten(0, 1)[:, int(spec.class_token) :]
            found = torch.einsum("kbp,bpd->kd", weights, patches).cpu()
            sums[name] = sums[name] + found if name in sums else found
    for name, rows in sums.items():
        if not rows[1].any():
            rows[1] = rows[0]
        sums[name] = functional.normalize(rows, dim=-1)
    return sums


def surface_patches(batch: LabelledViews, rows: int) -> Tensor:
    """(B * V, rows * rows) bool, the patches of a square grid that show a visible point."""
    patch = pixels_at(batch.pixel_of_point, batch.masks.shape[-1], rows).flatten(0, 1)
    counts = torch.zeros(len(patch), rows * rows, device=patch.device)
    return counts.scatter_add(1, patch, batch.visible.flatten(0, 1).float()) > 0


def separation(
    store: FeatureStore,
    names: Sequence[str],
    branches: Branches,
    text: dict[str, Tensor],
    temperature: float,
    device: torch.device,
    map_px: int | None = None,
) -> dict[str, float]:
    """Object and point AUROC of branches on stored samples, points at their stored subset; nan with one class.

    text: the vectors (2, D) of the branches that are asked about
    map_px: side of the maps that points are read from, None = the size of the views
    Object score: maximum of the point map plus the mean view probability. A check of the training, not a benchmark.
    """
    scores: dict[str, list[np.ndarray]] = {f"{name}_{kind}": [] for name in text for kind in ("object", "point")}
    labels, defects = [], []
    for batch in _batches(store, names, device, map_px):
        labels.append(batch.labels.cpu().numpy() > 0)
        features = branches.features(batch)
        for name, rows in text.items():
            points, seen, views = _branch_scores(*features[name], rows.to(device), batch, branches, temperature)
            scores[f"{name}_object"].append((points.amax(dim=1) + views).cpu().numpy())
            scores[f"{name}_point"].append(points[seen].cpu().numpy())
        defects.append(batch.defect[seen].cpu().numpy() > 0)
    truth = {"object": np.concatenate(labels), "point": np.concatenate(defects)}
    return {f"{key}_auroc": auroc(truth[key.split("_")[1]], np.concatenate(parts)) for key, parts in scores.items()}


@torch.inference_mode()
def _branch_scores(
    pooled: Tensor, tokens: Tensor, text: Tensor, batch: LabelledViews, branches: Branches, temperature: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Point probabilities (B, M), which are seen (B, M) bool, and mean view probability (B,)."""
    spec = branches.spec
    maps = view_maps(
        patch_probabilities(tokens.flatten(0, 1), text, temperature), spec.grid, batch.masks.shape[-1], spec.class_token
    )
    points, seen = lifted(maps, batch.pixel_of_point, batch.visible)
    return points[:, 1], seen > 0, view_probability(pooled, text, temperature).mean(dim=1)


def _batches(
    store: FeatureStore, names: Sequence[str], device: torch.device, map_px: int | None = None
) -> Iterator[LabelledViews]:
    for start in range(0, len(names), BATCH):
        yield labelled_views(store, names[start : start + BATCH], map_px, device)
