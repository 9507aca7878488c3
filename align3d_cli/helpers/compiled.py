"""Compiled code kept on disk from one start to the next, and believed only while it is what was written.

numba unpickles and runs whatever lies in its cache: a damaged file ends every later call in a traceback, an abort or
wrong numbers. So the SHA-256 of a function's files stands beside them; what differs is removed and compiled anew.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numba as nb

from align3d_cli.errors import EnvironmentMissing
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.helpers.files import write_bytes

State = Literal["kept", "new", "mended", "closed"]
PYTHON = f"py{sys.version_info[0]}{sys.version_info[1]}"  # of other versions the files are another's to judge

states: dict[str, tuple[State, Path | None]] = {}
"""By function what became of its files and their folder: loaded ("kept"), written ("new"), written in place of damaged
ones ("mended"), or not kept, for their folder cannot be written ("closed")."""

WORDS: dict[State, str] = {
    "closed": "compiled at every start, for no folder can keep it; let NUMBA_CACHE_DIR name one that can be written",
    "mended": "what was kept was damaged and is compiled anew",
    "new": "compiled for the first time",
    "kept": "compiled before",
}  # the first that holds for a function is told of all


def told() -> str:
    """What became of the compiled code of this process, in words."""
    worst = next((state for state in WORDS if state in {found[0] for found in states.values()}), None)
    folders = sorted({str(folder) for _, folder in states.values() if folder is not None})
    return "nothing is compiled" if worst is None else " ".join([WORDS[worst], *(f"({name})" for name in folders)])


def compiled(signature: Any) -> Callable[[Callable], Any]:
    """Compile a function now, or load what was compiled before; the code works too where no file can be kept.

    It holds no lock, and divides as numpy does, without a check for zero.
    """

    def compile_it(function: Callable) -> Any:
        folder = _folder_of(function)
        if folder is None:
            return _uncached(signature, function, folder)
        was_whole = is_whole(folder, function)
        if not was_whole and not _removed(folder, function):
            return _uncached(signature, function, folder)
        try:
            found = nb.njit(signature, nogil=True, error_model="numpy", cache=True)(function)
        except (RuntimeError, OSError):  # no place for files after all: a full disk
            return _uncached(signature, function, folder)
        if getattr(found, "stats", None) and found.stats.cache_misses:
            _write_sums(folder, function)
            states[function.__name__] = ("new" if was_whole else "mended", folder)
        else:
            states[function.__name__] = ("kept", folder)
        return found

    return compile_it


def _uncached(signature: Any, function: Callable, folder: Path | None) -> Any:
    states[function.__name__] = ("closed", folder)
    return nb.njit(signature, nogil=True, error_model="numpy")(function)


def _folder_of(function: Callable) -> Path | None:
    """Where numba keeps what it compiles of the function; None where it finds no folder that can be written."""
    try:
        return Path(nb.njit(cache=True)(function).stats.cache_path or "")
    except (RuntimeError, OSError, AttributeError):  # the last where numba is told to compile nothing
        return None


def files_of(folder: Path, function: Callable) -> list[Path]:
    """numba's index and code of a function for this Python, sorted."""
    return sorted(folder.glob(f"{_stem(function)}-*.{PYTHON}*.nb[ic]"))


def sums_of(folder: Path, function: Callable) -> Path:
    """Where the hashes of these files stand."""
    return folder / f"{_stem(function)}.{PYTHON}.sha256"


def _stem(function: Callable) -> str:
    return f"{Path(function.__code__.co_filename).stem}.{function.__qualname__}"


def is_whole(folder: Path, function: Callable) -> bool:
    """Whether the function's files are those that were written; so is a folder that holds none."""
    try:
        there = files_of(folder, function)
        return not there or _lines(there) == sums_of(folder, function).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def _lines(files: list[Path]) -> str:
    return "".join(f"{sha256_of(path)}  {path.name}\n" for path in files)


def _write_sums(folder: Path, function: Callable) -> None:
    with suppress(OSError, EnvironmentMissing):  # without sums the files are compiled anew at the next start
        write_bytes(sums_of(folder, function), _lines(files_of(folder, function)).encode(), force=True)


def _removed(folder: Path, function: Callable) -> bool:
    """Remove the function's files; False where they cannot be."""
    try:
        for path in files_of(folder, function):
            path.unlink(missing_ok=True)
    except OSError:
        return False
    return True
