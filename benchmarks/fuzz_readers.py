"""Damaged scans by the thousand: python benchmarks/fuzz_readers.py N [--kinds ply pcd tiff] [--seed 0]

Spoils small sound files of every kind (cut, bytes or words exchanged, pieces lost, doubled or moved), N copies a kind,
and reads each. A copy is read, then its heat map must read again to as many points, or refused in one line that names
the file. All else is a fault: the table counts them, the first of each kind is printed, and the program ends with 1.
"""

import argparse
import io
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from accidents import mutant

from align3d_cli.clouds.cloud import Mesh, PointCloud
from align3d_cli.clouds.prepare import prepare
from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan
from align3d_cli.io.write import dump_scores

POINTS = np.round(np.random.default_rng(0).random((120, 3)), 4)
SQUARE = Mesh(np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]]), np.array([[0, 1, 2], [0, 2, 3]]))


def ply_files() -> list[bytes]:
    """Text and binary, points and faces, lists in the vertices, rows on two lines."""
    names = [
        *(f"property float {n}\n" for n in ("x", "y", "z")),
        *(f"property uchar {n}\n" for n in ("red", "green", "blue")),
    ]
    head = "ply\nformat {} 1.0\ncomment units: mm\nelement vertex 120\n" + "".join(names)
    faces = "element face 40\nproperty list uchar int vertex_indices\nproperty uchar flags\n"
    rows = [" ".join(f"{v:g}" for v in p) for p in POINTS]
    corners = np.arange(120).reshape(40, 3)
    text_faces = "".join(f"3 {a} {b} {c} 7\n" for a, b, c in corners)
    binary_faces = b"".join(b"\3" + row.tobytes() + b"\7" for row in corners.astype(">i4"))
    table = np.zeros(120, [("p", ">f4", 3), ("c", "u1", 3)])
    table["p"] = POINTS
    listed = head.format("binary_little_endian") + "property list uchar short seen\nend_header\n"
    ragged = b"".join(
        p.astype("<f4").tobytes() + b"\1\2\3" + bytes([i % 3]) + b"ab" * (i % 3) for i, p in enumerate(POINTS)
    )
    return [
        (head.format("ascii") + "end_header\n" + "".join(f"{row} 1 2 3\n" for row in rows)).encode(),
        (
            head.format("ascii") + faces + "end_header\n" + "".join(f"{row}\n1 2 3\n" for row in rows) + text_faces
        ).encode(),
        (
            head.format("ascii") + faces + "end_header\n" + "".join(f"{row} 1 2 3\n" for row in rows) + text_faces
        ).encode(),
        (head.format("binary_big_endian") + faces + "end_header\n").encode() + table.tobytes() + binary_faces,
        listed.encode() + ragged,
    ]


def pcd_files() -> list[bytes]:
    """All three forms, with packed colour and padding."""
    head = "VERSION .7\nFIELDS x y z _ rgb\nSIZE 4 4 4 1 4\nTYPE F F F U U\nCOUNT 1 1 1 {} 1\n"
    head += "WIDTH 12\nHEIGHT 10\nPOINTS 120\n"
    table = np.zeros(120, [("p", "<f4", 3), ("pad", "u1", 2), ("rgb", "<u4")])
    table["p"], table["rgb"] = POINTS, 0x0A141E
    columns = POINTS.astype("<f4").T.tobytes() + bytes(120) + table["rgb"].tobytes()
    packed = imagecodecs.lzf_encode(columns)
    sizes = np.array([len(packed), len(columns)], "<u4").tobytes()
    return [
        (head.format(0) + "DATA ascii\n" + "".join("{:g} {:g} {:g} 660510\n".format(*p) for p in POINTS)).encode(),
        (head.format(2) + "DATA binary\n").encode() + table.tobytes(),
        (head.format(1) + "DATA binary_compressed\n").encode() + sizes + packed,
    ]


def tiff_files() -> list[bytes]:
    """Coordinates and depth in strips and tiles, all compressions and predictors."""
    image = POINTS.reshape(10, 12, 3).astype(np.float32)
    depth = (POINTS[:, 0] * 60000).reshape(10, 12).astype(np.uint16)
    return [
        _tiff(image, photometric="rgb", compression="zlib", predictor=3),
        _tiff(image, photometric="rgb", rowsperstrip=3, byteorder=">"),
        _tiff(image, photometric="rgb", compression="lzw", tile=(16, 16), bigtiff=True),
        _tiff(np.moveaxis(image, -1, 0), photometric="rgb", planarconfig="separate", compression="zstd"),
        _tiff(depth, compression="packbits", rowsperstrip=4),
        _tiff(depth, compression="lzw", predictor=2),
    ]


