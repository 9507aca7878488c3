"""One case: what a user does in a folder of its own; the message or the notes that come of it are looked at."""

from collections.abc import Callable
from pathlib import Path

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import Prepared, prepare
from align3d_cli.io.read import read_scan

Case = Callable[[Path], PointCloud | Prepared | None]


def scan(name: str, data: bytes | str, **options: object) -> Case:
    """Read a file of these bytes; options as for `read_scan`."""

    def case(folder: Path) -> PointCloud:
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
        return read_scan(folder / name, **options)

    return case


def prepared(name: str, data: bytes | str, background: str = "auto") -> Case:
    """Read a file of these bytes and choose the points to score."""
    return lambda folder: prepare(scan(name, data)(folder), background=background)
