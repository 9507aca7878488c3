"""Numpy arrays and archives: their headers, shapes, names."""

import io
import zipfile

import numpy as np

from .case import Case, scan


def header(shape: tuple[int, ...], kind: str = "<f8") -> bytes:
    """The header of an array that need not be there."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def array(values: np.ndarray, **options: object) -> Case:
    """Read an array saved whole."""
    return scan(
        "a.npy",
        header(values.shape, values.dtype.descr if values.dtype.names else values.dtype.str) + values.tobytes(),
        **options,
    )


def archive(arrays: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of members as they are."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as zipped:
        for name, data in arrays.items():
            zipped.writestr(zipfile.ZipInfo(f"{name}.npy"), data, method)
    return stream.getvalue()


def floats(*shape: int) -> bytes:
    """An array of ones."""
    return header(shape) + np.ones(shape).tobytes()


NAMES = np.zeros(2, [("a", "f4"), ("b", "f4")])
SOUND = archive({"points": floats(2, 3)})
DIRECTORY = SOUND.index(b"PK\1\2")
LOCKED = SOUND[: DIRECTORY + 8] + b"\1" + SOUND[DIRECTORY + 9 :]  # the bit that says a password is needed

CASES = {
    "no array": scan("a.npy", b"hello"),
    "cut in its header": scan("a.npy", floats(2, 3)[:60]),
    "objects": scan("a.npy", header((10, 3), "|O") + bytes(240)),
    "texts": array(np.array([["a", "b", "c"]])),
    "truth values": array(np.ones((2, 3), bool)),
    "complex": array(np.ones((2, 3), complex)),
    "promises too much": scan("a.npy", header((10**12, 3)) + bytes(240)),
    "negative shape": scan("a.npy", header((-1, 3)) + bytes(240)),
    "cut": scan("a.npy", floats(100, 3)[:-8]),
    "four axes": array(np.zeros((2, 4, 5, 2))),
    "one number": array(np.array(1.0)),
    "a line of numbers": array(np.zeros(9)),
    "two columns": array(np.zeros((5, 2))),
    "columns 4 to 6 unclear": array(np.random.default_rng(0).normal(size=(40, 6))),
    "rows far too wide": array(np.ones((40, 50))),
    "fields without x": array(NAMES),
    "fields of texts": array(np.zeros(2, [("x", "f4"), ("y", "f4"), ("z", "S4")])),
    "fields in differing units": array(np.zeros(2, [("x_mm", "f4"), ("y_mm", "f4"), ("z_um", "f4")])),
    "fields and columns": array(np.zeros(2, [("x", "f4"), ("y", "f4"), ("z", "f4")]), columns="xyz"),
    "another archive": scan("a.npz", "hello"),
    "no archive": scan("a.npz", b"PK\3\4 hello"),
    "archive cut": scan("a.npz", SOUND[:-30]),
    "archive damaged": scan("a.npz", SOUND[:60] + b"\xff" + SOUND[61:]),
    "archive empty": scan("a.npz", archive({})),
    "archive of several": scan("a.npz", archive({"one": floats(2, 3), "two": floats(2, 3)})),
    "archive of no array": scan("a.npz", archive({"points": b"hello"})),
    "archive of a cut array": scan("a.npz", archive({"points": floats(9, 3)[:-8]})),
    "archive that is a bomb": scan(
        "a.npz", archive({"points": header((4_000_000, 3)) + bytes(96_000_000)}, zipfile.ZIP_DEFLATED)
    ),
    "archive with a password": scan("a.npz", LOCKED),
    "archive of unequal coordinates": scan("a.npz", archive({"x": floats(3), "y": floats(3), "z": floats(4)})),
    "archive with objects": scan("a.npz", archive({"points": header((2, 3), "|O") + bytes(48)})),
}
