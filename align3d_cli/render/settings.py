"""How a cloud becomes images: which views of it are drawn, and what they show. Imports nothing heavy."""

import re
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from align3d_cli.helpers.settings import Range, SettingsError, check_settings

Style = Literal["grey", "colour", "normal", "depth", "geometry"]
Camera = Literal["fitted", "pointad"]
Look = Literal["closed", "published"]
Visibility = Literal["depth tolerance", "one per pixel"]
Input = Literal["all points", "size of a view"]
Pixels = Literal["exact", "published"]
Blend = Literal["whole pixels", "gradual"]
Frame = Literal["file", "scan"]

PUBLISHED_COUNT = 9  # views of every published preset
VIEW_LIMIT = 1000  # 0.5 GB of pictures at 336 px; presets have 9 to 27 views
SIZES = Range(16, 4096)  # pixels; a picture of 4096 has four times the points of the largest published scans
PRESET = re.compile(r"auto|mvtec|eyecandies|real3d|(?:sphere|around|facing|front(?:[+-][xyz])?):([1-9][0-9]*)")
PRESETS = "auto, mvtec, eyecandies, real3d, sphere:N or front:N"


@dataclass(frozen=True, slots=True)
class ViewSettings:
    """Which views of a scan are drawn, and how. Raises SettingsError for words and numbers that cannot be meant."""

    preset: Annotated[str, "auto (front or sphere, from the scan), or directions by name, see render.cameras"] = "auto"
    count: Annotated[int, Range(1, VIEW_LIMIT), "number of views where the preset leaves it open"] = PUBLISHED_COUNT
    size_px: Annotated[int, SIZES, "height and width of a view"] = 336
    camera: Annotated[
        Camera, "fitted: orthographic, rolled until the scan fills the image; pointad: the published perspective"
    ] = "fitted"
    look: Annotated[
        Look,
        "of grey and coloured views; closed: the surface between the points is filled; published: square points in a "
        "larger window, which sparse scans show through, under the published lights",
    ] = "closed"
    visibility: Annotated[
        Visibility,
        "the points that a view scores: all on the visible surface (depth tolerance), or the nearest one per pixel, as "
        "the published z-buffer",
    ] = "depth tolerance"
    input: Annotated[
        Input,
        "the points that are drawn: all, or size of a view: organised scans resized to size_px x size_px (nearest), "
        "others resampled to as many points, as published",
    ] = "all points"
    pixels: Annotated[
        Pixels,
        "where a point is read: exact, the pixel that holds it; published: half a pixel of the larger window to the "
        "upper left, and on the border for points outside the view",
    ] = "exact"
    frame: Annotated[Frame, "what auto lays its views in: the axes of the file, or of the scan itself"] = "file"
    blend: Annotated[Blend, "how wide points are blended: by whole pixels, or as far as they lie apart"] = (
        "whole pixels"
    )

    def __post_init__(self) -> None:
        check_settings(self)
        known = PRESET.fullmatch(self.preset)
        if known is None:
            raise SettingsError(f"{self.preset} is no preset of views; use {PRESETS}")
        if known[1] and (len(known[1]) > len(str(VIEW_LIMIT)) or int(known[1]) > VIEW_LIMIT):
            raise SettingsError(f"{self.preset} are too many views; use {VIEW_LIMIT} at most")
        if "published" in (self.look, self.pixels) and self.camera != "pointad":
            raise SettingsError("published look and pixels are of the published camera; use camera pointad with them")


def with_views(settings: ViewSettings, asked: str | None) -> ViewSettings:
    """The settings with what `--views` asks for: a number of views, else a preset's name; None leaves them.

    Raises SettingsError for what is neither.
    """
    if asked is None:
        return settings
    if re.fullmatch(r"[0-9]{1,9}", asked):
        return replace(settings, count=int(asked))
    return replace(settings, preset=asked)
