"""Line charts and histograms drawn with Pillow: small, sharp, no plotting library."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

INK, FAINT, GRID, PAPER = (32, 36, 48), (112, 118, 132), (228, 231, 236), (255, 255, 255)
# Okabe and Ito, "Color Universal Design" (2008): told apart by colour-blind readers too
COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0))
SCALE = 2  # drawn at twice the size and reduced, for smooth lines
PANEL = (340, 300)  # width and height of a panel in pixels, margins included
MARGIN = (54, 34, 14, 44)  # left, top, right, bottom
BINS = 40


@dataclass(frozen=True, slots=True)
class Line:
    """One curve. x, y: (K,) float; colour: RGB; label: for the legend, "" to leave it out."""

    x: np.ndarray
    y: np.ndarray
    colour: tuple[int, int, int]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart. xlim, ylim: (low, high) of the axes; legend: "inside" at the bottom right or "above" the chart."""

    title: str
    xlabel: str
    ylabel: str
    lines: Sequence[Line]
    xlim: tuple[float, float] = (0.0, 1.0)
    ylim: tuple[float, float] = (0.0, 1.0)
    legend: str = "inside"


def bin_counts(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """(BINS,) int, how many of the values (N,) lie in each of the even bins over [low, high]; NaN is in none."""
    return np.histogram(values[np.isfinite(values)], BINS, (low, high))[0]


def histogram(counts: np.ndarray, low: float, high: float, colour: tuple[int, int, int], label: str) -> Line:
    """The outline of a histogram from its `bin_counts` over [low, high], highest bar at 1."""
    shares = counts / max(counts.max(), 1)
    x = np.repeat(np.linspace(low, high, BINS + 1), 2)
    return Line(x, np.concatenate([[0.0], np.repeat(shares, 2), [0.0]]), colour, label)


def limits_of(parts: Iterable[np.ndarray]) -> tuple[float, float]:
    """Rising limits that hold all finite values of all parts (N,), which may come one at a time."""
    low, high = np.inf, -np.inf
    for values in parts:
        known = values[np.isfinite(values)]
        low, high = min(low, known.min(initial=np.inf)), max(high, known.max(initial=-np.inf))
    if low > high:
        return 0.0, 1.0
    return float(low), float(high if high > low else low + 1.0)


def draw_panels(title: str, rows: Sequence[Sequence[Panel]]) -> Image.Image:
    """A figure of panels in rows, with a title, as an RGB picture."""
    columns, head = max(len(row) for row in rows), 34
    size = (columns * PANEL[0], head + len(rows) * PANEL[1])
    image = Image.new("RGB", (size[0] * SCALE, size[1] * SCALE), PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((14 * SCALE, 10 * SCALE), title, INK, _font(16))
    for row, panels in enumerate(rows):
        for column, panel in enumerate(panels):
            _draw_panel(draw, panel, column * PANEL[0], head + row * PANEL[1])
    return image.resize(size, Image.Resampling.LANCZOS)


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size * SCALE)


def _draw_panel(draw: ImageDraw.ImageDraw, panel: Panel, left: int, top: int) -> None:
    box = (left + MARGIN[0], top + MARGIN[1], left + PANEL[0] - MARGIN[2], top + PANEL[1] - MARGIN[3])
    draw.text((box[0] * SCALE, (top + 12) * SCALE), panel.title, INK, _font(13))
    _draw_axes(draw, panel, box)
    for line in panel.lines:
        x, y = _place(panel, box, line.x, line.y)
        draw.line(list(zip(x.tolist(), y.tolist(), strict=True)), line.colour, 2 * SCALE, joint="curve")
    _draw_legend(draw, panel, box)


def _place(panel: Panel, box: tuple[int, int, int, int], x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Data to pixels of the enlarged picture, cut at the limits."""
    (x0, x1), (y0, y1) = panel.xlim, panel.ylim
    along = np.clip((np.asarray(x, float) - x0) / (x1 - x0), 0, 1)
    up = np.clip((np.asarray(y, float) - y0) / (y1 - y0), 0, 1)
    return (box[0] + along * (box[2] - box[0])) * SCALE, (box[3] - up * (box[3] - box[1])) * SCALE


def _draw_axes(draw: ImageDraw.ImageDraw, panel: Panel, box: tuple[int, int, int, int]) -> None:
    for share in np.linspace(0, 1, 6):
        x = panel.xlim[0] + share * (panel.xlim[1] - panel.xlim[0])
        y = panel.ylim[0] + share * (panel.ylim[1] - panel.ylim[0])
        (px,), (py,) = _place(panel, box, np.array([x]), np.array([y]))
        draw.line((px, box[1] * SCALE, px, box[3] * SCALE), GRID, SCALE)
        draw.line((box[0] * SCALE, py, box[2] * SCALE, py), GRID, SCALE)
        draw.text((px, (box[3] + 5) * SCALE), _tick(x, panel.xlim), FAINT, _font(10), anchor="ma")
        draw.text(((box[0] - 5) * SCALE, py), _tick(y, panel.ylim), FAINT, _font(10), anchor="rm")
    draw.rectangle([side * SCALE for side in box], outline=FAINT, width=SCALE)
    middle = (box[0] + box[2]) / 2 * SCALE
    draw.text((middle, (box[3] + 20) * SCALE), f"{panel.xlabel}   (up: {panel.ylabel})", FAINT, _font(11), anchor="ma")


def _tick(value: float, limits: tuple[float, float]) -> str:
    """A number at an axis; what is next to nothing beside the axis' length is 0."""
    return "0" if abs(value) < 1e-3 * (limits[1] - limits[0]) else f"{value:.3g}"


def _draw_legend(draw: ImageDraw.ImageDraw, panel: Panel, box: tuple[int, int, int, int]) -> None:
    labels = {line.label: line.colour for line in panel.lines if line.label}
    y = box[3] - 8 - 15 * len(labels) if panel.legend == "inside" else box[1] - 4 - 15 * len(labels)
    for label, colour in labels.items():
        draw.line(((box[2] - 22) * SCALE, (y + 7) * SCALE, (box[2] - 8) * SCALE, (y + 7) * SCALE), colour, 3 * SCALE)
        draw.text(((box[2] - 27) * SCALE, (y + 7) * SCALE), label, INK, _font(11), anchor="rm")
        y += 15
