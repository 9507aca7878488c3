"""Real scans, read and written back: python benchmarks/corpus.py FOLDER...

Every scan below the folders is read, and a heat map of it written and read again: as many points come out as went in,
or the scan was refused in one line. All else is a fault. Prints a row a kind of file, then every refusal and fault;
the program ends with 1 when there is a fault.
"""

import argparse
import io
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.errors import InputRejected
from align3d_cli.io.read import SCAN_SUFFIXES, read_scan
from align3d_cli.io.write import dump_scores

FOCAL_PX = 1000.0  # for depth maps, whose own nobody knows here: the number of their points is the same with any
COUNTS = ("read", "meshes", "noted", "refused", "fault")


def scans(folders: list[Path]) -> Iterator[Path]:
    """Every scan below the folders, sorted."""
    for folder in folders:
        yield from sorted(p for p in folder.rglob("*") if p.suffix.lower() in SCAN_SUFFIXES and p.is_file())


def rows_of(cloud: PointCloud) -> np.ndarray:
    """(M, 3) what a heat map has a row for: the points, or the vertices of a mesh."""
    return cloud.xyz if cloud.mesh is None else cloud.mesh.vertices


def check_map(cloud: PointCloud, folder: Path) -> None:
    """Raise AssertionError unless the heat map has the scan's points, in order, where they were."""
    stream, path = io.BytesIO(), folder / "map.ply"
    scores, colours = np.zeros(len(cloud), np.float32), np.zeros((len(cloud), 3), np.uint8)
    dump_scores(stream, cloud, scores, colours, "ply")
    path.write_bytes(stream.getvalue())
    there, back = rows_of(cloud), rows_of(read_scan(path, samples=1000, keep_marks=True))
    assert len(there) == len(back), f"{len(there)} points in, {len(back)} out"
    known = np.isfinite(there).all(axis=1)
    moved = np.abs(there[known] - back[known]).max(initial=0)
    assert moved <= 1e-5 * np.abs(there[known]).max(initial=1e-9), f"points have moved by {moved:g}"


def outcome(path: Path, folder: Path) -> tuple[list[str], int, str]:
    """Which of COUNTS hold of a scan, its points or vertices, and what is to be told about it."""
    try:
        cloud = read_scan(path, focal_px=FOCAL_PX)
        check_map(cloud, folder)
    except InputRejected as error:
        return ["refused"], 0, str(error)
    except Exception:  # any other exception is what this program looks for
        return ["fault"], 0, f"{path}: {traceback.format_exc()}"
    also = (["meshes"] if cloud.mesh is not None else []) + (["noted"] if cloud.notes else [])
    return ["read", *also], len(rows_of(cloud)), "".join(f"{path}: {note}\n" for note in cloud.notes).rstrip()


def main() -> None:
    """Print a row a kind of file, and below it what was noted, refused and found at fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    counts: dict[str, Counter] = defaultdict(Counter)
    told, slowest = [], defaultdict(float)
    with TemporaryDirectory() as folder:
        for path in scans(parser.parse_args().folders):
            kind, start = path.suffix.lower().lstrip("."), time.process_time()
            found, points, text = outcome(path, Path(folder))
            counts[kind].update({"files": 1, "points": points} | dict.fromkeys(found, 1))
            slowest[kind] = max(slowest[kind], time.process_time() - start)
            told += [text] if text else []
    print(f"| kind | files | {' | '.join(COUNTS)} | points | slowest CPU s |\n|---|{'---|' * (len(COUNTS) + 3)}")
    for kind, count in sorted(counts.items()):
        cells = [count[name] for name in ("files", *COUNTS, "points")]
        print(f"| {kind} | {' | '.join(map(str, cells))} | {slowest[kind]:.2f} |")
    print("", *told, sep="\n")
    raise SystemExit(any(count["fault"] for count in counts.values()))


if __name__ == "__main__":
    main()
