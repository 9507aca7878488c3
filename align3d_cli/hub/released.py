"""Released files of others become models of ours: prompts through the text tower, ImageNet trunks as safetensors."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.helpers.files import write_tensors
from align3d_cli.hub.torch_archive import plain_state, read_archive
from align3d_cli.model.bundle import save_bundle

PROFILE_OF = {"align3d": "align3d", "pointad": "pointad", "anomalyclip": "pointad"}
TRUNK_LIMIT = 128 * 2**20  # lite4, the largest of the family, has 52 MB


def import_prompts(
    files: Sequence[Path],
    out: Path,
    kind: str,
    *,
    backbone: str,
    pretrained: str | None = None,
    weights: Path | None = None,
    ignore_unknown: bool = False,
    profile: str | None = None,
) -> dict[str, Any]:
    """Write released prompts (and aligner) as a bundle; returns what was made, with notes for the user.

    profile: how the model draws and scores, by name or path; None: the one of its kind in PROFILE_OF
    Raises InputRejected (not such files), UsageError (a profile without an aligner for a pair that has one) and
    EnvironmentMissing (CLIP's weights are not on this machine).
    """
    from align3d_cli.encoders.clip_text import load_text_tower
    from align3d_cli.hub.import_checkpoint import compile_prompts, read_released
    from align3d_cli.model.parts import bundle_encoder
    from align3d_cli.model.profiles import get_profile
    from align3d_cli.model.start import deep_prompts_of, text_tower_of, untrained, with_view_size

    imported = read_released(files, ignore_unknown=ignore_unknown)
    if (imported.aligner is None) == (kind == "align3d"):
        raise InputRejected(
            f"{', '.join(imported.sources)}: the layout of {imported.layout}, not of --kind {kind}; name the kind it is"
        )
    own = get_profile(profile or PROFILE_OF[kind])
    if imported.aligner is not None and "rgb" not in own.branches:
        raise UsageError(f"--profile {own.name}: scores one branch, the pair has two; give paper or align3d")
    branches = own.branches if imported.aligner is not None else ("rendering",)
    own = replace(own, branches=branches, encoder=replace(own.encoder, ln_post_global=kind != "anomalyclip"))
    bundle = untrained(own, "", backbone=backbone, pretrained=pretrained, weights=weights)
    bundle = with_view_size(bundle, bundle_encoder(bundle, "cpu"))
    tower = load_text_tower(**text_tower_of(bundle))
    vectors = compile_prompts(imported, tower, deep_prompts_of(bundle))
    dim, aligner = vectors["rendering"].shape[1], imported.aligner or {}
    if aligner and len(aligner["global_mlp.input.bias"]) != dim:
        found = f"{', '.join(imported.sources)}: an aligner of {len(aligner['global_mlp.input.bias'])} dimensions"
        raise InputRejected(f"{found}, {bundle.encoder['name']} has {dim}; name the --backbone they belong to")
    tensors = {f"text.{branch}": rows for branch, rows in vectors.items()}
    tensors |= {f"aligner.{key}": value for key, value in aligner.items()}
    record = bundle.record | {"import": {"kind": kind, "sources_sha256": imported.sources}}
    saved = save_bundle(out, replace(bundle, name=out.stem, tensors=tensors, record=record))
    notes = [*imported.notes, f"{out.name}: not calibrated; run `align3d calibrate --model {out}` on good scans"]
    return {"out": str(out), "kind": kind, "sha256": saved.sha256, "sources_sha256": imported.sources, "notes": notes}


def import_efficientnet(
    files: Sequence[Path], out: Path, *, licence: str | None = None, source: str | None = None
) -> dict[str, Any]:
    """Write an ImageNet EfficientNet-Lite .pth as our trunk's tensors in fp16; head left out.

    The published layers come in the order of ours; which variant it is follows from shapes. Raises InputRejected.
    """
    from align3d_cli.encoders.lite_trunk import VARIANTS, LiteTrunk, load_imagenet

    if len(files) != 1:
        raise UsageError(f"--kind efficientnet-lite: {len(files)} files; give one")
    state = {key: value.float() if value.is_floating_point() else value for key, value in _state(files[0]).items()}
    for variant in VARIANTS:
        trunk = LiteTrunk(variant)
        try:
            load_imagenet(trunk, state)
            break
        except (ValueError, RuntimeError):
            continue
    else:
        raise InputRejected(f"{files[0]}: no EfficientNet-Lite of {', '.join(VARIANTS)}; give the .pth as released")
    half = {key: v.half() if v.is_floating_point() else v for key, v in trunk.state_dict().items()}
    notes = {"license": licence, "source": source, "source_sha256": sha256_of(files[0])}
    write_tensors(out, half, {key: value for key, value in notes.items() if value})
    sources = {files[0].name: notes["source_sha256"]}
    return {"out": str(out), "kind": variant, "sha256": sha256_of(out), "sources_sha256": sources, "notes": []}


def _state(path: Path) -> dict[str, torch.Tensor]:
    return plain_state(read_archive(path, TRUNK_LIMIT), path, "the file")
