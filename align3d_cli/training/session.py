"""One run of a stage from its settings to a model: data, features, training, record. Does not print."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from align3d_cli.clouds.labelled import Sample
from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.helpers.digest import digest_of_arrays
from align3d_cli.model.aligner import Aligner
from align3d_cli.model.bundle import Bundle
from align3d_cli.model.calibration import Calibration
from align3d_cli.training.align import mean_cosines, train_aligner
from align3d_cli.training.assess import class_means, separation
from align3d_cli.training.data import Data
from align3d_cli.training.features import FeatureStore
from align3d_cli.training.gather import Features, Session, gather_features, with_point_labels
from align3d_cli.training.prompts import Branches, train_prompts
from align3d_cli.training.run import Line, Run
from align3d_cli.training.settings import AlignSettings, PromptSettings
from align3d_cli.training.start import clip_prompts, vector_prompts


@dataclass(frozen=True, slots=True)
class Trained:
    """A stage's result.

    record:  what the model keeps and the call prints; the same for the same training, whenever and wherever
    complete: whether all epochs are done; seconds: that the call took, features included
    """

    bundle: Bundle
    record: dict[str, Any]
    complete: bool
    run: Run
    store: FeatureStore
    seconds: float


def align(bundle: Bundle, data: Data, samples: Sequence[Sample], config: AlignSettings, session: Session) -> Trained:
    """Stage 1: the model with an aligner. Raises InputRejected for data without colour."""
    started = time.monotonic()
    features = gather_features(bundle, data, samples, session, rgb=True)
    run = session.run(features.store, "align", {"config": asdict(config), "names": features.names})
    aligner, losses = train_aligner(features.store, features.names, features.spec.embed_dim, config, run)
    metrics = mean_cosines(aligner, features.store, features.names, run.device)
    record = _record(data, features, config, losses, metrics)
    tensors = {key: value for key, value in bundle.tensors.items() if not key.startswith(("aligner.", "text.rgb"))}
    tensors |= {f"aligner.{key}": value.cpu() for key, value in aligner.state_dict().items()}
    return _trained(bundle, features, tensors, "align", record, run, started)


def train_text(
    bundle: Bundle,
    data: Data,
    samples: Sequence[Sample],
    config: PromptSettings,
    session: Session,
    *,
    kind: str,
    use_aligner: bool,
) -> Trained:
    """Stage 2: the model with text vectors. kind: "clip" or "vectors". Raises UsageError or InputRejected."""
    if use_aligner and not bundle.part("aligner"):
        raise UsageError(f"{bundle.called}: has no aligner; run `align3d align` first, or give --no-align")
    if config.point_loss == "all pixels" and (bundle.views.input == "all points" or session.max_points):
        need = 'the whole scan, resized: give [views] input "size of a view" and no number of points'
        raise UsageError(f'[prompts] point_loss "all pixels": counts {need}')
    if config.keep_rendering and not (use_aligner and kind == "vectors" and "text.rendering" in bundle.tensors):
        raise UsageError("--keep-rendering needs a model with an aligner and rendering prompts as vectors to keep")
    started = time.monotonic()
    features = with_point_labels(gather_features(bundle, data, samples, session, rgb=False))
    aligner = _aligner_of(bundle, features.spec.embed_dim) if use_aligner else None
    if kind == "clip":
        names = ("rendering", "rgb") if aligner else ("rendering",)
        prompts = clip_prompts(bundle, config, names, session.device)
    else:
        prompts = _first_vectors(bundle, features, aligner, torch.device(session.device))
    frozen = frozenset(("rendering",) if config.keep_rendering else ())
    branches = Branches(features.spec, prompts, aligner, frozen)
    settings = {"config": asdict(config), "names": features.names, "kind": kind, "start": _start_digest(branches)}
    run = session.run(features.store, "prompts", settings)
    separated = partial(separation, features.store, features.names, branches)

    def point_auroc(text: dict[str, Tensor]) -> float:
        """Mean over the branches that learn."""
        learned = {name: text[name] for name in branches.trained}
        found = separated(learned, config.temperature, run.device, config.map_px)
        return sum(found[f"{name}_point_auroc"] for name in learned) / len(learned)

    text, losses = train_prompts(features.store, features.names, branches, config, run, point_auroc)
    metrics = separated(text, config.temperature, run.device)
    record = _record(data, features, config, losses, metrics) | {"prompts": kind}
    if rated := [line for line in losses if "rating" in line]:
        record["epoch_kept"] = max(rated, key=lambda line: line["rating"])["epoch"]
    left_out = ("text.",) if aligner else ("text.", "aligner.")
    tensors = {key: value for key, value in bundle.tensors.items() if not key.startswith(left_out)}
    tensors |= {f"text.{name}": value for name, value in text.items()}
    scoring = replace(bundle.scoring, temperature=config.temperature)
    uncalibrated = replace(bundle, scoring=scoring, calibration=Calibration())
    return _trained(uncalibrated, features, tensors, "prompt_train", record, run, started)


def _first_vectors(
    bundle: Bundle, features: Features, aligner: Aligner | None, device: torch.device
) -> dict[str, torch.nn.Module]:
    """Directly learned vectors: from the model's own where it has them, else from the means of the classes."""
    first = class_means(features.store, features.names, features.spec, aligner, device)
    own = {name: rows.float() for name, rows in bundle.part("text").items() if name in first}
    return vector_prompts(first | own)


def _start_digest(branches: Branches) -> dict[str, str]:
    """What stage 2 starts from, aligner and initial prompts by branch, so that a run resumes its own start only."""
    modules = branches.prompts | ({"aligner": branches.aligner} if branches.aligner else {})
    return {name: digest_of_arrays(module.state_dict()) for name, module in modules.items()}


def _aligner_of(bundle: Bundle, dim: int) -> Aligner:
    state = {key: value.float() for key, value in bundle.part("aligner").items()}
    found = state["global_mlp.input.weight"].shape[0]
    if found != dim:
        raise InputRejected(f"{bundle.called}: its aligner reads {found} features, the encoder gives {dim}")
    aligner = Aligner(dim)
    aligner.load_state_dict(state)
    return aligner


def _record(
    data: Data,
    features: Features,
    config: AlignSettings | PromptSettings,
    losses: list[Line],
    metrics: dict[str, float],
) -> dict[str, Any]:
    return {
        "data": {
            "name": data.name,
            "split": data.split,
            "seed": data.seed if data.generated else None,
            **({"drawn": data.drawn} if data.drawn != "ours" else {}),
            **features.facts(),
        },
        "protocol": data.protocol(),
        "config": asdict(config),
        "epochs_done": len(losses),
        "complete": len(losses) >= config.epochs,
        "losses": losses[-1],
        "metrics": {key: value if value == value else None for key, value in metrics.items()},
        "features": features.store.hash,
    }


def _trained(
    bundle: Bundle,
    features: Features,
    tensors: dict[str, Tensor],
    stage: str,
    record: dict[str, Any],
    run: Run,
    started: float,
) -> Trained:
    views = replace(bundle.views, size_px=features.spec.image_size)
    model = replace(
        bundle, tensors=tensors, views=views, record=bundle.record | {stage: record}, sha256=None, path=None
    )
    return Trained(model, record, record["complete"], run, features.store, round(time.monotonic() - started, 1))
