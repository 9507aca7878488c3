"""The mean of models that were tuned from one start: often better than each, and a tuned model keeps what it knew.

Model soups (Wortsman et al., arXiv 2203.05482); of a tuned model and its own start WiSE-FT (arXiv 2109.01903). Of
models that share a tower it is the mean of their prompts, which takes the chance of a seed out of stage 2.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch

from align3d_cli.encoders.encoder import unit
from align3d_cli.errors import UsageError
from align3d_cli.model.bundle import Bundle, require_branches, require_features
from align3d_cli.model.calibration import Calibration


def average_bundles(bundles: Sequence[Bundle], shares: Sequence[float]) -> Bundle:
    """The mean of the tensors that all bundles hold, weighed by shares; settings are the first one's.

    shares: one a bundle, > 0, scaled to a sum of 1. Text vectors are brought back to unit length. A calibration is left
    out, and so are aligners and their prompts, which were learned for one tower only. Bundles of one and the same tower
    keep the aligner of the first and the mean of the RGB prompts: their aligners aim at the same space.
    Raises UsageError for fewer than two bundles, for shares of another number, for a bundle without prompts, and for
    towers of different shape.
    """
    if len(bundles) < 2 or len(shares) != len(bundles) or not all(0 < share < math.inf for share in shares):
        finding = f"{len(bundles)} models and shares {', '.join(f'{share:g}' for share in shares)}"
        raise UsageError(f"{finding}: give two models or more, and a finite share above 0 for each or none at all")
    for bundle in bundles:
        require_branches(bundle)
        require_features(bundle)
    first = bundles[0]
    for other in bundles[1:]:
        if other.encoder != first.encoder or _shapes(other) != _shapes(first):
            raise UsageError(f"{other.path}: has another tower than {first.path}; average runs from one start")
    weights = [share / sum(shares) for share in shares]
    branches = ["rendering"] + (["rgb"] if _share_tower(bundles) else [])
    texts = [f"text.{branch}" for branch in branches]
    tensors = {key: _mean([bundle.tensors[key] for bundle in bundles], weights) for key in (*_shapes(first), *texts)}
    tensors |= {key: unit(tensors[key].float()).to(tensors[key].dtype) for key in texts}
    if "rgb" in branches:
        tensors |= {key: value for key, value in first.tensors.items() if key.startswith("aligner.")}
    of = [{"sha256": b.sha256, "share": share, "record": b.record} for b, share in zip(bundles, weights, strict=True)]
    record = {"average": of}
    return replace(first, tensors=tensors, calibration=Calibration(), record=record, sha256=None, path=None)


def _shapes(bundle: Bundle) -> dict[str, torch.Size]:
    tower = {key: value.shape for key, value in bundle.tensors.items() if key.startswith("encoder.")}
    return tower | {"text.rendering": bundle.tensors["text.rendering"].shape}


def _share_tower(bundles: Sequence[Bundle]) -> bool:
    """Whether all have both branches on image towers that are equal to the last bit."""
    first = bundles[0].part("encoder")
    return all("rgb" in bundle.branches for bundle in bundles) and all(
        torch.equal(value, first[key]) for bundle in bundles[1:] for key, value in bundle.part("encoder").items()
    )


def _mean(values: list[torch.Tensor], weights: list[float]) -> torch.Tensor:
    if not values[0].is_floating_point():
        return values[0]  # counters of batch norms, which scoring does not read
    total = torch.zeros_like(values[0], dtype=torch.float64)
    for weight, value in zip(weights, values, strict=True):
        total += weight * value.double()
    return total.to(values[0].dtype)
