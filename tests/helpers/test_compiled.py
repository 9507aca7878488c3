"""Compiled code on disk is believed only while it is what was written; whatever became of it, the code works."""

import importlib.util
import itertools
import random

import pytest

from align3d_cli.helpers import compiled
from align3d_cli.helpers.compiled import files_of, sums_of, told

SOURCE = """
import numba as nb
from align3d_cli.helpers.compiled import compiled

@compiled(nb.int64(nb.int64))
def twice(number):
    return 2 * number
"""
NAMES = itertools.count()


@pytest.fixture
def start(tmp_path, monkeypatch):
    """`start()`: the module is loaded as by a new process; gives the compiled function and what became of its files."""
    source = tmp_path / "own.py"
    source.write_text(SOURCE)

    def run():
        monkeypatch.setattr(compiled, "states", {})
        spec = importlib.util.spec_from_file_location(f"own_{next(NAMES)}", source)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module.twice(21) == 42
        return module.twice, compiled.states["twice"][0]

    return run


def kept(start):
    """A whole set of files: the function, its folder, index and code."""
    function, state = start()
    folder = compiled.states["twice"][1]
    code, index = files_of(folder, function.py_func)
    assert state == "new" and code.suffix == ".nbc" and index.suffix == ".nbi"
    return function.py_func, folder, code, index


def test_what_was_compiled_is_loaded_at_the_next_start(start):
    """The first start compiles, the second loads, and both say so."""
    assert start()[1] == "new" and "first time" in told()
    assert start()[1] == "kept" and "compiled before" in told()


def flip(data: bytes) -> bytes:
    """One bit of the second half, where code and data are, is another."""
    at = len(data) * 3 // 4
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]


DAMAGES = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "without its last byte": lambda data: data[:-1],
    "garbage": lambda data: random.Random(0).randbytes(len(data)),
    "a bit": flip,
}


@pytest.mark.parametrize("which", ["index", "code", "sums"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_files_are_compiled_anew_once(start, which, damage):
    """Of any kind and in any of the files: this start mends it, the next one loads."""
    function, folder, code, index = kept(start)
    path = {"index": index, "code": code, "sums": sums_of(folder, function)}[which]
    path.write_bytes(damage(path.read_bytes()))
    assert start()[1] == "mended" and "damaged" in told() and str(folder) in told()
    assert start()[1] == "kept"


@pytest.mark.parametrize("which", ["index", "code", "sums"])
def test_missing_files_are_compiled_anew_once(start, which):
    """Whichever of the files somebody removed."""
    function, folder, code, index = kept(start)
    {"index": index, "code": code, "sums": sums_of(folder, function)}[which].unlink()
    assert start()[1] == "mended"
    assert start()[1] == "kept"


def test_damaged_files_that_stay_are_not_loaded(start):
    """What cannot be removed is left where it is, and every start compiles."""
    code = kept(start)[2]
    code.unlink()
    code.mkdir()
    for _ in range(2):
        assert start()[1] == "closed" and "NUMBA_CACHE_DIR" in told()


def test_no_folder_for_files(start, monkeypatch):
    """Where numba finds no folder that can be written, the code is compiled and works."""
    import numba

    monkeypatch.setattr(numba.config, "CACHE_LOCATOR_CLASSES", "IPythonCacheLocator", raising=False)
    assert start()[1] == "closed"
