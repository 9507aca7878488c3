"""PCD files against bytes written here, and real ones where they are at hand."""

import struct

import numpy as np
import pytest

from align3d_cli.errors import InputRejected
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


def compressed(tmp_path, packed: bytes, plain_size: int, **change):
    return pcd(tmp_path, struct.pack("<II", len(packed), plain_size) + packed, data="binary_compressed", **change)


def test_lzf_copies_repeat_and_reach_back(tmp_path):
    """Literals, a short copy, a copy running into itself, and a long copy give the bytes the format defines."""
    packed = bytes([2]) + b"abc" + bytes([0x20, 2]) + bytes([0xE0, 50, 0]) + bytes([0x20 | 0, 58])
    # "abc", 3 bytes from 3 back, 59 bytes from 1 back, 3 bytes from 59 back: 68 bytes in all
    expected = b"abc" + b"abc" + b"c" * 59
    expected += expected[-59:][:3]
    path = compressed(tmp_path, packed + bytes([3]) + b"defg", 72, fields="x y z", width=6)
    points = np.frombuffer(expected + b"defg", "<f4").reshape(3, 6).T
    np.testing.assert_array_equal(read_scan(path).xyz, points.astype(np.float64))


@pytest.mark.parametrize(
    "packed", [bytes([0x20, 5]), bytes([2]) + b"ab", bytes([0xE0]), bytes([31]) + bytes(32), bytes([3]) + b"abcd", b""]
)
def test_lzf_refuses_damage(tmp_path, packed):
    """A copy from before the beginning, cut data or a false size are refused, never read as wrong points."""
    with pytest.raises(InputRejected, match="the compressed points"):
        read_scan(compressed(tmp_path, packed, 24))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"width": 10**12}, "cannot hold them"),
        ({"width": 900}, "cannot hold"),
        ({"width": -2}, "WIDTH '-2' is no whole number"),
        ({"types": "F F"}, "FIELDS names 3 fields, TYPE has 2 values"),
        ({"data": "morse"}, "morse"),
        ({"types": "F F Q"}, "unknown type"),
        ({"fields": "x y w"}, "FIELDS has no x, y and z, but x, y, w"),
        ({"sizes": "4 4"}, "SIZE has 2 values"),
        ({"counts": "1 1 -1"}, "COUNT '-1' is no whole number"),
        ({"counts": "1 1 9999"}, "COUNT is 9999 for field 'z'"),
        ({"width": 3, "data": "ascii"}, "header promises 3 points, has 2; it is cut off"),
        ({"data": "binary_compressed"}, "the compressed points promise 16843009 bytes, the header 24"),
    ],
)
def test_damaged_files_are_refused_in_one_line(tmp_path, change, says):
    """False counts, unknown types and data that does not fit give one line with the file's name."""
    body = b"1.000 2.000 3.000\n4.000 5.000 6.000\n" if change.get("data") == "ascii" else b"\1" * 24
    with pytest.raises(InputRejected) as caught:
        read_scan(pcd(tmp_path, body, **change))
    assert says in str(caught.value) and "part.pcd" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["FIELDS", "SIZE", "TYPE"])
def test_a_missing_line_is_named(tmp_path, key):
    """A header without one of its lines is refused by the line's name."""
    path = pcd(tmp_path, bytes(24))
    path.write_bytes(path.read_bytes().replace(key.encode(), b"# " + key.encode()))
    with pytest.raises(InputRejected, match=f"it has no {key} line"):
        read_scan(path)


def test_one_byte_short(tmp_path):
    """A binary file that lacks its last byte is refused with the bytes promised and there."""
    with pytest.raises(InputRejected, match="2 points in 24 bytes, 23 bytes are there; it is cut off"):
        read_scan(pcd(tmp_path, bytes(23)))


def test_compressed_points_one_byte_short(tmp_path):
    """A compressed file that lacks its last byte is refused with the bytes promised and there."""
    packed = literal_lzf(bytes(24))
    path = compressed(tmp_path, packed, 24)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputRejected, match="25 bytes of compressed points are promised, 24 are there; it is cut off"):
        read_scan(path)


def test_fields_of_no_items_and_padding(tmp_path):
    """COUNT 0 takes no bytes; fields named _ fill up a row, however many there are, without a note."""
    rows = b"".join(struct.pack("<fff4sfH2s", i, i + 1, i + 2, b"pads", 9, 7, b"__") for i in (1, 4))
    path = pcd(
        tmp_path,
        rows,
        fields="x y z _ intensity _ ring _",
        sizes="4 4 4 1 4 1 2 1",
        types="F F F U F U U U",
        counts="1 1 1 4 1 0 1 2",
    )
    cloud = read_scan(path)
    np.testing.assert_array_equal(cloud.xyz, [[1, 2, 3], [4, 5, 6]])
    assert cloud.notes == ()


