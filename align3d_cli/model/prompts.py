"""The two text vectors a branch compares its features with: learned through a text tower, learned directly, or fixed.

All prompts answer `forward() -> (2, D)` of unit length, row 0 normal, row 1 abnormal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from align3d_cli.encoders.encoder import unit
from align3d_cli.encoders.settings import DeepPrompts
from align3d_cli.errors import UsageError

if TYPE_CHECKING:
    from align3d_cli.encoders.clip_text import TextTower

SENTENCES = ("object.", "damaged object.")  # object-agnostic, AnomalyCLIP (arXiv 2310.18961)
LEARNED_STD = 0.02  # of the initial learned tokens, as CoOp and the released code
STATES = {  # AnomalyCLIP's and WinCLIP's state words, those that make sense for a rendered surface
    "normal": ("{}", "flawless {}", "perfect {}", "unblemished {}", "{} without flaw", "{} without damage"),
    "abnormal": ("damaged {}", "broken {}", "{} with a flaw", "{} with a defect", "{} with damage", "deformed {}"),
}
TEMPLATES = ("a photo of a {}.", "a close-up photo of a {}.", "a grey rendering of a {}.", "a 3D scan of a {}.")


class VectorPrompts(nn.Module):
    """Two vectors learned directly in the joint space, for encoders that have no text tower."""

    def __init__(self, dim: int, init: Tensor | None = None, seed: int = 0) -> None:
        """dim: D. init: (2, D) to start from, e.g. class means; else a normal draw from `seed`."""
        super().__init__()
        if init is None:
            init = torch.randn(2, dim, generator=torch.Generator().manual_seed(seed))
        if init.shape != (2, dim):
            raise ValueError(f"init must be (2, {dim}), got {tuple(init.shape)}")
        self.vectors = nn.Parameter(unit(init.detach().float().clone()))

    def forward(self) -> Tensor:
        """(2, D) of unit length, row 0 normal, row 1 abnormal."""
        return unit(self.vectors)


class FrozenPrompts(nn.Module):
    """Hand-written sentences, nothing learned (CLIP + rendering): each vector is the mean of its sentences."""

    vectors: Tensor

    def __init__(self, tower: TextTower, noun: str = "object") -> None:
        super().__init__()
        with torch.no_grad():
            means = [unit(tower.encode(frozen_sentences(state, noun)).mean(dim=0)) for state in STATES]
        self.register_buffer("vectors", torch.stack(means))

    def forward(self) -> Tensor:
        """(2, D) of unit length, row 0 normal, row 1 abnormal."""
        return self.vectors


def frozen_sentences(state: str, noun: str = "object") -> list[str]:
    """The ensemble of hand-written sentences for state "normal" or "abnormal"."""
    return [template.format(words.format(noun)) for template in TEMPLATES for words in STATES[state]]


class ClipPrompts(nn.Module):
    """Prompts "X x n_ctx object." and "X x n_ctx damaged object." with learned X and compound deep prompts.

    Learned: ctx_pos, ctx_neg (1, 1, n_ctx, W) and compound_prompts_text.i (n_deep, W), i = 0 .. depth - 2, which both
    prompts share and which enter at blocks 2 .. depth. Everything else is the frozen text tower's. State keys are those
    of the released checkpoints of AnomalyCLIP, PointAD and Align3D-AD.
    """

    tokenized_prompts_pos: Tensor
    tokenized_prompts_neg: Tensor

    def __init__(
        self,
        tower: TextTower,
        *,
        n_ctx: int = 12,
        depth: int = 9,
        n_deep: int = 4,
        seed: int = 0,
        sentences: Sequence[str] = SENTENCES,
        deep_prompts: DeepPrompts = "float32",
    ) -> None:
        """sentences: what follows the learned tokens, normal first; deep_prompts: of EncoderSettings

        Raises UsageError for what does not fit.
        """
        super().__init__()
        if not 1 <= depth <= tower.n_blocks:
            raise UsageError(f"prompt depth {depth}: the text tower has {tower.n_blocks} blocks; give 1 to that many")
        self._tower = (tower,)  # in a tuple: frozen, shared between branches, and no part of this module's state
        self.deep_type = torch.float16 if deep_prompts == "float16" else torch.float32
        rng = torch.Generator().manual_seed(seed)
        width = tower.width
        tokens = prompt_tokens(tower.tokenize, n_ctx, sentences)
        embedded = tower.embed(tokens).detach()
        for row, name in enumerate(("pos", "neg")):
            self.register_parameter(f"ctx_{name}", _learned(rng, 1, 1, n_ctx, width))
            self.register_buffer(f"token_prefix_{name}", embedded[row, :1][None, None].clone())
            self.register_buffer(f"token_suffix_{name}", embedded[row, 1 + n_ctx :][None, None].clone())
            self.register_buffer(f"tokenized_prompts_{name}", tokens[row].int()[None, None].clone())
        sets = depth - 1 if n_deep else 0
        self.compound_prompts_text = nn.ParameterList(_learned(rng, n_deep, width) for _ in range(sets))
        self.to(embedded.device)

    @property
    def tower(self) -> TextTower:
        """The frozen text tower the prompts run through."""
        return self._tower[0]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> ClipPrompts:
        """Where the prompts are moved (`.to`, `.cuda`), the tower they run through goes along."""
        self.tower._apply(fn)
        return super()._apply(fn, recurse)

    def forward(self) -> Tensor:
        """(2, D) of unit length, row 0 normal, row 1 abnormal."""
        parts = [
            torch.cat([getattr(self, f"{part}_{name}")[0] for part in ("token_prefix", "ctx", "token_suffix")], dim=1)
            for name in ("pos", "neg")
        ]
        tokens = torch.cat([self.tokenized_prompts_pos[0], self.tokenized_prompts_neg[0]])
        deep = [learned.to(self.deep_type).to(learned.dtype) for learned in self.compound_prompts_text]
        return self.tower.encode_embedded(torch.cat(parts), tokens, deep)


def prompt_tokens(
    tokenize: Callable[[Sequence[str]], Tensor], n_ctx: int, sentences: Sequence[str] = SENTENCES
) -> Tensor:
    """Token numbers of "X x n_ctx" + sentence: (2, L) int, the X only hold the places of the learned tokens.

    Raises UsageError where the words do not fit the context length.
    """
    tokens = tokenize([" ".join(["X"] * n_ctx + [words]) for words in sentences])
    n_words = max(int((tokenize([words]) != 0).sum()) for words in sentences)
    if n_ctx + n_words > tokens.shape[1]:
        raise UsageError(f"{n_ctx} context tokens: only {tokens.shape[1] - n_words} fit before the words; give fewer")
    return tokens


def _learned(rng: torch.Generator, *shape: int) -> nn.Parameter:
    return nn.Parameter(LEARNED_STD * torch.randn(*shape, generator=rng))
