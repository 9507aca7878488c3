"""What the tests need to write tiny data sets in their native layouts."""

import numpy as np
import pytest
import tifffile
from PIL import Image


@pytest.fixture
def write_pcd():
    """Writes (N, 3) points as a v0.7 pcd file, binary as the data sets have them or ascii."""

    def write(path, xyz, *, ascii=False):
        path.parent.mkdir(parents=True, exist_ok=True)
        xyz = np.asarray(xyz, np.float32)
        header = (
            "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\n"
            f"WIDTH {len(xyz)}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {len(xyz)}\n"
            f"DATA {'ascii' if ascii else 'binary'}\n"
        )
        body = "".join(f"{x:.6f} {y:.6f} {z:.6f}\n" for x, y, z in xyz).encode() if ascii else xyz.tobytes()
        path.write_bytes(header.encode() + body)

    return write


@pytest.fixture
def write_image():
    """Writes an array as an image (uint8 grey or colour, uint16 grey)."""

    def write(path, pixels):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(pixels)).save(path)

    return write


@pytest.fixture
def write_tiff():
    """Writes (H, W, 3) points as the organised float32 tiff of MVTec 3D-AD."""

    def write(path, xyz):
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, np.asarray(xyz, np.float32), photometric="rgb")

    return write


@pytest.fixture
def surface():
    """n points of a wavy sheet about 30 mm across, in no particular order, and which of them are defective."""

    def make(n, seed=0):
        rng = np.random.default_rng(seed)
        xy = rng.uniform(0, 30, (n, 2))
        xyz = np.column_stack([xy, np.sin(xy[:, 0])]).astype(np.float32).astype(np.float64)
        return xyz, np.hypot(*(xy - 10).T) < 5

    return make
