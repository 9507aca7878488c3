"""One picture of all views of a part: each view with its anomaly map laid over, and the colour bar that explains it."""

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from align3d_cli.report.colours import COLOUR_TABLE, UNSEEN_RGB, position_in_limits, score_rgb

# How much of the surface the heat colour hides at the low and at the high limit: a good part keeps its own look
VEIL = (0.30, 0.92)
SHADE = 0.80  # the surface under the veil, darkened so that pale yellow stands out
RELIEF = 0.45  # share of the veil's own light that follows the surface, so that a hot region keeps its shape
CELL_PX = 300  # smaller views are enlarged to this, so that the captions stay readable
GAP_PX = 6
Font = ImageFont.ImageFont | ImageFont.FreeTypeFont  # which of them Pillow gives depends on how it was built
INK, FAINT_INK, PAPER = (32, 36, 48), (112, 118, 132), (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Legend:
    """What the sheet says beside the pictures.

    title, subtitle: one line each, cut to the width; no head at all when the title is empty
    low, high:       the fixed colour limits, in point score units
    """

    title: str
    subtitle: str
    low: float
    high: float


def overlay(images: np.ndarray, maps: np.ndarray, low: float, high: float) -> np.ndarray:
    """Lay anomaly maps over their views; the veil thickens with the score, empty pixels stay white.

    images: (V, 3, H, W) float in [0, 1], white where the view shows no surface
    maps:   (V, H, W) float, anomaly score per pixel, NaN where there is none
    Returns (V, H, W, 3) uint8.
    """
    if images.shape[0] != maps.shape[0] or images.shape[2:] != maps.shape[1:]:
        raise ValueError(f"images {images.shape} and maps {maps.shape} do not belong together")
    surface = np.moveaxis(images, 1, -1).astype(np.float64)
    position = position_in_limits(maps, low, high)
    empty = np.isnan(position) | (surface.min(axis=-1) >= 1.0)
    veil = (VEIL[0] + (VEIL[1] - VEIL[0]) * np.where(empty, 0.0, position))[..., None]
    heat = score_rgb(maps, low, high) / 255.0 * (1.0 - RELIEF + RELIEF * surface.mean(axis=-1, keepdims=True))
    mixed = (1.0 - veil) * SHADE * surface + veil * heat
    return np.rint(np.where(empty[..., None], surface, mixed).clip(0.0, 1.0) * 255).astype(np.uint8)


def view_sheet(images: np.ndarray, maps: np.ndarray, legend: Legend) -> Image.Image:
    """The sheet of V views (arguments as `overlay`) with title, captions and colour bar, as an RGB picture."""
    cells = overlay(np.asarray(images), np.asarray(maps), legend.low, legend.high)
    columns = ceil(sqrt(len(cells)))
    rows = ceil(len(cells) / columns)
    width_px, height_px = _cell_size(cells)
    head_px, foot_px = (58 if legend.title else GAP_PX), 62
    sheet_width = columns * (width_px + GAP_PX) + GAP_PX
    sheet = Image.new("RGB", (sheet_width, head_px + rows * (height_px + GAP_PX) + foot_px), PAPER)
    draw = ImageDraw.Draw(sheet)
    if legend.title:
        _write_head(draw, legend, sheet_width)
    for view, cell in enumerate(cells):
        x = GAP_PX + view % columns * (width_px + GAP_PX)
        y = head_px + view // columns * (height_px + GAP_PX)
        sheet.paste(Image.fromarray(cell).resize((width_px, height_px), Image.Resampling.BICUBIC), (x, y))
        draw.rectangle((x, y, x + width_px - 1, y + height_px - 1), outline=(226, 229, 235))
        draw.text((x + 7, y + 4), f"view {view}", FAINT_INK, _font(12))
    _draw_bar(sheet, draw, legend, sheet.height - foot_px + 8)
    return sheet


def _cell_size(cells: np.ndarray) -> tuple[int, int]:
    """(width, height) in px of one cell; keeps the aspect of (V, H, W, 3) cells."""
    height, width = cells.shape[1:3]
    enlarge = max(1.0, CELL_PX / width)
    return round(width * enlarge), round(height * enlarge)


def _font(size_px: int) -> Font:
    return ImageFont.load_default(size_px)


def _fit(draw: ImageDraw.ImageDraw, text: str, font: Font, width_px: float) -> str:
    """The text, its middle cut out when it is too wide: both the folder's start and the file's end stay."""
    keep = len(text)
    short = text
    while draw.textlength(short, font) > width_px and keep > 8:
        keep -= 1
        short = f"{text[: keep // 2]}…{text[len(text) - keep + keep // 2 :]}"
    return short


def _write_head(draw: ImageDraw.ImageDraw, legend: Legend, width_px: int) -> None:
    room = width_px - 4 * GAP_PX
    draw.text((2 * GAP_PX, 9), _fit(draw, legend.title, _font(20), room), INK, _font(20))
    draw.text((2 * GAP_PX, 36), _fit(draw, legend.subtitle, _font(13), room), FAINT_INK, _font(13))


def _draw_bar(sheet: Image.Image, draw: ImageDraw.ImageDraw, legend: Legend, top: int) -> None:
    """The colour bar with its limits and what grey means."""
    left, width, height = 2 * GAP_PX, min(sheet.width - 190, 520), 16
    bar = Image.fromarray(COLOUR_TABLE[None]).resize((width, height), Image.Resampling.BILINEAR)
    sheet.paste(bar, (left, top))
    below = top + height + 5
    draw.text((left, below), f"{legend.low:.2f} or less", FAINT_INK, _font(13))
    draw.text((left + width / 2, below), "anomaly score of a point", FAINT_INK, _font(13), anchor="ma")
    draw.text((left + width, below), f"{legend.high:.2f} or more", FAINT_INK, _font(13), anchor="ra")
    grey = left + width + 24
    draw.rectangle((grey, top, grey + height, top + height), fill=UNSEEN_RGB)
    draw.text((grey + height + 8, top + 1), "no score", FAINT_INK, _font(13))
