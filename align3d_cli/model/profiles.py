"""Named sets of settings: the published methods as they are, and ours. They differ by these settings and nothing else.

`paper`   Align3D-AD (arXiv 2605.05850) as published, the faults of its code included where they change results
`pointad` its rendering branch alone, scored as PointAD (arXiv 2410.00320)
`align3d` the same model with those faults mended; see each setting for what that means
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from align3d_cli.encoders.encoder import EncoderSettings
from align3d_cli.errors import UsageError

CHOICES = {
    "camera": ("pointad", "fitted"),
    "look": ("published", "closed"),
    "visibility": ("one per pixel", "depth tolerance"),
    "unseen": ("zero", "nearest"),
    "view_average": ("published", "sample"),
    "smoothing": ("grid", "neighbours"),
    "metric_pixels": ("paper", "foreground"),
    "reweighting": ("published", "discrepancy", "none"),
}


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything a run of the method is decided by; the defaults are the published Align3D-AD.

    Image tower
      backbone, pretrained: open_clip's names; image_px: side of the views
      vv_blocks: last blocks with V-V attention; ln_post_global: ln_post on the global feature (AnomalyCLIP: not)
      position_interpolation: of the position embedding where image_px is not the trained size
    Views
      camera: "pointad" (perspective, as PointAD draws) or "fitted"; style: drawing that the tower reads
      look: "published" (square points, sparse scans show their far side) or "closed" (the surface is filled)
      visibility: which points a pixel counts for, the one that the z-buffer keeps or all on the visible surface
      unseen: what points get that no view sees, 0 or the value of their nearest seen neighbours
    Stage 1 (align)
      align_epochs, of them the last reweight_epochs with weights of form `reweighting` times reweight_strength (lambda)
    Stage 2 (prompt-train)
      n_ctx, prompt_depth, n_deep: learned context tokens, text blocks with own tokens, tokens a block
      prompt_epochs, of them the last contrastive_epochs with the contrastive loss times contrastive_weight (alpha)
      view_average: over the views of each sample, or as the released code, which mixes the samples of a batch
    Both stages
      batch, learning_rate, adam_betas, seed
    Scoring
      branches; temperature; rgb_weight_point, rgb_weight_object: share of the rgb branch in map and object score
      object_max_weight, object_view_weight: object score = a * max of the map + b * mean view probability
      smoothing: 2-D over the 336 x 336 grid in array order, or over 3-D neighbours; smoothing_sigma_px: in pixels of
      a view; smooth_fused: the fused map is smoothed once more (published for MVTec 3D-AD)
      metric_pixels: P-R over all pixels, background included, or over measured points only
    """

    name: str = "paper"
    backbone: str = "ViT-L-14-336"
    pretrained: str = "openai"
    image_px: int = 336
    vv_blocks: int = 19
    ln_post_global: bool = True
    position_interpolation: str = "bilinear"
    camera: str = "pointad"
    style: str = "grey"
    look: str = "published"
    visibility: str = "one per pixel"
    unseen: str = "zero"
    align_epochs: int = 250
    reweight_epochs: int = 50
    reweighting: str = "published"
    reweight_strength: float = 1.0
    n_ctx: int = 12
    prompt_depth: int = 9
    n_deep: int = 4
    prompt_epochs: int = 15
    contrastive_epochs: int = 5
    contrastive_weight: float = 0.1
    view_average: str = "published"
    batch: int = 4
    learning_rate: float = 1e-3
    adam_betas: tuple[float, float] = (0.5, 0.999)
    seed: int = 111
    branches: tuple[str, ...] = ("rendering", "rgb")
    temperature: float = 0.07
    rgb_weight_point: float = 0.5
    rgb_weight_object: float = 0.5
    object_max_weight: float = 1.0
    object_view_weight: float = 1.0
    smoothing: str = "grid"
    smoothing_sigma_px: float = 4.0
    smooth_fused: bool = True
    metric_pixels: str = "paper"

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise UsageError(f"{name} is {getattr(self, name)!r}; choose from {', '.join(choices)}")
        if self.reweight_epochs > self.align_epochs or self.contrastive_epochs > self.prompt_epochs:
            raise UsageError("reweight_epochs and contrastive_epochs are the last of a stage's epochs, never more")

    def encoder_settings(self, precision: str = "float32") -> EncoderSettings:
        """How `load_encoder` runs the image tower of this profile."""
        return EncoderSettings(
            image_size=self.image_px,
            vv_blocks=self.vv_blocks,
            ln_post_global=self.ln_post_global,
            position_interpolation=self.position_interpolation,
            precision=precision,
            style=self.style,
        )

    def settings(self) -> dict[str, Any]:
        """All settings by name, as `--print-config` shows and a bundle's record keeps them."""
        return asdict(self)


PAPER = Profile()
POINTAD = replace(
    PAPER, name="pointad", branches=("rendering",), align_epochs=0, reweight_epochs=0, contrastive_epochs=0,
    object_max_weight=0.5, object_view_weight=0.5, smooth_fused=False,
)  # fmt: skip
ALIGN3D = replace(
    PAPER, name="align3d", look="closed", visibility="depth tolerance", unseen="nearest", view_average="sample",
    smoothing="neighbours", metric_pixels="foreground",
)  # fmt: skip
PROFILES = {profile.name: profile for profile in (PAPER, POINTAD, ALIGN3D)}


def get_profile(name: str, **changes: Any) -> Profile:
    """A profile by name with some settings changed. Raises UsageError for names that do not exist."""
    if name not in PROFILES:
        raise UsageError(f"--profile {name}: not known; choose from {', '.join(PROFILES)}")
    known = {field.name for field in fields(Profile)} - {"name"}
    if unknown := sorted(changes.keys() - known):
        raise UsageError(f"no setting is called {', '.join(unknown)}; `--print-config` lists them")
    return replace(PROFILES[name], **changes)


def differences(one: Profile, other: Profile) -> dict[str, tuple[Any, Any]]:
    """The settings in which two profiles differ: name -> (of one, of other)."""
    left, right = one.settings(), other.settings()
    return {key: (left[key], right[key]) for key in left if key != "name" and left[key] != right[key]}
