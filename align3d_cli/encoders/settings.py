"""How an image tower is run. Imports nothing heavy."""

from dataclasses import dataclass
from typing import Annotated, Literal

from align3d_cli.helpers.settings import Natural, Range, check_settings
from align3d_cli.render.settings import SIZES, Style

Precision = Literal["float32", "bfloat16", "float16"]
Interpolation = Literal["bilinear", "bicubic"]
LiteVariant = Literal["lite0", "lite1", "lite2"]  # sizes of EfficientNet-Lite, see `lite_trunk.VARIANTS`
DeepPrompts = Literal["float32", "float16"]
EXPORTED: Literal["onnx"] = "onnx"  # the name of a tower that is a graph for onnxruntime
Channels = Annotated[int, Range(1, 64)]  # far beyond any that is drawn
Cells = Annotated[int, Range(1, 4096)]  # a token a pixel, of the largest views


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


@dataclass(frozen=True, slots=True)
class ExportedSettings:
    """What a model states of an exported tower: what has to be known to draw views for it and to read its tokens."""

    name: Annotated[Literal["onnx"], "tells it from other towers"]
    tower: Annotated[str, "the name of the tower that was exported"]
    style: Annotated[Style, "which drawing of a view it reads"]
    image_size: Annotated[Annotated[int, SIZES], "pixels a side of the views it reads"]
    channels: Annotated[Channels, "of an image"]
    rows: Annotated[Cells, "of the grid of tokens"]
    columns: Annotated[Cells, "of that grid"]
    class_token: Annotated[bool, "whether row 0 of the tokens is the class token"]

    def __post_init__(self) -> None:
        check_settings(self)
