"""Where weights and caches lie on this machine."""

import os
from pathlib import Path

DEFAULT_MODEL = "align3d-lite"


def weights_dirs() -> list[Path]:
    """Where shipped and fetched models live, in search order: installed wheel, checkout, the user's cache."""
    package = Path(__file__).resolve().parents[1]
    return [package / "_weights", package.parent / "weights", cache_dir()]


def cache_dir() -> Path:
    """Folder of fetched weights: ALIGN3D_CACHE, else align3d below the user's cache folder."""
    if own := os.environ.get("ALIGN3D_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "align3d"
