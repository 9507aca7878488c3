"""Where a model lies, by name or path: found before torch is loaded."""

from difflib import get_close_matches
from pathlib import Path

from align3d_cli.errors import EnvironmentMissing
from align3d_cli.helpers.places import weights_dirs
from align3d_cli.io.read import SCAN_SUFFIXES

SUFFIX = ".safetensors"
METADATA_KEY = "align3d"  # of a model's settings in the header of its file


def find_model(name_or_path: str | Path) -> Path:
    """Path of a model given by path or by the name of an installed one; EnvironmentMissing when there is none."""
    given = Path(name_or_path)
    if given.suffix.lower() in SCAN_SUFFIXES:
        raise EnvironmentMissing(f"{given}: is a scan, not a model; name an installed model or a {SUFFIX} file")
    if given.suffix == SUFFIX or given.parent != Path():
        try:
            there = given.is_file()
        except OSError:  # a name too long for any file
            there = False
        if not there:
            raise EnvironmentMissing(f"{given}: no such model file; `align3d weights list` shows what is installed")
        return given
    for folder in weights_dirs():
        candidate = folder / f"{name_or_path}{SUFFIX}"
        try:
            if candidate.is_file():
                return candidate
        except OSError:  # a name too long for any file, a folder that may not be searched
            continue
    close = get_close_matches(str(name_or_path), installed(), n=1, cutoff=0.8)  # a slip of the pen, no other name
    meant = f"did you mean {close[0]}? " if close else ""
    step = f"{meant}`align3d weights list` shows what is"
    raise EnvironmentMissing(f"model {str(name_or_path)!r} is not installed; {step}")


def installed() -> list[str]:
    """Names of the models and weights that are here, sorted."""
    return sorted({path.stem for folder in weights_dirs() for path in folder.glob(f"*{SUFFIX}")})
