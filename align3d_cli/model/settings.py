"""What can be asked of a model: where it runs, and how view probabilities become scores. Imports nothing heavy."""

from dataclasses import dataclass
from typing import Annotated, Literal

from align3d_cli.helpers.settings import NotNegative, Positive, Range, Share, check_settings

Device = Literal["auto", "cpu", "cuda", "mps"]  # auto takes CUDA where there is a GPU; mps is Apple's
Branch = Literal["rendering", "rgb"]
ObjectForm = Literal["max+global", "max", "top"]
ViewWeight = Literal["uniform", "incidence"]
Unseen = Literal["nearest", "array neighbour"]
Again = Literal["never", "always", "mvtec", "mvtec and eyecandies"]  # the last two by the published views of the scan
Smoothing = Literal["neighbours", "grid"]

TEMPERATURE = 0.07  # CLIP's initial temperature, which PointAD and Align3D-AD keep fixed
POWERS = Range(1, 8)  # of the mean over views; beyond, the mean is the maximum in all but name
SomeShare = Annotated[float, Range(above=0, most=1)]


@dataclass(frozen=True, slots=True)
class ScoringSettings:
    """How view probabilities become scores of points and of the scan (Align3D-AD section 3.4, PointAD section 3.3)."""

    temperature: Annotated[Positive, "of the softmax over the cosines with the normal and the abnormal prompt"] = (
        TEMPERATURE
    )
    rgb_weight_point: Annotated[Share, "share of the RGB-aligned branch in the point map"] = 0.5
    rgb_weight_object: Annotated[Share, "share of that branch in the object score"] = 0.5
    object_form: Annotated[
        ObjectForm,
        "max+global: max of the map plus the mean global probability, as published; max: that of the map alone; top: "
        "mean of the highest top_share of the points",
    ] = "max+global"
    top_share: Annotated[SomeShare, "of the points, in the form top"] = 0.005
    wide_share: Annotated[
        SomeShare, "of the points whose mean counts wide_weight in the form top, the mean of the top_share the rest"
    ] = 0.1
    wide_weight: Annotated[
        Share, "above 0 a defect that does not reach the hottest spot of its part still raises the score"
    ] = 0.0
    view_weight: Annotated[ViewWeight, "of each view of a point; incidence: cosine of view and surface"] = "uniform"
    view_power: Annotated[
        Annotated[float, POWERS],
        "of the mean over the views that see a point: 1, as published, for the plain mean; 2 for the root of the mean "
        "square, which a view that is sure of a defect moves further",
    ] = 1.0
    smooth: Annotated[Share, "radius of the smoothing over neighbours as a share of the scan's extent; 0 for none"] = (
        0.0
    )
    object_max_weight: Annotated[
        NotNegative, "of the first term of max+global (Align3D-AD 1, PointAD 0.5)"
    ] = 1.0  # fmt: skip
    object_view_weight: Annotated[NotNegative, "of its second term (Align3D-AD 1, PointAD 0.5)"] = 1.0
    unseen: Annotated[
        Unseen,
        "points that no view sees get the value of the nearest seen point in space, or, as published, are read in the "
        "views that see the nearest seen point in the order of the array",
    ] = "nearest"
    smoothing: Annotated[
        Smoothing, "over neighbours in space, or over the grid of an organised scan as an image, as published"
    ] = "neighbours"
    smooth_sigma_px: Annotated[Positive, "sigma of the smoothing over the grid, in pixels of a view"] = 4.0
    smooth_fused: Annotated[
        Again, "whether the point map is smoothed once more after the branches are fused; published for mvtec"
    ] = "never"
    smooth_object: Annotated[
        Again,
        "whether the map that the object score is taken from is smoothed once more; published for all but real3d and "
        "the scripts of cookie and dowel",
    ] = "never"
    level_share: Annotated[
        Share,
        "of the scan's median point score, taken off every point of the map, not off the object score; 0: as published",
    ] = 0.0

    def __post_init__(self) -> None:
        check_settings(self)
