"""Scores to colours with fixed limits: the same score has the same colour on every part.

The map runs from navy over violet, red and orange to pale yellow. Its lightness (OKLab L) rises evenly, so it keeps
its order in grey print and for colour-blind readers; unseen points are a neutral grey that the map never holds.
"""

import numpy as np

UNSEEN_RGB = (150, 150, 150)  # no hue: cannot be mistaken for a score
# OKLab hue in degrees and chroma along the map; lightness is even between LIGHTNESS's ends
LIGHTNESS = (0.40, 0.95)
HUES_DEG = (268.0, 300.0, 345.0, 390.0, 412.0, 465.0)
CHROMAS = (0.120, 0.175, 0.185, 0.185, 0.165, 0.120)
STEPS = 256
# Of regions on a page, one after the other: told apart by every kind of colour vision (Okabe and Ito 2008, "Color
# universal design"), without the black and the grey of that set, which surfaces have
REGION_RGB = (
    (213, 94, 0),
    (86, 180, 233),
    (240, 228, 66),
    (0, 158, 115),
    (204, 121, 167),
    (230, 159, 0),
    (0, 114, 178),
)


def _srgb_from_oklab(lab: np.ndarray) -> np.ndarray:
    """(K, 3) OKLab -> (K, 3) sRGB in [0, 1], clipped to the gamut. Ottosson 2020, "A perceptual color space"."""
    lms_from_lab = np.array(
        [[1.0, 0.3963377774, 0.2158037573], [1.0, -0.1055613458, -0.0638541728], [1.0, -0.0894841775, -1.2914855480]]
    )
    rgb_from_lms = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip((lab @ lms_from_lab.T) ** 3 @ rgb_from_lms.T, 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _build_table() -> np.ndarray:
    """(STEPS, 3) uint8, the map from low to high."""
    position = np.linspace(0.0, 1.0, STEPS)
    anchors = np.linspace(0.0, 1.0, len(HUES_DEG))
    hue = np.deg2rad(np.interp(position, anchors, HUES_DEG))
    chroma = np.interp(position, anchors, CHROMAS)
    lightness = LIGHTNESS[0] + position * (LIGHTNESS[1] - LIGHTNESS[0])
    rgb = _srgb_from_oklab(np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=1))
    return np.rint(rgb * 255).astype(np.uint8)


COLOUR_TABLE = _build_table()


def position_in_limits(scores: np.ndarray, low: float, high: float) -> np.ndarray:
    """Where scores (any shape) lie between the limits, float in [0, 1]; NaN stays NaN.

    Raises ValueError unless low < high.
    """
    if not low < high:
        raise ValueError(f"colour limits must rise, got {low} and {high}")
    return np.clip((np.asarray(scores, dtype=np.float64) - low) / (high - low), 0.0, 1.0)


def score_rgb(scores: np.ndarray, low: float, high: float) -> np.ndarray:
    """Colour scores with fixed limits.

    scores:    (...) float, NaN where nothing was seen
    low, high: the limits stored with the model, in score units; scores outside take the end colours
    Returns (..., 3) uint8 RGB, UNSEEN_RGB where the score is NaN.
    """
    position = position_in_limits(scores, low, high)
    unseen = np.isnan(position)
    step = np.rint(np.where(unseen, 0.0, position) * (STEPS - 1)).astype(np.intp)
    rgb = COLOUR_TABLE[step]
    rgb[unseen] = UNSEEN_RGB
    return rgb
