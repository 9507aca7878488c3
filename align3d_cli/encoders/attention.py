"""The pre-norm transformer block of CLIP, run on open_clip's weights, with V-V attention beside it where asked for.

Written out (open_clip's block hides its values) and shared by the image and the text tower. L tokens, W width.
"""

from collections.abc import Callable
from typing import Protocol

from torch import Tensor, nn
from torch.nn import functional


class Block(Protocol):
    """open_clip's ResidualAttentionBlock, as far as it is read here."""

    attn: nn.MultiheadAttention
    ln_1: Callable[[Tensor], Tensor]
    ls_1: Callable[[Tensor], Tensor]
    ln_2: Callable[[Tensor], Tensor]
    mlp: Callable[[Tensor], Tensor]
    ls_2: Callable[[Tensor], Tensor]


def in_heads(x: Tensor, heads: int) -> Tensor:
    """(B, L, W) -> (B, heads, L, W / heads)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def project(attention: nn.MultiheadAttention, heads_out: Tensor) -> Tensor:
    """Join the heads and apply the output projection: (B, heads, L, W / heads) -> (B, L, W)."""
    return attention.out_proj(heads_out.transpose(1, 2).flatten(2))


def run_block(block: Block, x: Tensor, mask: Tensor | None = None) -> Tensor:
    """One ordinary residual block: x (B, L, W), mask (L, L) additive or None -> (B, L, W)."""
    query, key, value = _query_key_value(block, x)
    attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return _feed_forward(block, x + block.ls_1(project(block.attn, attended)))


def run_dual_block(block: Block, x: Tensor, rows: int | None = None) -> tuple[Tensor, Tensor]:
    """One block of the dual path (AnomalyCLIP's DPAM, arXiv 2310.18961 section 3.3).

    x: (B, L, W), the ORIGINAL path. Returns (what this block adds to the V-V path (B, L, W), the original path after
    the block). The V-V path attends with softmax(V V^T / sqrt(d_head)) V, V from ln_1 of the original path, through
    the same output projection, and has no feed-forward.
    rows: keep only the first `rows` tokens of the original path, for a last block whose other rows nobody reads.
    """
    query, key, value = _query_key_value(block, x)
    update = project(block.attn, functional.scaled_dot_product_attention(value, value, value))
    attended = functional.scaled_dot_product_attention(query[:, :, :rows], key, value)
    original = x[:, :rows] + block.ls_1(project(block.attn, attended))
    return block.ls_1(update), _feed_forward(block, original)


def _query_key_value(block: Block, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    attention = block.attn
    joint = functional.linear(block.ln_1(x), attention.in_proj_weight, attention.in_proj_bias)
    query, key, value = (in_heads(part, attention.num_heads) for part in joint.chunk(3, dim=-1))
    return query, key, value


def _feed_forward(block: Block, x: Tensor) -> Tensor:
    return x + block.ls_2(block.mlp(block.ln_2(x)))
