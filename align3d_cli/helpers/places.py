"""Where weights and caches lie on this machine."""

import os
from pathlib import Path

from align3d_cli.errors import EnvironmentMissing
from align3d_cli.helpers.files import write_bytes

DEFAULT_MODEL = "align3d-lite"
WEIGHTS_VARIABLE = "ALIGN3D_WEIGHTS"  # a file of weights that models were made with, or a folder of such files


def weights_dirs() -> list[Path]:
    """Where shipped and fetched models live, in search order: installed wheel, checkout, the user's cache."""
    package = Path(__file__).resolve().parents[1]
    return [package / "_weights", package.parent / "weights", cache_dir()]


def cache_dir() -> Path:
    """Folder of fetched weights: ALIGN3D_CACHE, else align3d below the user's cache folder."""
    if own := os.environ.get("ALIGN3D_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "align3d"


def given_weights(name: str) -> Path | None:
    """The file that ALIGN3D_WEIGHTS names for weights called `name`; None where it is not set."""
    given = os.environ.get(WEIGHTS_VARIABLE)
    if not given:
        return None
    return Path(given) / name if Path(given).is_dir() else Path(given)


def note_place(sha256: str, path: Path) -> bool:
    """Note in the cache where a file of this hash lies, for this machine alone; False where the cache is closed."""
    try:
        write_bytes(_note(sha256), os.fsencode(path.resolve()), force=True)
    except EnvironmentMissing:
        return False
    return True


def noted_place(sha256: str) -> Path | None:
    """Where a file of this hash lay when it was noted; it may have gone or changed since."""
    note = _note(sha256)
    return Path(os.fsdecode(note.read_bytes())) if note.is_file() else None


def _note(sha256: str) -> Path:
    return cache_dir() / "places" / sha256