def test_capitals_and_commas_in_the_header(tmp_path):
    """Field names in capitals and values parted by commas read like any other."""
    body = b"1 2 3 0 0 1\n4 5 6 0 0 1\n"
    fields = {"fields": "X, Y, Z, Normal_X, Normal_Y, Normal_Z", "sizes": "4,4,4,4,4,4", "types": "f f f f f f"}
    path = pcd(tmp_path, body, **fields, counts="1 1 1 1 1 1", data="ASCII")
    cloud = read_scan(path)
    np.testing.assert_array_equal(cloud.xyz, [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(cloud.normals, [[0, 0, 1]] * 2)


@pytest.mark.parametrize("data", ["ascii", "binary", "binary_compressed"])
def test_two_fields_of_one_name(tmp_path, data):
    """The first is read, and a note names it."""
    table = np.array([[1, 2, 3, 9], [4, 5, 6, 9]], "<f4")
    body = {"ascii": b"1 2 3 9\n4 5 6 9\n", "binary": table.tobytes()}.get(data)
    if body is None:
        packed = literal_lzf(np.ascontiguousarray(table.T).tobytes())
        body = struct.pack("<II", len(packed), 32) + packed
    many = {"fields": "x y z x", "sizes": "4 4 4 4", "types": "F F F F", "counts": "1 1 1 1"}
    cloud = read_scan(pcd(tmp_path, body, **many, data=data))
    np.testing.assert_array_equal(cloud.xyz, [[1, 2, 3], [4, 5, 6]])
    assert cloud.notes == ("FIELDS names 'x' more than once: the first is read",)


@pytest.mark.parametrize("data", ["ascii", "binary", "binary_compressed"])
@pytest.mark.parametrize(("said", "grid"), [((4, 1, 6), None), ((3, 2, 4), (2, 3)), ((4, 1, 5), "refused")])
def test_counts_that_contradict_each_other(tmp_path, data, said, grid):
    """Of WIDTH x HEIGHT and POINTS, the one that the data bears out is taken, with a note; else the file is refused."""
    table = np.arange(18, dtype="<f4").reshape(6, 3)
    packed = literal_lzf(np.ascontiguousarray(table.T).tobytes())
    body = {
        "ascii": "".join(f"{x:g} {y:g} {z:g}\n" for x, y, z in table).encode(),
        "binary": table.tobytes(),
        "binary_compressed": struct.pack("<II", len(packed), 72) + packed,
    }[data]
    width, height, points = said
    path = pcd(tmp_path, body, width=width, height=height, data=data)
    path.write_bytes(path.read_bytes().replace(b"POINTS %d" % (width * height), b"POINTS %d" % points))
    if grid == "refused":
        with pytest.raises(InputRejected, match="4 x 1, POINTS 5, and 6 points are there"):
            read_scan(path)
        return
    cloud = read_scan(path)
    np.testing.assert_array_equal(cloud.xyz, table)
    assert cloud.grid == grid
    assert cloud.notes == (f"WIDTH x HEIGHT is {width} x {height}, POINTS {points}: 6 points are there",)


@pytest.mark.parametrize("missing", ["WIDTH", "HEIGHT", "POINTS"])
def test_a_count_that_is_missing_follows_from_the_others(tmp_path, missing):
    """WIDTH, HEIGHT and POINTS are two facts in three lines."""
    path = pcd(tmp_path, np.arange(6, dtype="<f4").tobytes())
    path.write_bytes(path.read_bytes().replace(missing.encode(), b"# " + missing.encode()))
    np.testing.assert_array_equal(read_scan(path).xyz, [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("version", ["0.7", ".7", "7"])
@pytest.mark.parametrize("data", ["ascii", "binary"])
def test_line_ends_of_windows_in_the_header(tmp_path, version, data):
    """Carriage returns and other spellings of the version do not disturb, nor shift binary data."""
    body = b"0 1 2\r\n3 4 5\r\n" if data == "ascii" else np.arange(6, dtype="<f4").tobytes()
    path = pcd(tmp_path, b"", data=data)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n").replace(b"0.7", version.encode()) + body)
    np.testing.assert_array_equal(read_scan(path).xyz, [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_text_saved_again_by_an_editor(tmp_path, encoding):
    """A byte order mark and UTF-16 do not disturb an ascii file."""
    path = pcd(tmp_path, b"0 1 2\n3 4 5\n", data="ascii")
    path.write_bytes(path.read_bytes().decode().encode(encoding))
    np.testing.assert_array_equal(read_scan(path).xyz, [[0, 1, 2], [3, 4, 5]])


def test_decimal_commas_and_microsofts_nan(tmp_path):
    """Decimal commas are read as points, with a note; 1.#QNAN and its like are no measurement."""
    cloud = read_scan(pcd(tmp_path, b"0,5 1,25 -2\n3 4 5\n", data="ascii"))
    np.testing.assert_array_equal(cloud.xyz, [[0.5, 1.25, -2], [3, 4, 5]])
    assert len(cloud.notes) == 1 and "decimal commas" in cloud.notes[0]
    cloud = read_scan(pcd(tmp_path, b"1.#QNAN -1.#IND 1.#INF\n3 4 5\n", data="ascii"))
    np.testing.assert_array_equal(cloud.valid, [False, True])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"0 1 2\n3 4 five\n", "line 13: 'five' is not a number; mend it"),
        (b"0.25 1 2\n3 4\n", "line 13 has 2 numbers, the header promises 3; it is cut off"),
        (b"1.000,5 2 3\n4 5 6\n", "line 12 has 4 numbers, the header promises 3; write decimal points, not decimal"),
        (b"1 2\n3.5 4 5\n", "line 12 has 2 numbers, the header promises 3; mend it"),
        (b"0 1 2\n3 4 5\n6 7 8\n", "promises 2 points, has 3; correct WIDTH"),
    ],
)
def test_ascii_rows_are_named(tmp_path, body, says):
    """A bad word, a row of another length and rows too many are told with the line of the file."""
    with pytest.raises(InputRejected, match=says):
        read_scan(pcd(tmp_path, body, data="ascii"))


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
