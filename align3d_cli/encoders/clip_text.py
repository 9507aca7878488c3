"""CLIP's text tower, read in steps so that prompts can put learned tokens in: embed, run the blocks, pool, project."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from open_clip.model import _build_text_tower  # the text tower alone, without the image tower beside it
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor, nn

from align3d_cli.encoders.attention import run_block
from align3d_cli.encoders.clip_weights import Architecture, Weights, architecture, build_tower
from align3d_cli.encoders.encoder import Foreign, unit
from align3d_cli.encoders.state_files import text_key
from align3d_cli.errors import UsageError


class TextTower(nn.Module):
    """open_clip's TextTransformer, its own weights, our forward. L = context length, W = width, D = joint space."""

    text: Foreign

    def __init__(self, text: Foreign) -> None:
        super().__init__()
        self.text = text
        self.tokenizer = SimpleTokenizer(context_length=text.context_length)  # its vocabulary is in the package

    @property
    def width(self) -> int:
        """W of the token embeddings."""
        return self.text.token_embedding.weight.shape[1]

    @property
    def n_blocks(self) -> int:
        """Number of transformer blocks."""
        return len(self.text.transformer.resblocks)

    @property
    def context_length(self) -> int:
        """L of the sentences it reads."""
        return self.text.context_length

    def tokenize(self, sentences: Sequence[str]) -> Tensor:
        """(B, L) int64 token numbers: start, the words, end, zeros."""
        return self.tokenizer(list(sentences)).to(self.text.positional_embedding.device)

    def embed(self, tokens: Tensor) -> Tensor:
        """Token embeddings, positions not yet added: (B, L) int -> (B, L, W)."""
        return self.text.token_embedding(tokens)

    def encode_embedded(self, embedded: Tensor, tokens: Tensor, deep: Sequence[Tensor] = ()) -> Tensor:
        """Text features of embedded sentences, with deep prompts: -> (B, D) of unit length.

        embedded: (B, L, W); tokens: (B, L) the token numbers, to find the end token
        deep:     (K, W) each; deep[i] replaces positions 1..K at the input of block i + 2 (MaPLe, arXiv 2210.03117)
        """
        read, mask = self._pooled_rows(tokens), self.text.attn_mask
        if mask is not None:  # causal: what stands after the last row that is read changes nothing
            length = max([int(read.max()) + 1, *(1 + len(learned) for learned in deep)])
            embedded, mask = embedded[:, :length], mask[:length, :length]
        x = embedded + self.text.positional_embedding[: embedded.shape[1]]
        for index, block in enumerate(self.text.transformer.resblocks):
            if 0 < index <= len(deep):
                x = _replace_after_start(x, deep[index - 1])
            x = run_block(block, x, mask)
        pooled = x[torch.arange(len(x), device=x.device), read]
        return unit(self._project(self.text.ln_final(pooled)))

    def encode(self, sentences: Sequence[str]) -> Tensor:
        """Text features of plain sentences: (B, D) of unit length."""
        tokens = self.tokenize(sentences)
        return self.encode_embedded(self.embed(tokens), tokens)

    def _pooled_rows(self, tokens: Tensor) -> Tensor:
        """(B,) position of each sentence whose output is its feature: the end token's, for CLIP."""
        kind = self.text.pool_type
        if kind in ("first", "last"):
            return tokens.new_full((len(tokens),), 0 if kind == "first" else tokens.shape[1] - 1)
        ends = tokens if kind == "argmax" else (tokens == self.text.eos_id).int()
        return ends.argmax(dim=-1)

    def _project(self, pooled: Tensor) -> Tensor:
        projection = self.text.text_projection
        if isinstance(projection, nn.Linear):
            return projection(pooled)
        return pooled if projection is None else pooled @ projection


def _replace_after_start(x: Tensor, tokens: Tensor) -> Tensor:
    """x (B, L, W) with positions 1..K replaced by tokens (K, W)."""
    return torch.cat([x[:, :1], tokens.expand(len(x), -1, -1), x[:, 1 + len(tokens) :]], dim=1)


def load_text_tower(
    name: str,
    *,
    device: str | torch.device = "cpu",
    pretrained: str | None = None,
    weights: Weights | None = None,
    config: dict[str, Any] | None = None,
    random_seed: int | None = None,
) -> TextTower:
    """The frozen text tower of an open_clip CLIP model; arguments and errors as `load_encoder`.

    Raises UsageError for a model whose text tower is not CLIP's own (hub transformers, other tokenizers).
    """
    found = architecture(name, pretrained, config, own_file=weights is not None)
    _require_clip_text(found)
    text = build_tower(found, weights, random_seed, _build_text, text_key)
    return TextTower(text).requires_grad_(False).eval().to(device)


def _require_clip_text(found: Architecture) -> None:
    text = found.config["text_cfg"]
    foreign = [key for key in ("hf_model_name", "hf_tokenizer_name", "embed_cls") if text.get(key)]
    if foreign or text.get("vocab_size", 49408) != 49408:
        raise UsageError(
            f"{found.name}: its text tower is not CLIP's ({', '.join(foreign) or 'another vocabulary'}), so prompts "
            f"cannot be written as sentences; train with `--prompts vectors`"
        )


def _build_text(found: Architecture, quick_gelu: bool) -> nn.Module:
    return _build_text_tower(found.config["embed_dim"], found.config["text_cfg"], quick_gelu)
