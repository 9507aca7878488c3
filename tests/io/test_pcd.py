"""PCD files against bytes written here, and real ones where they are at hand."""

import struct
import time

import numpy as np
import pytest

from align3d_cli.errors import InputRejected
from align3d_cli.io.lzf import lzf_decompress
from align3d_cli.io.read import read_scan

HEAD = """# .PCD v0.7 - Point Cloud Data file format
VERSION 0.7
FIELDS {fields}
SIZE {sizes}
TYPE {types}
COUNT {counts}
WIDTH {width}
HEIGHT {height}
VIEWPOINT 0 0 0 1 0 0 0
POINTS {points}
DATA {data}
"""


def pcd(
    tmp_path, body, *, fields="x y z", sizes="4 4 4", types="F F F", counts="1 1 1", width=2, height=1, data="binary"
):
    values = {"fields": fields, "sizes": sizes, "types": types, "counts": counts, "width": width, "height": height}
    path = tmp_path / "part.pcd"
    path.write_bytes(HEAD.format(**values, points=width * height, data=data).encode() + body)
    return path


def literal_lzf(data: bytes) -> bytes:
    """LZF that stores everything plainly: the simplest valid compression."""
    return b"".join(bytes([len(data[i : i + 32]) - 1]) + data[i : i + 32] for i in range(0, len(data), 32))


def test_ascii_with_nan(tmp_path):
    """NaN in a text file is a point without measurement, kept in its place."""
    cloud = read_scan(pcd(tmp_path, b"1 2 3\nnan nan nan\n", data="ascii"))
    np.testing.assert_array_equal(cloud.xyz, [[1, 2, 3], [np.nan] * 3])
    np.testing.assert_array_equal(cloud.valid, [True, False])


@pytest.mark.parametrize(("kind", "name"), [("F", "rgb"), ("U", "rgba"), ("U", "rgb"), ("I", "rgb")])
def test_binary_with_packed_colour(tmp_path, kind, name):
    """Packed colours come out of floats and integers alike, whatever the alpha byte says."""
    rows = struct.pack("<fffI", 1, 2, 3, 0xFF0A141E) + struct.pack("<fffI", 4, 5, 6, 0x00FF8000)
    path = pcd(tmp_path, rows, fields=f"x y z {name}", sizes="4 4 4 4", types=f"F F F {kind}", counts="1 1 1 1")
    cloud = read_scan(path)
    np.testing.assert_array_equal(cloud.colours, [[10, 20, 30], [255, 128, 0]])
    np.testing.assert_array_equal(cloud.xyz, [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize("text", ["660510", "{:.9g}"])
def test_ascii_with_packed_colour(tmp_path, text):
    """A packed colour in text is the word itself, or a float with its bits."""
    word = text.format(np.array(660510, "<u4").view("<f4"))
    body = f"1 2 3 {word}\n4 5 6 {word}\n".encode()
    path = pcd(tmp_path, body, fields="x y z rgb", sizes="4 4 4 4", types="F F F F", counts="1 1 1 1", data="ascii")
    np.testing.assert_array_equal(read_scan(path).colours, [[10, 20, 30]] * 2)


def test_binary_with_padding_normals_and_lists(tmp_path):
    """Padding fields named _, fields of several items and normals keep their places; doubles are read as such."""
    rows = b"".join(struct.pack("<dddB3f3f", i, i + 1, i + 2, 9, 0, 0, 1, 7, 7, 7) for i in (1, 4))
    path = pcd(
        tmp_path,
        rows,
        fields="x y z _ normal_x normal_y normal_z histogram",
        sizes="8 8 8 1 4 4 4 4",
        types="F F F U F F F F",
        counts="1 1 1 1 1 1 1 3",
    )
    cloud = read_scan(path)
    np.testing.assert_array_equal(cloud.xyz, [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(cloud.normals, [[0, 0, 1]] * 2)


def test_compressed_fields_lie_one_after_the_other(tmp_path):
    """binary_compressed holds all x, then all y, then all z; height makes it organised."""
    plain = np.arange(12, dtype="<f4").tobytes()  # x 0..3, y 4..7, z 8..11
    packed = literal_lzf(plain)
    body = struct.pack("<II", len(packed), len(plain)) + packed
    cloud = read_scan(pcd(tmp_path, body, width=2, height=2, data="binary_compressed"))
    np.testing.assert_array_equal(cloud.xyz, np.arange(12).reshape(3, 4).T)
    assert cloud.grid == (2, 2)


def test_lzf_copies_repeat_and_reach_back():
    """Literals, a short copy, a copy running into itself, and a long copy give the bytes the format defines."""
    packed = bytes([2]) + b"abc" + bytes([0x20, 2]) + bytes([0xE0, 50, 0]) + bytes([0x20 | 0, 58])
    # "abc", 3 bytes from 3 back, 59 bytes from 1 back, 3 bytes from 59 back
    expected = b"abc" + b"abc" + b"c" * 59
    expected += expected[-59:][:3]
    assert lzf_decompress(packed, len(expected)) == expected


@pytest.mark.parametrize("packed", [bytes([0x20, 5]), bytes([2]) + b"ab", bytes([0xE0]), bytes([2]) + b"abcd"])
def test_lzf_refuses_damage(packed):
    """A copy from before the beginning, cut data or a false size raise ValueError, never wrong bytes."""
    with pytest.raises(ValueError):
        lzf_decompress(packed, 3)


def test_lzf_is_fast():
    """300 kB of short copies, the worst case, are done in well under a second."""
    packed = bytes([0]) + b"a" + bytes([0x20, 0]) * 150_000
    start = time.process_time()
    assert lzf_decompress(packed, 450_001) == b"a" * 450_001
    assert time.process_time() - start < 0.8


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"width": 10**12}, "more than the"),
        ({"width": 900}, "cannot hold"),
        ({"data": "morse"}, "morse"),
        ({"types": "F F Q"}, "unknown type"),
        ({"fields": "x y w"}, "x, y and z"),
        ({"sizes": "4 4"}, "damaged"),
        ({"counts": "1 1 -1"}, "damaged"),
        ({"width": 3, "data": "ascii"}, "rows of 3 numbers"),
        ({"data": "binary_compressed"}, "promised"),
    ],
)
def test_damaged_files_are_refused_in_one_line(tmp_path, change, says):
    """False counts, unknown types and data that does not fit give one line with the file's name."""
    body = b"1.000 2.000 3.000\n4.000 5.000 6.000\n" if change.get("data") == "ascii" else b"\1" * 24
    with pytest.raises(InputRejected) as caught:
        read_scan(pcd(tmp_path, body, **change))
    assert says in str(caught.value) and "part.pcd" in str(caught.value) and "\n" not in str(caught.value)


def test_cut_header_is_refused(tmp_path):
    """A header without its DATA line is refused."""
    (tmp_path / "part.pcd").write_bytes(HEAD.encode()[:80])
    with pytest.raises(InputRejected, match="no DATA line"):
        read_scan(tmp_path / "part.pcd")


def test_real_files_in_all_encodings(shared_data):
    """Files of the Point Cloud Library read to as many finite points as their headers say."""
    expected = {"lioness": 3400, "milk": 12575, "samp12": 26691, "samp61": 35060}
    for word, n in expected.items():
        (path,) = (shared_data / "pcd").glob(f"*{word}*.pcd")
        cloud = read_scan(path)
        assert len(cloud) == n and cloud.valid.all()
        assert (cloud.colours is not None) == (word == "milk")
