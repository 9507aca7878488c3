"""How the two stages are trained; the defaults are the published ones but for what is said. Imports nothing heavy."""

from dataclasses import dataclass
from typing import Annotated, Literal

from align3d_cli.helpers.settings import (
    Count,
    Natural,
    NotNegative,
    Positive,
    Range,
    Seed,
    SettingsError,
    check_settings,
)
from align3d_cli.model.settings import TEMPERATURE

Reweighting = Literal["published", "discrepancy", "none"]
ViewAverage = Literal["sample", "published"]
Order = Literal["each epoch", "once"]
PointLoss = Literal["seen points", "all pixels"]
SingleScan = Literal["whole", "rows"]
PromptKind = Literal["auto", "clip", "vectors"]  # through the text tower, or learned directly

MAP_SIZES = Range(8, 4096)  # pixels; the coarsest grid of patches has about 8 rows
Beta = Annotated[float, Range(0, 0.999999)]  # Adam divides by 1 - beta


@dataclass(frozen=True, slots=True)
class AlignSettings:
    """Stage 1: rendering features to the features of coloured views (Align3D-AD, arXiv 2605.05850)."""

    epochs: Annotated[Count, "passes over the samples"] = 250
    reweight_epochs: Annotated[Natural, "how many of the last epochs the weights run in, all where it is more"] = 50
    reweight: Annotated[Reweighting, "form of the consistency weights in the last epochs"] = "published"
    strength: Annotated[NotNegative, "lambda of these weights"] = 1.0
    batch: Annotated[Count, "samples a step"] = 4
    learning_rate: Annotated[Positive, "of Adam"] = 1e-3
    betas: Annotated[tuple[Beta, Beta], "of Adam"] = (0.5, 0.999)
    seed: Annotated[Seed, "of initial weights and sample order"] = 111
    order: Annotated[
        Order, "samples are shuffled anew in each epoch or, as published, once: all epochs have the same batches"
    ] = "each epoch"
    tokens_per_view: Annotated[
        Count | None,
        "tokens drawn of every view in each step, the same of all; None takes all, as published. A tower with "
        "thousands of tokens a view learns as much from an eighth of them",
    ] = None

    def __post_init__(self) -> None:
        check_settings(self)

    def form_at(self, epoch: int) -> Reweighting:
        """The form of the weights in an epoch, counted from 0."""
        return self.reweight if epoch >= self.epochs - self.reweight_epochs else "none"


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """Stage 2: the prompts of both branches on frozen features; as published but for the average over views."""

    epochs: Annotated[Count, "passes over the samples"] = 15
    contrastive_epochs: Annotated[
        Natural, "how many of the last epochs the contrastive loss runs in, all where it is more"
    ] = 5
    alpha: Annotated[NotNegative, "weight of the contrastive loss"] = 0.1
    batch: Annotated[Count, "samples a step"] = 4
    map_px: Annotated[
        Annotated[int, MAP_SIZES] | None, "side of the maps that are compared with the masks; None: of the views"
    ] = None
    temperature: Annotated[Positive, "of the softmax over both prompts; the model's own, see model.settings"] = (
        TEMPERATURE
    )
    view_average: Annotated[
        ViewAverage, "of the object logits: over each sample's views or, as published, across the samples of a batch"
    ] = "sample"
    point_loss: Annotated[
        PointLoss,
        "what the Dice of the point map counts: the points that a view sees or, as published, every pixel of the "
        "resized scan, unseen points and background too",
    ] = "seen points"
    single_scan: Annotated[
        SingleScan,
        "that Dice in a batch of one scan: of the whole map or, as published, the mean of its rows' own (with all "
        "pixels)",
    ] = "whole"
    keep_rendering: Annotated[bool, "leave the model's rendering prompts as they are and train the RGB ones"] = False
    keep_best: Annotated[
        bool, "end with the epoch whose prompts rank the points of the training scans best, not with the last"
    ] = False
    learning_rate: Annotated[Positive, "of Adam"] = 1e-3
    betas: Annotated[tuple[Beta, Beta], "of Adam"] = (0.5, 0.999)
    seed: Annotated[Seed, "of initial prompts and sample order"] = 111
    n_ctx: Annotated[Count, "learned context tokens before the words of a prompt"] = 12
    depth: Annotated[Count, "blocks of the text tower that learned tokens enter, all where it is more"] = 9
    n_deep: Annotated[Natural, "learned tokens in each of these blocks but the first"] = 4

    def __post_init__(self) -> None:
        check_settings(self)
        if self.single_scan == "rows" and self.point_loss != "all pixels":
            raise SettingsError('single_scan "rows": are those of the whole image; give point_loss "all pixels" too')

    def contrasts_at(self, epoch: int) -> bool:
        """Whether the contrastive loss runs in an epoch, counted from 0."""
        return epoch >= self.epochs - self.contrastive_epochs
