"""Whatever happens to a file on its way: it is read, or refused in one line."""

import numpy as np
import pytest
import tifffile

from align3d_cli.clouds.cloud import Mesh, PointCloud
from align3d_cli.clouds.prepare import prepare
from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan
from align3d_cli.io.write import write_scores

POINTS = np.random.default_rng(0).random((120, 3))
PCD = "VERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH 120\nHEIGHT 1\nPOINTS 120\nDATA {}\n"


def sound_file(folder, kind: str) -> bytes:
    """A small valid file of the kind."""
    path = folder / f"sound.{kind}"
    square = Mesh(np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]]), np.array([[0, 1, 2], [0, 2, 3]]))
    nothing = np.zeros(120, np.float32), np.zeros((120, 3), np.uint8)
    if kind in ("ply", "npz"):
        write_scores(path, PointCloud(POINTS), *nothing)
    elif kind == "glb":
        write_scores(path, PointCloud(POINTS, mesh=square), *nothing)
    elif kind == "pcd":
        path.write_bytes(PCD.format("binary").encode() + POINTS.astype("<f4").tobytes())
    elif kind == "tiff":
        tifffile.imwrite(path, POINTS.reshape(10, 12, 3).astype(np.float32), photometric="rgb", compression="zlib")
    elif kind == "npy":
        np.save(path, POINTS)
    elif kind == "csv":
        np.savetxt(path, POINTS, delimiter=",")
    elif kind == "off":
        path.write_text("OFF\n4 2 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n3 0 1 2\n3 0 2 3\n")
    elif kind == "obj":
        path.write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1 2 3\nf 1 3 4\n")
    else:
        triangle = np.array([[0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0]], "<f4").tobytes() + b"\0\0"
        path.write_bytes(b"stl".ljust(80) + np.array(2, "<u4").tobytes() + 2 * triangle)
    return path.read_bytes()


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """The bytes cut somewhere, or with a few of them changed, most in the header."""
    data = bytearray(data)
    if rng.random() < 0.3:
        return bytes(data[: rng.integers(len(data))])
    reach = min(len(data), 300) if rng.random() < 0.7 else len(data)
    for at in rng.integers(reach, size=rng.integers(1, 10)):
        data[at] = rng.integers(256)
    return bytes(data)


@pytest.mark.parametrize("kind", ["ply", "pcd", "tiff", "npy", "npz", "csv", "stl", "off", "obj", "glb"])
def test_damage_is_read_or_refused(tmp_path, kind):
    """Forty damaged copies of a file each give a cloud or InputRejected of one line, and nothing else."""
    sound = sound_file(tmp_path, kind)
    path, rng = tmp_path / f"damaged.{kind}", np.random.default_rng(3)
    prepare(read_scan(tmp_path / f"sound.{kind}", samples=200))
    refused = 0
    for _ in range(40):
        path.write_bytes(damaged(sound, rng))
        try:
            prepare(read_scan(path, samples=200))
        except InputRejected as error:
            refused += 1
            assert "\n" not in str(error) and f"damaged.{kind}" in str(error)
    assert refused > 5
