"""Released checkpoints to a bundle on disk: read, compile the prompts to vectors, record where they came from."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from align3d_cli.model.bundle import Bundle, save_bundle
from align3d_cli.model.clip_text import load_text_tower
from align3d_cli.model.import_checkpoint import compile_prompts, read_released
from align3d_cli.model.profiles import get_profile
from align3d_cli.training.start import untrained


def import_released(
    files: Sequence[Path],
    out: Path,
    profile_name: str,
    *,
    backbone: str | None = None,
    pretrained: str | None = None,
    weights: Path | None = None,
    ignore_unknown: bool = False,
) -> tuple[Bundle, tuple[str, ...]]:
    """Write the model of released checkpoint files to `out`; returns it and what was left aside, in words.

    Raises InputRejected for files of another layout, EnvironmentMissing without the CLIP weights they belong to.
    """
    imported = read_released(files, ignore_unknown=ignore_unknown)
    start = untrained(get_profile(profile_name), "mvtec3d", backbone=backbone, pretrained=pretrained, weights=weights)
    where = {key: value for key, value in start.encoder.items() if key not in ("name", "settings")}
    vectors = compile_prompts(imported, load_text_tower(start.encoder["name"], **where))
    tensors = {f"text.{branch}": rows for branch, rows in vectors.items()}
    tensors |= {f"aligner.{key}": value for key, value in (imported.aligner or {}).items()}
    record = start.record | {"imported": imported.sources}
    return save_bundle(out, replace(start, name=out.stem, tensors=tensors, record=record)), imported.notes
