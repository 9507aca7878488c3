"""One interface over every image tower: views in, one global feature and a grid of tokens a view out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from align3d_cli.errors import UsageError

STYLES = ("grey", "colour", "normal", "depth", "geometry")
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
VIEWS_AT_ONCE = {"cpu": 3, "cuda": 9}  # on a CPU the maps of more views than three leave its cache


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """What a caller must know to draw views for an encoder and to read its tokens.

    name:        as given to `load_encoder`
    style:       which drawing of a view it reads, one of STYLES
    image_size:  pixels a side of the square views
    embed_dim:   D of the global feature and of the tokens
    grid:        (rows, columns) of the patch tokens
    class_token: whether row 0 of the tokens is the class token
    mean, std:   one number a channel, for images in [0, 1]; the encoder applies them itself
    details:     what else its features depend on, in words (V-V blocks, activation, ..), for stores to compare
    """

    name: str
    style: str
    image_size: int
    embed_dim: int
    grid: tuple[int, int]
    class_token: bool
    mean: tuple[float, ...]
    std: tuple[float, ...]
    details: str = ""

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise ValueError(f"style must be one of {STYLES}, got {self.style!r}")
        if len(self.mean) != len(self.std) or not all(s > 0 for s in self.std):
            raise ValueError(f"mean and std need one number a channel, std above 0: {self.mean} {self.std}")

    @property
    def channels(self) -> int:
        """Channels C of the images it reads."""
        return len(self.mean)

    @property
    def n_tokens(self) -> int:
        """Rows T of the tokens, the class token included where there is one."""
        return int(self.class_token) + self.grid[0] * self.grid[1]


class Encoder(nn.Module):
    """A frozen image tower. Subclasses set `spec` and implement `features`."""

    spec: EncoderSpec

    def __init__(self, spec: EncoderSpec, precision: str = "float32") -> None:
        super().__init__()
        self.spec = spec
        self.compute_dtype = PRECISIONS[precision]
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(spec.std).view(1, -1, 1, 1), persistent=False)

    def features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images (B, C, H, W), mean and std applied -> (B, D) and (B, T, D), not yet of unit length."""
        raise NotImplementedError

    def raw(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images (B, C, H, W) float in [0, 1] -> global (B, D) and tokens (B, T, D), float32, of any length."""
        side = self.spec.image_size
        if images.shape[1:] != (self.spec.channels, side, side):
            raise ValueError(f"{self.spec.name} reads ({self.spec.channels}, {side}, {side}), got {images.shape[1:]}")
        half = self.compute_dtype != torch.float32
        with torch.autocast(images.device.type, dtype=self.compute_dtype, enabled=half):
            pooled, tokens = self.features((images.float() - self.mean) / self.std)
        return pooled.float(), tokens.float()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images (B, C, H, W) float in [0, 1] -> global (B, D), tokens (B, T, D), both of unit length.

        T = class_token + rows * columns, the class token first.
        """
        pooled, tokens = self.raw(images)
        return unit(pooled), unit(tokens)

    def encode(self, images: Tensor, batch: int | None = None) -> tuple[Tensor, Tensor]:
        """`forward` without gradients, `batch` views at a time; images may live on another device than the encoder.

        images (V, C, H, W) float in [0, 1] -> global (V, D), tokens (V, T, D), on the encoder's device.
        """
        device = self.mean.device
        batch = batch or VIEWS_AT_ONCE.get(device.type, VIEWS_AT_ONCE["cuda"])
        images = images.contiguous(memory_format=torch.channels_last)  # about twice as fast for convolutions on CPU
        with torch.no_grad():  # not inference_mode: trained modules may read these features
            parts = [self(chunk.to(device)) for chunk in images.split(batch)]
        return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])


def unit(features: Tensor) -> Tensor:
    """Every row scaled to length 1 along the last axis."""
    return nn.functional.normalize(features, dim=-1)


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """How a backbone is run; a profile names these and a bundle stores them.

    image_size:             pixels a side, None = what the backbone was trained at
    vv_blocks:              how many of the LAST blocks of a CLIP ViT run V-V attention (AnomalyCLIP's DPAM); 0 = none,
                            None = 19 of 24, the same share of a shallower or deeper tower
    ln_post_global:         ln_post on the global feature, as PointAD and Align3D-AD (AnomalyCLIP leaves it out)
    position_interpolation: "bilinear" (published) or "bicubic", where image_size is not the trained one
    precision:              "float32", or "bfloat16" / "float16" autocast
    style:                  which drawing of a view the tower reads
    """

    image_size: int | None = None
    vv_blocks: int | None = None
    ln_post_global: bool = True
    position_interpolation: str = "bilinear"
    precision: str = "float32"
    style: str = "grey"

    def __post_init__(self) -> None:
        if self.position_interpolation not in ("bilinear", "bicubic"):
            raise UsageError(f"position_interpolation must be bilinear or bicubic, got {self.position_interpolation}")
        if self.precision not in PRECISIONS:
            raise UsageError(f"precision must be one of {', '.join(PRECISIONS)}, got {self.precision}")
        if self.style not in STYLES:
            raise UsageError(f"style must be one of {', '.join(STYLES)}, got {self.style}")
