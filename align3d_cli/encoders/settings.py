"""How an image tower is run. Imports nothing heavy."""

from dataclasses import dataclass
from typing import Annotated, Literal

from align3d_cli.helpers.settings import Natural, check_settings
from align3d_cli.render.settings import SIZES, Style

Precision = Literal["float32", "bfloat16", "float16"]
Interpolation = Literal["bilinear", "bicubic"]
LiteVariant = Literal["lite0", "lite1", "lite2"]  # sizes of EfficientNet-Lite, see `lite_trunk.VARIANTS`
DeepPrompts = Literal["float32", "float16"]


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """How a backbone is run; a profile names these and a model stores them."""

    image_size: Annotated[
        Annotated[int, SIZES] | None, "pixels a side of the views it reads, None = what the backbone was trained at"
    ] = None
    vv_blocks: Annotated[
        Natural | None,
        "how many of the last blocks of a CLIP ViT run V-V attention (AnomalyCLIP's DPAM); 0 = none, None = 19 of 24, "
        "the same share of a shallower or deeper tower",
    ] = None
    ln_post_global: Annotated[
        bool, "ln_post on the global feature, as PointAD and Align3D-AD (AnomalyCLIP leaves it out)"
    ] = True
    position_interpolation: Annotated[
        Interpolation, "of the position embedding where image_size is not the trained one; bilinear: as published"
    ] = "bilinear"
    precision: Annotated[Precision, "of the tower; the last two by autocast"] = "float32"
    deep_prompts: Annotated[
        DeepPrompts,
        "precision that learned tokens, and their gradients, pass through on their way into the deeper blocks of the "
        "text tower; float16, as published, moves text features by up to 2e-4",
    ] = "float32"
    style: Annotated[Style, "which drawing of a view it reads"] = "grey"

    def __post_init__(self) -> None:
        check_settings(self)
