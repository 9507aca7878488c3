"""Where a model lies, by name or path: found before torch is loaded."""

from difflib import get_close_matches
from pathlib import Path

from align3d_cli.errors import EnvironmentMissing, UsageError
from align3d_cli.helpers.places import weights_dirs
from align3d_cli.io.read import SCAN_SUFFIXES

SUFFIX, ONNX_SUFFIX = ".safetensors", ".onnx"  # of a model, and of an exported one
SUFFIXES = (SUFFIX, ONNX_SUFFIX)  # in the order in which a name is looked for
METADATA_KEY = "align3d"  # of a model's settings in the header of its file


def find_model(name_or_path: str | Path) -> Path:
    """Path of a model given by path or by the name of an installed one; EnvironmentMissing when there is none."""
    given = Path(name_or_path)
    if given.suffix.lower() in SCAN_SUFFIXES:
        raise EnvironmentMissing(f"{given}: is a scan, not a model; name an installed model or a {SUFFIX} file")
    if given.suffix in SUFFIXES or given.parent != Path():
        try:
            there = given.is_file()
        except OSError:  # a name too long for any file
            there = False
        if not there:
            raise EnvironmentMissing(f"{given}: no such model file; `align3d weights list` shows what is installed")
        return given
    for folder in weights_dirs():
        try:
            for candidate in (folder / f"{name_or_path}{suffix}" for suffix in SUFFIXES):
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
    there = (path for folder in weights_dirs() for suffix in SUFFIXES for path in folder.glob(f"*{suffix}"))
    return sorted({path.stem for path in there})


def check_out(out: Path, model: Path | None = None) -> None:
    """Raise UsageError for a name that no model is found by, and for an .onnx that no exported model goes into.

    model: the file of the model that is changed and written; None where one is made
    """
    if out.suffix not in SUFFIXES:
        raise UsageError(f"--out {out}: names no model; let it end with {SUFFIX}")
    if out.suffix == ONNX_SUFFIX and (model is None or model.suffix != ONNX_SUFFIX):
        raise UsageError(f"{out}: `align3d export` alone makes an {ONNX_SUFFIX}; name a {SUFFIX} file, and export that")