def _tiff(image: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, image, **options)
    return stream.getvalue()


def _written(format: str, mesh: Mesh | None) -> bytes:
    stream = io.BytesIO()
    dump_scores(stream, PointCloud(POINTS, mesh=mesh), np.zeros(120, np.float32), np.zeros((120, 3), np.uint8), format)
    return stream.getvalue()


def npy_files() -> list[bytes]:
    """A table of points."""
    stream = io.BytesIO()
    np.save(stream, POINTS)
    return [stream.getvalue()]


def csv_files() -> list[bytes]:
    """Points with and without a header."""
    rows = "".join("{:g},{:g},{:g}\n".format(*p) for p in POINTS).encode()
    return [rows, b"x,y,z\n" + rows.replace(b",", b";").replace(b".", b",")]


def stl_files() -> list[bytes]:
    """Two facets, binary and text."""
    facet = np.array([[0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0]], "<f4").tobytes() + b"\0\0"
    text = "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\n"
    return [b"stl".ljust(80) + np.array(2, "<u4").tobytes() + 2 * facet, f"solid a\n{2 * text}endsolid a\n".encode()]


OBJ = b"v 0 0 0\nv 1 0 0\nv 1 1 0 \nv 0 1 0\nvn 0 0 1\nvt 0 1\nf 1/1/1 2/1/1 3/1/1\nf -4 -2 -1\n"
OFF = b"OFF\n4 2 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n3 0 1 2\n3 0 2 3\n"
SOUND: dict[str, Callable[[], list[bytes]]] = {
    "ply": ply_files,
    "pcd": pcd_files,
    "tiff": tiff_files,
    "npy": npy_files,
    "npz": lambda: [_written("npz", None)],
    "csv": csv_files,
    "stl": stl_files,
    "off": lambda: [OFF],
    "obj": lambda: [OBJ],
    "glb": lambda: [_written("glb", SQUARE)],
}


def outcome(path: Path) -> str:
    """ "read", "refused", or what went wrong."""
    try:
        cloud = read_scan(path, samples=200, focal_px=100.0)
        _check_map(path, cloud)
        prepare(cloud)
    except InputRejected as error:
        message = str(error)
        whole = "\n" not in message and path.name in message and "; " in message
        return "refused" if whole else f"a message of another form: {message!r}"
    except Exception:  # any other exception is what this program looks for
        return traceback.format_exc()
    return "read"


def _check_map(path: Path, cloud: PointCloud) -> None:
    rows = len(cloud.xyz if cloud.mesh is None else cloud.mesh.vertices)
    back = path.with_name("map.ply")
    with back.open("wb") as stream:
        scores, colours = np.zeros(len(cloud), np.float32), np.zeros((len(cloud), 3), np.uint8)
        dump_scores(stream, cloud, scores, colours, "ply")
    try:
        read = read_scan(back, samples=200)
    except InputRejected as error:
        raise AssertionError(f"the heat map is refused: {error}") from error
    if len(read.xyz if read.mesh is None else read.mesh.vertices) != rows:
        raise AssertionError(f"the heat map has other points than the {rows} of the scan")


def fuzz(kind: str, count: int, seed: int, folder: Path) -> tuple[Counter, str | None, float]:
    """How `count` spoilt files of a kind came out ("fault": neither), the first fault, CPU seconds of the slowest."""
    sound, rng = SOUND[kind](), np.random.default_rng(seed)
    path, found, first, slowest = folder / f"damaged.{kind}", Counter(), None, 0.0
    for i in range(count):
        path.write_bytes(mutant(sound[i % len(sound)], rng))
        start = time.process_time()
        result = outcome(path)
        slowest = max(slowest, time.process_time() - start)
        if result not in ("read", "refused"):
            first, result = first or f"{kind}, copy {i}: {result}", "fault"
        found[result] += 1
    return found, first, slowest


def main() -> None:
    """Print a table of outcomes, and the first fault of each kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, help="spoilt files of each kind")
    parser.add_argument("--kinds", nargs="+", choices=list(SOUND), default=list(SOUND))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("| reader | read | refused | fault | slowest CPU s |\n|---|---|---|---|---|")
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.kinds:
            found, first, slowest = fuzz(kind, options.count, options.seed, Path(folder))
            print(f"| {kind} | {found['read']} | {found['refused']} | {found['fault']} | {slowest:.2f} |", flush=True)
            faults += [first] if first else []
    print("", *faults, sep="\n")
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
