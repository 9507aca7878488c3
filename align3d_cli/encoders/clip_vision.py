"""CLIP's vision transformer with V-V attention in its last blocks (PointAD, AnomalyCLIP, Align3D-AD)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from align3d_cli.encoders.attention import run_block, run_dual_block
from align3d_cli.encoders.encoder import Encoder, EncoderSpec, Foreign
from align3d_cli.encoders.settings import EncoderSettings
from align3d_cli.errors import UsageError

PUBLISHED_SHARE = 19 / 24  # "DPAM_layer 20" counts from the top: the last 19 of the 24 blocks of ViT-L


def supports_vv(visual: Foreign) -> bool:
    """Whether an open_clip image tower is a CLIP ViT whose blocks hold plain query, key and value projections."""
    blocks = getattr(getattr(visual, "transformer", None), "resblocks", None)
    pooled_by_attention = getattr(visual, "attn_pool", None) is not None
    plain = blocks is not None and all(isinstance(block.attn, nn.MultiheadAttention) for block in blocks)
    return plain and not pooled_by_attention and hasattr(visual, "class_embedding")


def vv_block_count(wanted: int | None, layers: int) -> int:
    """How many of the last blocks run V-V attention: `wanted`, or the published share of `layers`."""
    if wanted is None:
        return round(layers * PUBLISHED_SHARE)
    if not 0 <= wanted <= layers:
        raise UsageError(f"vv_blocks is {wanted}, but this backbone has {layers} blocks; give 0 to {layers}")
    return wanted


def resize_positions(
    positions: Tensor, grid: tuple[int, int], mode: str, trained: tuple[int, int] | None = None
) -> Tensor:
    """Position embedding on another grid: (1 + P, W), class row first -> (1 + rows * columns, W).

    trained: (rows, columns) of the P patches it was learned for, None where that grid is square
    mode: "bilinear", as AnomalyCLIP and PointAD, or "bicubic"; align_corners off, no antialiasing.
    """
    side = round((positions.shape[0] - 1) ** 0.5)
    trained = trained or (side, side)
    if grid == trained:
        return positions
    learned = positions[1:].reshape(1, *trained, -1).permute(0, 3, 1, 2)
    resized = functional.interpolate(learned.float(), size=grid, mode=mode, align_corners=False)
    return torch.cat([positions[:1], resized[0].flatten(1).T.to(positions.dtype)])


class ClipViT(Encoder):
    """open_clip's VisionTransformer, its own weights, our forward.

    tokens: the class row and the patches of the V-V path (of the ordinary path where vv_blocks is 0), ln_post, proj.
    global: the class row of the original path (or the mean of its patches where the model pools so), ln_post, proj.
    """

    visual: Foreign
    positions: Tensor

    def __init__(self, visual: Foreign, spec: EncoderSpec, settings: EncoderSettings) -> None:
        super().__init__(spec, settings.precision)
        self.visual = visual
        self.vv_blocks = vv_block_count(settings.vv_blocks, len(visual.transformer.resblocks))
        self.ln_post_global = settings.ln_post_global
        self.pools_patches = getattr(visual, "pool_type", "tok") == "avg"
        trained = tuple(visual.grid_size)
        positions = visual.positional_embedding.data
        positions = resize_positions(positions, spec.grid, settings.position_interpolation, trained)
        self.register_buffer("positions", positions, persistent=False)

    @staticmethod
    def grid_of(visual: Foreign, image_size: int) -> tuple[int, int]:
        """(rows, columns) of the patches of an image of `image_size` pixels a side."""
        high, wide = visual.conv1.kernel_size
        return image_size // high, image_size // wide

    def embed(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 1 + P, W): patches after the class row, with positions, before block 1."""
        patches = self.visual.conv1(images).flatten(2).transpose(1, 2)
        class_row = self.visual.class_embedding.to(patches.dtype).expand(patches.shape[0], 1, -1)
        return self.visual.ln_pre(torch.cat([class_row, patches], dim=1) + self.positions)

    def paths(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) -> both paths after the last block: original (B, 1 or 1 + P, W), V-V (B, 1 + P, W).

        The original path keeps only its class row where nothing else of it is read.
        """
        blocks = self.visual.transformer.resblocks
        first = len(blocks) - self.vv_blocks
        original = self.embed(images)
        for block in blocks[:first]:
            original = run_block(block, original)
        tokens = original
        for index in range(first, len(blocks)):
            only_class_row = index == len(blocks) - 1 and not self.pools_patches
            update, original = run_dual_block(blocks[index], original, 1 if only_class_row else None)
            tokens = tokens + update
        return original, tokens

    def features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images (B, 3, H, W), normalised -> global (B, D) and tokens (B, 1 + P, D), not of unit length."""
        original, tokens = self.paths(images)
        return self._into_joint_space(self._pool(original)), self._into_joint_space(self.visual.ln_post(tokens))

    def _pool(self, original: Tensor) -> Tensor:
        norm = self.visual.ln_post if self.ln_post_global else nn.Identity()
        rows = original[:, 1:] if self.pools_patches else original[:, :1]
        after = getattr(self.visual, "final_ln_after_pool", False)
        return norm(rows.mean(dim=1)) if after else norm(rows).mean(dim=1)

    def _into_joint_space(self, x: Tensor) -> Tensor:
        return x if self.visual.proj is None else x @ self.visual.proj
